"""Bring a Prefect server in line with a project: pool, blocks, deployments, automations. Twice changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from recyclekit.errors import ConfigError
from recyclekit.project import Project
from recyclekit.samples.template import packaged_deployments
from recyclekit_flows.automations import read_automations, upsert_automations
from recyclekit_flows.deployment_file import PLACE, DeploymentFile, read_deployments
from recyclekit_flows.done import Did, Done
from recyclekit_flows.server import server

_COMPARED = (
    "entrypoint", "parameters", "description", "tags", "work_pool_name", "work_queue_name", "concurrency_options",
    "global_concurrency_limit", "enforce_parameter_schema", "parameter_openapi_schema", "pull_steps", "job_variables",
)  # fmt: skip

Tell = Callable[[Done], None]


def deploy_project(project: Project, tell: Tell) -> list[Done]:
    """Make or change what is missing on the server that PREFECT_API_URL names; return what was done, in order.

    Raises:
        RecyclekitError: no server, a file that cannot be deployed, or a deployment of another project by that name.
    """
    file = read_deployments(project)
    done: list[Done] = []
    with server() as client:
        for step in (
            _pools(client, file),
            _blocks(client),
            _deployments(client, project, file),
            _acts(client, project),
        ):
            for one in step:
                tell(one)
                done.append(one)
    return done


def _pools(client: SyncPrefectClient, file: DeploymentFile) -> Iterator[Done]:
    from prefect.workers.process import ProcessWorker

    for name in file.pools:
        try:
            pool = client.read_work_pool(name)
            yield Done(kind="work pool", name=name, did=Did.LEFT, what=f"type {pool.type}")
        except ObjectNotFound:
            template = ProcessWorker.get_default_base_job_template()
            client.create_work_pool(WorkPoolCreate(name=name, type="process", base_job_template=template))
            yield Done(kind="work pool", name=name, did=Did.MADE, what="type process")


def _blocks(client: SyncPrefectClient) -> Iterator[Done]:
    from recyclekit_flows.blocks import CLASSES

    for block in CLASSES:
        slug = block._to_block_type().slug
        schema = block._to_block_schema()
        try:
            there = client.read_block_type_by_slug(slug)
            known = client.read_block_schema_by_checksum(schema.checksum, schema.version)
            did = Did.LEFT if known.block_type_id == there.id else Did.CHANGED
        except ObjectNotFound:
            did = Did.CHANGED if _has_type(client, slug) else Did.MADE
        if did is not Did.LEFT:
            block.register_type_and_schema()
        yield Done(kind="block type", name=slug, did=did, what=f"{len(block.model_fields)} fields")


def _has_type(client: SyncPrefectClient, slug: str) -> bool:
    try:
        client.read_block_type_by_slug(slug)
    except ObjectNotFound:
        return False
    return True


def _deployments(client: SyncPrefectClient, project: Project, file: DeploymentFile) -> Iterator[Done]:
    names = file.full_names()
    before = {name: _deployment(client, name) for name in names}
    for name, one in zip(names, file.deployments, strict=True):
        _refuse_strangers(name, one, before[name])
    _prefect_deploy(file)
    for name in names:
        after = _deployment(client, name)
        assert after is not None, name
        old = before[name]
        changed = [] if old is None else _changed(old, after)
        did = Did.MADE if old is None else Did.CHANGED if changed else Did.LEFT
        yield Done(kind="deployment", name=name, did=did, what="; ".join([_schedules(after), *changed]))
    missing = set(project.spec.pipelines) - {one.get("parameters", {}).get("pipeline") for one in file.deployments}
    for pipeline in sorted(missing):
        what = f"{file.path} names it in no deployment, so nothing runs it"
        yield Done(kind="pipeline", name=pipeline, did=Did.SKIPPED, what=what)


def _deployment(client: SyncPrefectClient, name: str) -> DeploymentResponse | None:
    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None


def _refuse_strangers(name: str, wanted: Mapping[str, Any], there: DeploymentResponse | None) -> None:
    """Stop before a deployment of another project is overwritten: on one server, names are unique."""
    mine = (wanted.get("parameters") or {}).get("project")
    theirs = there.parameters.get("project") if there is not None else None
    if mine and theirs and str(mine) != str(theirs):
        raise ConfigError(
            f"The server has a deployment {name} already, of the project in {theirs}.",
            why=f"This project is in {mine}; its runs would take the other's place.",
            fix=f"Rename the pipeline, or give its deployments a name of their own in {PLACE}; if the folder has "
            f"moved, remove the old one: prefect deployment delete {name}",
        )


def _prefect_deploy(file: DeploymentFile) -> None:
    # Prefect's own command reads the file: whatever it can say there holds here too.
    with tempfile.TemporaryDirectory(prefix="recyclekit-deploy-") as folder:
        path = Path(folder) / "prefect.yaml"
        path.write_text(json.dumps(file.content, default=str), encoding="utf-8")  # JSON is YAML
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(path)]
        env = os.environ | {"NO_COLOR": "1", "COLUMNS": "200"}
        done = subprocess.run(  # noqa: S603  # no shell, and no word of it comes from outside of this function
            command, cwd=folder, env=env, capture_output=True, text=True, check=False
        )
    if done.returncode:
        said = [line.strip(" │╭╮╰╯─") for line in (done.stdout + done.stderr).splitlines()]
        raise ConfigError(
            f"Prefect refuses what {file.path or PLACE} says.",
            why=" ".join([line for line in said if line][-8:])[-1000:],
            fix="Correct it and deploy again; what was deployed before stays.",
        )


def _changed(old: DeploymentResponse, new: DeploymentResponse) -> list[str]:
    """Return in words what differs."""
    before, after = (one.model_dump(mode="json") for one in (old, new))
    limits = [_limit(one) for one in (before, after)]
    words = [
        f"{name.replace('_', ' ')} changed"
        for name in _COMPARED
        if name != "global_concurrency_limit" and before.get(name) != after.get(name)
    ]
    if limits[0] != limits[1]:
        words.append(f"at most {limits[1]} runs at once, was {limits[0]}")
    if _schedules(old) != _schedules(new):
        words.append(f"was: {_schedules(old)}")
    return words


def _limit(one: Mapping[str, Any]) -> Any:
    return (one.get("global_concurrency_limit") or {}).get("limit")


def _schedules(one: DeploymentResponse) -> str:
    """Return a deployment's schedules in words."""
    said = []
    for found in sorted(one.schedules, key=lambda found: found.slug or ""):
        rule = found.schedule
        when = getattr(rule, "cron", None) or getattr(rule, "rrule", None) or f"every {getattr(rule, 'interval', '')}"
        paused = "" if found.active else " (paused)"
        said.append(f"{when} {getattr(rule, 'timezone', None) or 'UTC'}{paused}")
    return ", ".join(said) or "started by hand"


def _acts(client: SyncPrefectClient, project: Project) -> Iterator[Done]:
    path = project.folder / PLACE.with_name("automations.yaml")
    text = path.read_text(encoding="utf-8") if path.is_file() else packaged_deployments().get("automations.yaml")
    if text is None:
        return
    where = str(path) if path.is_file() else "the packaged automations.yaml"
    yield from upsert_automations(client, read_automations(text, where), where)

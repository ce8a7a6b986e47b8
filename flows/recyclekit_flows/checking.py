"""What stands in the way of a scheduled run on a Prefect server: each trap as a finding, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from recyclekit.errors import RecyclekitError
from recyclekit.models.snapshot import Finding
from recyclekit.project import Project
from recyclekit_flows.versions import compared, strays

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

    from recyclekit_flows.deployment_file import DeploymentFile

_DEPLOY = "recyclekit deploy"


def check_server(project: Project) -> list[Finding]:
    """Return what is wrong with the server that is named, and with what of the project runs there. Changes nothing."""
    found = list(strays())
    try:
        # Not before the versions: with some of them Prefect itself cannot be imported.
        from recyclekit_flows.call import quiet_console
        from recyclekit_flows.deployment_file import read_deployments
        from recyclekit_flows.server import server
    except ImportError as error:
        fix = "Install the pins of requirements/run.txt again."
        return [*found, Finding(level="error", where="prefect", what=f"Prefect cannot be imported: {error}", fix=fix)]
    quiet_console()
    try:
        file = read_deployments(project)
        with server() as client:
            found += [
                *compared(_version(client)),
                *_blocks(client),
                *_deployments(client, project, file),
                *(finding for pool in file.pools for finding in _pool(client, pool)),
            ]
    except RecyclekitError as error:
        found.append(Finding(level="error", where="prefect", what=f"{error.what} {error.why}".strip(), fix=error.fix))
    return found


def _version(client: SyncPrefectClient) -> str:
    return str(client._client.get("/admin/version").json())  # the sync client has no method for it


def _blocks(client: SyncPrefectClient) -> Iterator[Finding]:
    from recyclekit_flows.blocks import CLASSES

    there = {one.slug for one in client.read_block_types()}
    missing = [slug for slug in (block._to_block_type().slug for block in CLASSES) if slug not in there]
    if missing:
        what = f"The server does not know the block types {', '.join(missing)}, so its pages do not offer them."
        yield Finding(level="warning", where="blocks", what=what, fix=_DEPLOY)


def _pool(client: SyncPrefectClient, name: str) -> Iterator[Finding]:
    from prefect.client.schemas.objects import WorkerStatus
    from prefect.exceptions import ObjectNotFound

    where = f"work pool {name}"
    try:
        pool = client.read_work_pool(name)
    except ObjectNotFound:
        yield Finding(level="error", where=where, what="The server has no such work pool.", fix=_DEPLOY)
        return
    if pool.is_paused:
        what = "It is paused: its runs wait."
        yield Finding(level="warning", where=where, what=what, fix=f"prefect work-pool resume {name}")
    workers = client.read_workers_for_work_pool(name)
    if any(worker.status == WorkerStatus.ONLINE for worker in workers):
        return
    beats = [worker.last_heartbeat_time for worker in workers if worker.last_heartbeat_time]
    since = f" The last was heard at {max(beats):%Y-%m-%d %H:%M} UTC." if beats else " None ever did."
    what = f"No worker polls it, so nothing that is scheduled will run.{since}"
    yield Finding(level="error", where=where, what=what, fix=f"prefect worker start --pool {name}")


def _deployments(client: SyncPrefectClient, project: Project, file: DeploymentFile) -> Iterator[Finding]:
    from prefect.exceptions import ObjectNotFound

    for name in file.full_names():
        try:
            yield from _deployment(name, client.read_deployment_by_name(name), project)
        except ObjectNotFound:
            what = "The project names this deployment, and the server does not have it."
            yield Finding(level="error", where=name, what=what, fix=_DEPLOY)


def _post(path: str) -> str:
    return f'curl -X POST "$PREFECT_API_URL/{path}"'  # no command of Prefect's does it


def _deployment(name: str, there: DeploymentResponse, project: Project) -> Iterator[Finding]:
    theirs = there.parameters.get("project")
    if theirs and str(theirs) != str(project.folder.resolve()):
        what = f"It runs the project in {theirs}, not this one."
        yield Finding(
            level="note", where=name, what=what, fix="Right where that is this project on the workers' machine."
        )
    if there.paused:
        fix = f"Switch it on, on its page in Deployments, or: {_post(f'deployments/{there.id}/resume_deployment')}"
        yield Finding(level="warning", where=name, what="It is paused.", fix=fix)
    for one in there.schedules:
        if not one.active:
            fix = f"prefect deployment schedule resume {name} {one.id}"
            yield Finding(level="warning", where=name, what=f"Its schedule {one.slug or one.id} is off.", fix=fix)
        zone = getattr(one.schedule, "timezone", None) or "UTC"
        if getattr(one.schedule, "cron", None) and zone != project.spec.timezone:
            what = f"Its schedule counts in {zone}; the business day of the project is that of {project.spec.timezone}."
            fix = "Write timezone: '{{ $RECYCLEKIT_TIMEZONE }}' in deployments/prefect.yaml, then " + _DEPLOY
            yield Finding(level="warning", where=name, what=what, fix=fix)

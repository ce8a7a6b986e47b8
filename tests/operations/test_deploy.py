"""Story 1: `recyclekit deploy` on real servers; what it makes, leaves alone and refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from recyclekit.errors import ConfigError
from recyclekit.project import open_project
from recyclekit.samples.template import packaged_deployments
from tests.architecture.house import ROOT
from tests.operations.company import recyclekit, sample_project
from tests.operations.server import PrefectServer

pytestmark = pytest.mark.prefect


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of two pipelines in Berlin, as `init` and a person make it."""
    folder = tmp_path_factory.mktemp("crm")
    sample_project(folder)
    path = folder / "recyclekit.yaml"
    text = path.read_text(encoding="utf-8").replace("Asia/Tokyo", "Europe/Berlin")
    path.write_text(text.replace("  main: {", "  europe: {source: crm}\n  main: {"), encoding="utf-8")
    (folder / "deployments").mkdir()
    own = packaged_deployments()["prefect.yaml"].replace("{name: recyclekit}", "{name: berlin}")
    (folder / "deployments/prefect.yaml").write_text(own, encoding="utf-8")
    (folder / "deployments/automations.yaml").write_text(AUTOMATIONS, encoding="utf-8")
    return folder


AUTOMATIONS = """
automations:
  - name: berlin runs the reaper
    description: For this test.
    trigger: {type: event, posture: Reactive, expect: [recyclekit.never], threshold: 1, within: 0}
    actions: [{type: run-deployment, deployment: reap/dead-runs, parameters: {}}]
  - name: berlin tells somebody
    trigger: {type: event, posture: Reactive, expect: [recyclekit.never], threshold: 1, within: 0}
    actions: [{type: send-notification, block: slack-webhook/not-there, subject: s, body: b}]
"""


@pytest.fixture(scope="module")
def first(prefect_sqlite: PrefectServer, folder: Path) -> list[dict[str, Any]]:
    """What the first `recyclekit deploy` of the project did."""
    return _deploy(prefect_sqlite, folder)


def test_one_command_makes_pool_deployments_and_automations(
    prefect_sqlite: PrefectServer, first: list[dict[str, Any]]
) -> None:
    did = {(one["kind"], one["name"]): one["did"] for one in first}
    assert did["work pool", "berlin"] == "made"
    for name in ("recycle/main", "recycle/europe", "retry/europe", "undo/main", "reap/dead-runs"):
        assert did["deployment", name] == "made", name
    assert did["automation", "berlin runs the reaper"] == "made"
    assert did["automation", "berlin tells somebody"] == "skipped"
    (why,) = [one["what"] for one in first if one["name"] == "berlin tells somebody"]
    assert "the block slack-webhook/not-there is not on the server" in why
    deployed = prefect_sqlite.get("/deployments/name/recycle/europe")
    assert deployed["parameters"]["pipeline"] == "europe"
    assert deployed["entrypoint"] == "recyclekit_flows.recycle.recycle"
    assert not deployed["pull_steps"]
    assert deployed["schedules"][0]["schedule"]["timezone"] == "Europe/Berlin"


def test_deploying_again_changes_nothing(
    prefect_sqlite: PrefectServer, folder: Path, first: list[dict[str, Any]]
) -> None:
    _deploy_here(prefect_sqlite, folder)  # what other tests changed
    again = _deploy_here(prefect_sqlite, folder)
    assert {one["did"] for one in again} == {"left", "skipped"}
    assert [one["name"] for one in again] == [one["name"] for one in first]


def test_what_a_person_paused_stays_paused_and_what_the_file_changes_is_changed(
    prefect_sqlite: PrefectServer, folder: Path, first: list[dict[str, Any]]
) -> None:
    _deploy_here(prefect_sqlite, folder)  # what other tests changed
    deployed = prefect_sqlite.get("/deployments/name/recycle/main")
    _patch(
        prefect_sqlite,
        f"/deployments/{deployed['id']}/schedules/{deployed['schedules'][0]['id']}",
        {"active": False},
    )
    (one,) = prefect_sqlite.post("/automations/filter", {"automations": {"name": {"any_": ["berlin runs the reaper"]}}})
    _patch(prefect_sqlite, f"/automations/{one['id']}", {"enabled": False})
    _edit(folder / "deployments/prefect.yaml", "0 6 * * 1-5", "30 7 * * 1-5")
    _edit(folder / "deployments/automations.yaml", "For this test.", "For this test only.")
    changed = {one["name"]: one for one in _deploy_here(prefect_sqlite, folder) if one["did"] == "changed"}
    assert set(changed) == {"recycle/main", "recycle/europe", "berlin runs the reaper"}
    assert changed["recycle/europe"]["what"] == "30 7 * * 1-5 Europe/Berlin; was: 0 6 * * 1-5 Europe/Berlin"
    (paused,) = prefect_sqlite.get("/deployments/name/recycle/main")["schedules"]
    assert (paused["schedule"]["cron"], paused["active"]) == ("30 7 * * 1-5", False)
    (still,) = prefect_sqlite.post(
        "/automations/filter", {"automations": {"name": {"any_": ["berlin runs the reaper"]}}}
    )
    assert (still["id"], still["enabled"], still["description"]) == (one["id"], False, "For this test only.")


def test_a_deployment_of_another_project_is_not_taken_over(
    prefect_sqlite: PrefectServer, first: list[dict[str, Any]], tmp_path: Path
) -> None:
    sample_project(tmp_path / "other")
    with pytest.raises(ConfigError) as caught:
        _deploy_here(prefect_sqlite, tmp_path / "other")
    assert "has a deployment recycle/main already" in caught.value.what
    assert "prefect deployment delete recycle/main" in caught.value.fix


def test_a_pipeline_that_no_deployment_names_is_told(
    prefect_sqlite: PrefectServer, folder: Path, first: list[dict[str, Any]]
) -> None:
    _edit(folder / "deployments/prefect.yaml", "{{ $RECYCLEKIT_PIPELINE }}", "main")
    told = [one for one in _deploy_here(prefect_sqlite, folder) if one["kind"] == "pipeline"]
    assert [(one["name"], one["did"]) for one in told] == [("europe", "skipped")]


def test_a_file_that_prefect_refuses_is_told_in_its_words(
    prefect_sqlite: PrefectServer, folder: Path, first: list[dict[str, Any]]
) -> None:
    _edit(folder / "deployments/prefect.yaml", "0 6 * * 1-5", "0 6 * * every")
    with pytest.raises(ConfigError) as caught:
        _deploy_here(prefect_sqlite, folder)
    assert "Prefect refuses what" in caught.value.what
    assert "every" in caught.value.why


def test_without_a_server_deploying_says_how_to_name_one(
    prefect_sqlite: PrefectServer, folder: Path, tmp_path: Path
) -> None:
    env = {**prefect_sqlite.env, "PREFECT_HOME": str(tmp_path)}
    del env["PREFECT_API_URL"]
    assert "prefect config set PREFECT_API_URL=" in recyclekit("deploy", "--project", str(folder), env=env, fails=2)
    env["PREFECT_API_URL"] = "http://127.0.0.1:1/api"
    assert "did not answer" in recyclekit("deploy", "--project", str(folder), env=env, fails=7)


def test_the_shipped_files_are_those_that_init_writes() -> None:
    shipped = {p.name: p.read_text(encoding="utf-8") for p in (ROOT / "deployments").iterdir() if p.is_file()}
    packaged = packaged_deployments()
    assert {name: shipped.get(name) for name in packaged} == packaged
    assert {"prefect.yaml", "server.env"} <= set(packaged)


def _deploy(server: PrefectServer, folder: Path) -> list[dict[str, Any]]:
    answer = json.loads(recyclekit("deploy", "--project", str(folder), "--json", env=server.env))
    assert answer["server"] == server.url
    done: list[dict[str, Any]] = answer["done"]
    return done


def _deploy_here(server: PrefectServer, folder: Path) -> list[dict[str, Any]]:
    """Deploy from this process, which saves importing Prefect once more."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from recyclekit_flows.deploying import deploy_project

    with pytest.MonkeyPatch.context() as patch, temporary_settings({PREFECT_API_URL: server.url}):
        patch.setenv("PREFECT_API_URL", server.url)  # of Prefect's own command
        return [asdict(one) for one in deploy_project(open_project(folder), lambda _: None)]


def _patch(server: PrefectServer, path: str, body: dict[str, Any]) -> None:
    httpx.patch(server.url + path, json=body, timeout=30).raise_for_status()


@pytest.fixture(autouse=True)
def _restored(folder: Path) -> Iterator[None]:
    before = {path: path.read_text(encoding="utf-8") for path in (folder / "deployments").iterdir()}
    yield
    for path, text in before.items():
        path.write_text(text, encoding="utf-8")


def _edit(path: Path, old: str, new: str) -> None:
    """Change a file; _restored puts it back after the test."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")

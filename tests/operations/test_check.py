"""Story 10: `recyclekit check` knows the traps of a Prefect server, each named with what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version as installed
from pathlib import Path

import httpx
import pytest

from recyclekit.models.snapshot import Finding
from recyclekit.project import Project, open_project
from recyclekit.samples.template import packaged_deployments
from recyclekit_flows.versions import compared, strays
from tests.operations.company import AS_OF, sample_project
from tests.operations.server import PrefectServer
from tests.operations.worker import running_worker

pytestmark = pytest.mark.prefect


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a pool and deployments of its own names."""
    folder = tmp_path_factory.mktemp("checked")
    sample_project(folder)
    (folder / "deployments").mkdir()
    text = packaged_deployments()["prefect.yaml"].replace("{name: recyclekit}", "{name: checked}")
    text = text.replace('name: "{{', 'name: "checked-{{').replace("dead-runs", "checked-dead-runs")
    (folder / "deployments/prefect.yaml").write_text(text, encoding="utf-8")
    (folder / "deployments/automations.yaml").write_text("automations: []\n", encoding="utf-8")
    return open_project(folder)


@pytest.fixture
def here(prefect_sqlite: PrefectServer) -> Iterator[PrefectServer]:
    """The server, as the one that this process is told of."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with pytest.MonkeyPatch.context() as patch, temporary_settings({PREFECT_API_URL: prefect_sqlite.url}):
        patch.setenv("PREFECT_API_URL", prefect_sqlite.url)
        yield prefect_sqlite


def test_what_is_missing_is_named_until_deploying_has_made_it(here: PrefectServer, project: Project) -> None:
    from recyclekit_flows.checking import check_server
    from recyclekit_flows.deploying import deploy_project

    (type_,) = here.post("/block_types/filter", {"block_types": {"slug": {"any_": ["recyclekit-tryton"]}}})
    httpx.delete(f"{here.url}/block_types/{type_['id']}", timeout=30).raise_for_status()
    found = check_server(project)
    assert _only(found, "work pool checked").what == "The server has no such work pool."
    assert "recyclekit-tryton" in _only(found, "blocks").what
    assert "does not have it" in _only(found, "recycle/checked-main").what
    assert {one.fix for one in found} == {"recyclekit deploy"}
    deploy_project(project, lambda _: None)
    (left,) = check_server(project)
    assert left.where == "work pool checked"
    assert "No worker polls it" in left.what
    assert "None ever did" in left.what
    assert left.fix == "prefect worker start --pool checked"
    # On the server as it is then, so in this order.
    then_a_schedule_that_counts_in_another_zone_is_told(here, project)
    then_what_somebody_paused_is_told(here, project)
    then_with_a_worker_nothing_is_wrong_and_when_it_has_gone_it_is_told(here, project)


def then_a_schedule_that_counts_in_another_zone_is_told(here: PrefectServer, project: Project) -> None:
    from recyclekit_flows.checking import check_server

    file = project.folder / "recyclekit.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("Asia/Tokyo", "America/New_York"), encoding="utf-8")
    try:
        found = _only(check_server(open_project(project.folder)), "recycle/checked-main")
    finally:
        file.write_text(text, encoding="utf-8")
    assert "counts in Asia/Tokyo; the business day of the project is that of America/New_York" in found.what


def then_what_somebody_paused_is_told(here: PrefectServer, project: Project) -> None:
    from recyclekit_flows.checking import check_server

    one = here.get("/deployments/name/recycle/checked-main")
    _patch(here, f"/deployments/{one['id']}", {"paused": True})
    _patch(here, "/work_pools/checked", {"is_paused": True})
    daily = f"/deployments/{one['id']}/schedules/{one['schedules'][0]['id']}"
    _patch(here, daily, {"active": False})
    found = {(each.where, each.what) for each in check_server(project)}
    _patch(here, f"/deployments/{one['id']}", {"paused": False})
    _patch(here, "/work_pools/checked", {"is_paused": False})
    _patch(here, daily, {"active": True})
    assert any(what.startswith("Its schedule ") and what.endswith(" is off.") for _, what in found)
    assert ("recycle/checked-main", "It is paused.") in found
    assert ("work pool checked", "It is paused: its runs wait.") in found


def then_with_a_worker_nothing_is_wrong_and_when_it_has_gone_it_is_told(here: PrefectServer, project: Project) -> None:
    with running_worker(here.home, here.url, "checked"):
        command = [sys.executable, "-m", "recyclekit", "check", "--project", str(project.folder), "--as-of", str(AS_OF)]
        done = subprocess.run([*command, "--json"], env=here.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        wheres = {one["where"] for one in json.loads(done.stdout)["findings"]}
        assert not {where for where in wheres if where.startswith(("work pool", "recycle/", "blocks", "versions"))}
        assert json.loads(done.stdout)["ok"]
        assert not done.stderr, "Prefect's log has no place on the terminal"


def test_no_server_and_one_that_does_not_answer_are_findings_beside_the_others(
    project: Project, tmp_path: Path
) -> None:
    env = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    env["PREFECT_HOME"] = str(tmp_path)
    asked = ["check", "--project", str(project.folder), "--as-of", str(AS_OF), "--json"]
    assert _said(asked, env, exit_code=0) is None, "nobody named a server, so none is looked at"
    unnamed = _said([*asked, "--server"], env, exit_code=2)
    assert unnamed is not None
    assert "prefect config set PREFECT_API_URL=" in unnamed["fix"]
    silent = _said(asked, env | {"PREFECT_API_URL": "http://127.0.0.1:1/api"}, exit_code=2)
    assert silent is not None
    assert "http://127.0.0.1:1/api did not answer" in silent["what"]
    assert _said([*asked, "--no-server"], env | {"PREFECT_API_URL": "http://127.0.0.1:1/api"}, exit_code=0) is None


def test_a_server_that_wants_a_sign_in_is_told_how_to_give_it(project: Project) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from recyclekit_flows.checking import check_server

    class Refuses(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.end_headers()
            self.wfile.write(b'{"exception_message": "Unauthorized"}')

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refuses) as refusing:
        thread = threading.Thread(target=refusing.serve_forever)
        thread.start()
        try:
            with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{refusing.server_port}/api"}):
                found = _only(check_server(project), "prefect")
        finally:
            refusing.shutdown()
            thread.join()
    assert "wants a sign-in" in found.what
    assert "PREFECT_API_AUTH_STRING" in found.fix


def test_a_fresh_library_that_the_server_cannot_start_with_is_told(tmp_path: Path) -> None:
    for name, version in (("fastapi", "0.165.0"), ("SQLAlchemy", "2.1.9")):
        about = tmp_path / f"{name}-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    code = "from recyclekit_flows.versions import strays\nfor one in strays(): print(one.level, one.what, one.fix)"
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    first, second = said.splitlines()
    assert first.startswith("error fastapi 0.165.0: recyclekit was tested with fastapi<0.151,>=0.139.")
    assert "pip install 'fastapi<0.151,>=0.139'" in first
    assert second.startswith("error sqlalchemy 2.1.9")
    assert not list(strays()), "what is installed here goes together"


@pytest.mark.parametrize(
    ("server", "level", "words"),
    [
        ("3.7.2", "error", "older"),
        ("3.9.1", "warning", "newer"),
        ("3.8.2", "warning", "older"),
        (installed("prefect"), None, ""),
        ("4.0.0", "warning", "newer"),
    ],
)
def test_a_server_of_another_version_is_told(server: str, level: str | None, words: str) -> None:
    found = list(compared(server))
    assert [one.level for one in found] == ([level] if level else [])
    assert all(words in one.what for one in found)


def _only(found: Sequence[Finding], where: str) -> Finding:
    (one,) = [each for each in found if each.where == where]
    return one


def _said(arguments: list[str], env: dict[str, str], exit_code: int) -> dict[str, str] | None:
    """Run check; return what it said of Prefect."""
    command = [sys.executable, "-m", "recyclekit", *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, done.stdout + done.stderr
    said = [one for one in json.loads(done.stdout)["findings"] if one["where"] == "prefect"]
    return said[0] if said else None


def _patch(server: PrefectServer, path: str, body: dict[str, object]) -> None:
    httpx.patch(server.url + path, json=body, timeout=30).raise_for_status()

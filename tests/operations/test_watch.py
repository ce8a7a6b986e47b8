"""Watching on a real server: tasks, progress, artifacts without people, events that automations act on, both ids."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from recyclekit.project import Project, open_project
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project
from tests.architecture.house import ROOT
from tests.operations.moving import MOVED_ON, company_whose_buyers_move
from tests.operations.persons import private_in
from tests.operations.process import eventually
from tests.operations.server import PrefectServer

pytestmark = pytest.mark.prefect

AS_OF = date(2026, 11, 20)
HANDED_BACK = "recyclekit.deals.handed-back"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A sample company with more changes than an artifact shows, whose reports are served somewhere."""
    folder = tmp_path_factory.mktemp("company")
    sample = generate(folder, deals=2000, seed=7, as_of=AS_OF)
    text = demo_project(sample) + "\nreports: {base_url: https://reports.example.test/recyclekit/}\n"
    (folder / "recyclekit.yaml").write_text(text, encoding="utf-8")
    return open_project(folder)


@pytest.fixture(scope="module")
def watched(prefect_sqlite: PrefectServer, project: Project) -> dict[str, Any]:
    """`recyclekit run` against the server, and what it printed."""
    done = recyclekit(prefect_sqlite, project, "run", "--as-of", str(AS_OF), "--json")
    assert done.returncode == 4, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def recyclekit(server: PrefectServer, project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "recyclekit", *arguments, "--project", str(project.folder)]
    return subprocess.run(command, env=server.env, capture_output=True, text=True, check=False)


def flow_run(server: PrefectServer, run: str) -> dict[str, Any]:
    (found,) = server.flow_runs(tags={"all_": [run]})
    return found


def changed_deals(project: Project, run: str) -> int:
    """Return how many deals a run writes to, as the ledger has it."""
    return project.ledger().actions(run)["deal_id"].n_unique()


def test_a_run_shows_its_five_tasks_under_a_name_that_says_pipeline_and_date(
    prefect_sqlite: PrefectServer, watched: dict[str, Any]
) -> None:
    found = flow_run(prefect_sqlite, watched["run"])
    assert found["name"] == f"recycle-main-{AS_OF}"
    wanted = {"extract", "normalize", "classify", "schedule", "write_back"}

    def names() -> bool:
        return {task["name"].rsplit("-", 1)[0] for task in prefect_sqlite.task_runs(found["id"])} == wanted

    eventually(names, 30, "five tasks by the names of the stages")
    logs = eventually(lambda: prefect_sqlite.logs(found["id"]) or None, 30, "a log")
    assert any(line.startswith(f"write_back: {watched['applied']:,} applied") for line in logs), logs


def test_its_artifacts_tell_plan_changes_progress_and_receipts_and_no_person(
    prefect_sqlite: PrefectServer, project: Project, watched: dict[str, Any]
) -> None:
    run = watched["run"]
    found = prefect_sqlite.artifacts(flow_run(prefect_sqlite, run)["id"])
    shown = ("plan", "changes", "report", "progress", "outcome", "metrics")
    assert set(found) == {f"recyclekit-{what}-{run}" for what in shown}
    plan = str(found[f"recyclekit-plan-{run}"]["data"])
    for told in ("2,006 = ", "## Verdict", "## Reason", "## Track", "## Set aside", "duplicate_id", "does not close"):
        assert (told in plan) is (told != "does not close"), told
    address = f"https://reports.example.test/recyclekit/{run}.html"
    assert address in plan
    assert address in str(found[f"recyclekit-report-{run}"]["data"])
    assert (project.state / "reports" / f"{run}.html").is_file()
    changes = json.loads(found[f"recyclekit-changes-{run}"]["data"])
    assert len(changes) == 500
    assert f"{changed_deals(project, run)} deals" in found[f"recyclekit-changes-{run}"]["description"]
    assert found[f"recyclekit-progress-{run}"]["data"] == 100.0
    outcome = str(found[f"recyclekit-outcome-{run}"]["data"])
    assert f"{watched['applied']:,} = {watched['applied']:,} applied" in outcome
    everything = "\n".join(f"{one['data']} {one['description']}" for one in found.values())
    assert private_in(everything, project.folder) == []
    assert "@" not in everything


def test_ledger_and_prefect_know_each_others_ids(prefect_sqlite: PrefectServer, project: Project, watched: Any) -> None:
    found = flow_run(prefect_sqlite, watched["run"])
    assert watched["run"] in found["state"]["message"]
    shown = recyclekit(prefect_sqlite, project, "runs", found["id"], "--json")
    told = json.loads(shown.stdout)["run"]
    assert (told["run"], told["flow_run"]) == (watched["run"], found["id"])
    assert told["flow_run_url"] == f"{prefect_sqlite.url.removesuffix('/api')}/runs/flow-run/{found['id']}"
    assert found["id"] in "".join(recyclekit(prefect_sqlite, project, "runs", watched["run"]).stdout.split())


def test_events_name_run_and_pipeline_and_hold_counts_only(
    prefect_sqlite: PrefectServer, project: Project, watched: dict[str, Any]
) -> None:
    resource = f"recyclekit.run.{watched['run']}"

    def both() -> dict[str, Any] | None:
        found = {e["event"]: e for e in prefect_sqlite.events(resource=resource)}
        return found if len(found) == 2 else None

    found = eventually(both, 30, "two events")
    planned, applied = found["recyclekit.run.planned"], found["recyclekit.run.applied"]
    assert planned["payload"]["deals"] == changed_deals(project, watched["run"])
    assert applied["payload"]["applied"] == watched["applied"]
    assert applied["resource"]["recyclekit.pipeline"] == "main"
    assert private_in(json.dumps(found, ensure_ascii=False), project.folder) == []


class _Heard(BaseHTTPRequestHandler):
    bodies: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def listener() -> Iterator[str]:
    """The address of somebody who listens on this machine."""
    server = HTTPServer(("127.0.0.1", 0), _Heard)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/alarm"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_shipped_automation_tells_somebody_of_an_event(
    prefect_sqlite: PrefectServer, tmp_path: Path, listener: str
) -> None:
    _make_alarm(prefect_sqlite, listener)
    project = _company_with_a_guard(tmp_path)
    deployed = recyclekit(prefect_sqlite, project, "deploy")
    assert deployed.returncode == 0, deployed.stderr
    assert len(prefect_sqlite.post("/automations/filter")) >= 6
    stopped = recyclekit(prefect_sqlite, project, "run", "--as-of", str(AS_OF))
    assert stopped.returncode == 9
    told = eventually(lambda: [b for b in _Heard.bodies if "guard" in b.lower()], 60, "a notification")
    assert "newly recycled" in " ".join(told)
    waits = eventually(lambda: [b for b in _Heard.bodies if "waits for approval" in b], 60, "another one")
    assert "deals" in " ".join(waits)
    name = f"recycle-main-{AS_OF}: Failed"
    eventually(lambda: [b for b in _Heard.bodies if name in b], 60, "one of the flow run itself")
    everything = "\n".join(_Heard.bodies)
    assert private_in(everything, project.folder) == []


def test_deals_that_are_handed_back_are_told_once_when_they_are_written_and_passed_on(
    prefect_sqlite: PrefectServer, tmp_path: Path, listener: str
) -> None:
    _make_alarm(prefect_sqlite, listener)
    project = company_whose_buyers_move(tmp_path)
    assert recyclekit(prefect_sqlite, project, "deploy").returncode == 0
    planned = recyclekit(prefect_sqlite, project, "plan", "--as-of", str(AS_OF), "--out", str(tmp_path / "early.json"))
    assert planned.returncode in {0, 4}, planned.stderr
    done = recyclekit(prefect_sqlite, project, "run", "--as-of", str(AS_OF), "--json")
    assert done.returncode == 4, done.stdout + done.stderr
    told = json.loads(done.stdout)
    ids = [deal["deal"] for deal in told["handed_back"]]
    resource = f"recyclekit.run.{told['run']}"

    def arrived() -> dict[str, Any] | None:
        found = {e["event"]: e for e in prefect_sqlite.events(resource=resource)}
        return found if {HANDED_BACK, "recyclekit.run.applied"} <= set(found) else None

    found = eventually(arrived, 60, "the event that deals are handed back")
    payload = found[HANDED_BACK]["payload"]
    assert (payload["deals"], payload["ids"], payload["contact"]) == (len(ids), ids, len(ids))
    assert payload["handed_back"] == told["handed_back"]
    bodies = eventually(lambda: [b for b in _Heard.bodies if "handed back to sales" in b], 60, "a notification")
    answered = [
        f"{one['deal']}: contact, contact on {MOVED_ON} (email)"
        for one in told["handed_back"]
        if one["source"] == "email"
    ]
    assert len(answered) == 3
    assert any(all(line in body for line in answered) for body in bodies), bodies
    shown = prefect_sqlite.artifacts(flow_run(prefect_sqlite, told["run"])["id"])
    for artifact in ("plan", "outcome"):
        data = str(shown[f"recyclekit-{artifact}-{told['run']}"]["data"])
        assert f"## Handed back to sales: {len(ids)} deals" in data
        assert f"contact on {MOVED_ON} (email)" in data
    again = recyclekit(prefect_sqlite, project, "run", "--as-of", str(AS_OF), "--json")
    assert json.loads(again.stdout)["handed_back"] == []
    all_told = prefect_sqlite.events(HANDED_BACK)
    assert [e["payload"]["run"] for e in all_told] == [told["run"]], "neither a plan nor a run with nothing to do tells"
    everything = json.dumps([*all_told, *_Heard.bodies], ensure_ascii=False)
    assert private_in(everything, project.folder) == []


def test_the_shipped_automations_are_those_of_the_package() -> None:
    packaged = ROOT / "src/recyclekit/samples/templates/deployments/automations.yaml"
    assert packaged.read_bytes() == (ROOT / "deployments/automations.yaml").read_bytes()


def _company_with_a_guard(folder: Path) -> Project:
    sample = generate(folder, deals=100, seed=7, as_of=AS_OF)
    (folder / "careful.yaml").write_text("extends: standard\nguards: {maximum_deals: 1}\n", encoding="utf-8")
    text = demo_project(sample, policy="careful.yaml")
    (folder / "recyclekit.yaml").write_text(text, encoding="utf-8")
    return open_project(folder)


def _make_alarm(server: PrefectServer, address: str) -> None:
    code = (
        "import sys; from prefect.blocks.notifications import CustomWebhookNotificationBlock as Block;"
        "alarm = Block(name='alarm', url=sys.argv[1], json_data={'said': '{{subject}} {{body}}'});"
        "alarm.save('recyclekit-alarm', overwrite=True)"
    )
    command = [sys.executable, "-c", code, address]
    done = subprocess.run(command, env=server.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

"""`recyclekit sandbox` as a person uses it: one process is the CRM, the others work on it with the file it printed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Command

HARMS = """\
faults:
  - {kind: status, status: 503, every: 4, times: 3}
  - {kind: lost_answer, path: "*/batch/update", times: 1}
  - {kind: lost_answer, path: "*/composite/sobjects*", method: PATCH, times: 1}
"""


@contextmanager
def sandbox(folder: Path, *argv: str) -> Iterator[subprocess.Popen[str]]:
    """Run one beside the test, until it is told to stop; its project file lies in the folder."""
    with (folder / "recyclekit.yaml").open("w") as out:
        running = subprocess.Popen(
            [sys.executable, "-m", "recyclekit", "sandbox", *argv],
            cwd=folder, env={**os.environ, "COLUMNS": "140", "NO_COLOR": "1"}, stdout=out, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
    assert running.stderr is not None
    try:
        for line in running.stderr:
            if "Ctrl-C ends it" in line:
                break
        yield running
    finally:
        running.send_signal(signal.SIGINT)
        rest = running.stderr.read()
        running.stderr.close()
        assert running.wait(timeout=30) == 0, rest
        assert "Stopped after" in rest


@pytest.mark.parametrize("vendor", ["hubspot", "salesforce"])
def test_the_printed_project_file_plans_applies_and_undoes(recyclekit: Command, tmp_path: Path, vendor: str) -> None:
    with sandbox(tmp_path, vendor, "--deals", "60", "--seed", "4"):
        fixed = recyclekit("check", "--fix", "--yes", "--json")
        assert fixed.code == 0, fixed.out + fixed.err
        plan = recyclekit("plan", "--out", "plan.json", "--json").json
        assert plan["deals"] == 60
        assert plan["sums_close"]
        applied = recyclekit("apply", "plan.json", "--yes", "--json")
        assert applied.code == 0, applied.out + applied.err
        assert applied.json["applied"] == sum(plan["actions"].values()) > 20
        assert recyclekit("plan", "--json").json["actions"] == {}
        undone = recyclekit("undo", plan["run"], "--yes", "--json")
        assert undone.code == 0, undone.out + undone.err


@pytest.mark.parametrize("vendor", ["hubspot", "salesforce"])
def test_a_file_of_faults_hurts_and_nothing_is_lost(recyclekit: Command, tmp_path: Path, vendor: str) -> None:
    (tmp_path / "faults.yaml").write_text(HARMS, encoding="utf-8")
    with sandbox(tmp_path, vendor, "--deals", "60", "--seed", "4", "--faults", "faults.yaml"):
        fixed = recyclekit("check", "--fix", "--yes", "--json")
        assert fixed.code == 0, fixed.out + fixed.err
        plan = recyclekit("plan", "--out", "plan.json", "--json").json
        applied = recyclekit("apply", "plan.json", "--yes", "--json")
        while applied.code in {7, 8}:
            applied = recyclekit("retry", "--json", "--yes")
        assert applied.code == 0, applied.out + applied.err
        assert recyclekit("plan", "--json").json["actions"] == {}, plan["run"]


def test_a_script_gets_one_json_document(tmp_path: Path) -> None:
    with sandbox(tmp_path, "salesforce", "--deals", "1", "--json"):
        told = json.loads((tmp_path / "recyclekit.yaml").read_text(encoding="utf-8"))
    assert set(told) == {"url", "token", "ca_file", "project"}
    assert told["project"].startswith("version: 1")
    assert told["url"] in told["project"]


def test_wrong_wishes_are_told_before_anything_runs(recyclekit: Command, tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text("faults:\n  - {kind: status, statsu: 5}\n", encoding="utf-8")
    wrong = recyclekit("sandbox", "hubspot", "--faults", "faults.yaml")
    assert (wrong.code, wrong.out) == (2, "")
    assert "faults.yaml:2" in wrong.err
    assert "did you mean 'status'" in wrong.err
    assert recyclekit("sandbox", "pipedrive").code == 2
    gone = recyclekit("sandbox", "hubspot", "--faults", "nowhere.yaml")
    assert (gone.code, "nowhere.yaml" in gone.err) == (2, True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        busy = recyclekit("sandbox", "hubspot", "--deals", "1", "--port", port)
    assert (busy.code, busy.out, f"Port {port} cannot be used" in busy.err) == (2, "", True)

"""A pytest plugin that writes down what each test of the kit did, one JSON line each: `-p recyclekit.testing.recorder`.

The environment variable RECYCLEKIT_KIT_RESULTS names the file; `recyclekit connectors test` reads it as it grows.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from recyclekit.testing.tiers import COLLECTED, EXPECTED, FAILED, PASSED, RESULTS, UNPROVEN, Result, result_of

_NOTE = "recyclekit"


_state = {"writes": True}


def pytest_configure(config: pytest.Config) -> None:
    """Leave the writing to the process that gathers the reports, where several run the tests."""
    _state["writes"] = not hasattr(config, "workerinput")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write down how many tests there are."""
    _write({COLLECTED: len(session.items)})


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write down one test, once it is clear what became of it."""
    note = dict(report.user_properties).get(_NOTE)
    if not isinstance(note, dict):
        return
    broke_around = report.when != "call" and not report.passed
    if report.when == "call" or broke_around:
        result = _result(report, note)
        _write({**asdict(result), "tier": int(result.tier)})


def _write(line: dict[str, object]) -> None:
    path = os.environ.get(RESULTS)
    if path is not None and _state["writes"]:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _result(report: pytest.TestReport, note: dict[str, Any]) -> Result:
    test = report.nodeid.rpartition("::")[2]
    if report.failed:
        return result_of({**note, "how": "run"}, test, FAILED, _last_line(report))
    if report.skipped:
        reason = _reason(report)
        if hasattr(report, "wasxfail"):
            return result_of(note, test, EXPECTED, reason)
        # A skip without a reason proves nothing and says nothing: it counts as a failure.
        return result_of(note, test, UNPROVEN if reason else FAILED, reason or "left out without a reason")
    return result_of(note, test, PASSED, "")


def _reason(report: pytest.TestReport) -> str:
    said = getattr(report, "wasxfail", None)
    if said is None and isinstance(report.longrepr, tuple):
        said = str(report.longrepr[2])
    text = str(said or "").removeprefix("Skipped: ").strip()
    return "" if text in {"unconditional skip", "<Skipped instance>"} else text


def _last_line(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(getattr(crash, "message", "") or report.longreprtext).strip()
    lines = text.splitlines() or ["failed"]
    # A syntax error shows where it stands before it says what it is.
    return (lines[-1] if lines[0].lstrip().startswith("File ") else lines[0])[:300]

"""Logs of the command line: one JSON object a line, on stderr, with the ids of the run; nothing where nobody asked."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from recyclekit.cli.logs import without_option
from recyclekit.errors import ConfigError, ExitCode
from recyclekit.events import RunEnded, StageEnded, StageStarted
from recyclekit.models.run import Outcome, RunState
from recyclekit.models.snapshot import dead_letters
from recyclekit.observing import logs, records
from recyclekit.observing.context import Binding, current
from recyclekit.observing.hearing import LogEvents, everyone, told_elsewhere
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project

AS_OF = date(2026, 11, 20)


@pytest.fixture
def company(tmp_path: Path) -> Path:
    (tmp_path / "recyclekit.yaml").write_text(demo_project(generate(tmp_path, deals=60, seed=7, as_of=AS_OF)))
    return tmp_path


@pytest.fixture
def untouched() -> Iterator[None]:
    """Leave logging as it was found."""
    factory, level, handlers = logging.getLogRecordFactory(), logging.root.level, list(logging.root.handlers)
    hooks = sys.excepthook, threading.excepthook
    yield
    logging.setLogRecordFactory(factory)
    logging.root.handlers[:], logging.root.level = handlers, level
    sys.excepthook, threading.excepthook = hooks


def command(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "recyclekit", *words, "--project", str(folder)]
    return subprocess.run(line, capture_output=True, text=True, check=False, env={**os.environ, **more})


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_a_plan_logs_its_stages_with_their_ids_beside_the_result(company: Path) -> None:
    done = command(company, "--log", "json", "plan", "--as-of", str(AS_OF), "--json")
    assert done.returncode == ExitCode.SET_ASIDE, done.stderr
    run = json.loads(done.stdout)["run"]
    told = lines(done.stderr)
    ended = [line for line in told if line["logger"] == "recyclekit.run"]
    assert [line["stage"] for line in ended] == ["extract", "normalize", "classify", "schedule"]
    for line in ended:
        assert (line["run"], line["pipeline"], line["connection"]) == (run, "main", "crm")
        assert line["level"] == "info"
        assert line["seconds"] >= 0
        assert line["at"].endswith("Z")
    assert ended[2]["figures"]["deals"] == 60
    aside = [line for line in told if line["logger"] == "recyclekit.records"]
    assert len(aside) == ended[1]["figures"]["dead_letters"] > 0
    assert all(line["code"] and line["run"] == run for line in aside)
    assert all(line.get("record") or line["line"] for line in aside)


def test_the_environment_may_ask_instead_and_the_option_goes_before_it(company: Path) -> None:
    plan = ("plan", "--as-of", str(AS_OF), "--json")
    assert lines(command(company, *plan, RECYCLEKIT_LOG="json:debug").stderr)
    console = command(company, *plan, "--log=console", RECYCLEKIT_LOG="json").stderr
    assert not lines(console)
    assert "stage classify ended" in console
    assert command(company, *plan, "--log", "off", RECYCLEKIT_LOG="json").stderr == ""


def test_without_a_wish_nothing_is_logged_and_structlog_is_not_loaded(company: Path) -> None:
    code = f"""
import sys
from recyclekit.cli import run
run(["plan", "--as-of", "{AS_OF}", "--json", "--project", {str(company)!r}])
print([name for name in ("structlog", "opentelemetry") if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("wish", ["xml", "json:loud", ":", "json:info:more"])
def test_a_wish_that_makes_no_sense_is_refused_with_what_would(wish: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="json:debug"):
        logs.wished(wish)
    done = command(tmp_path, "--log", wish, "plan")
    assert done.returncode == ExitCode.USAGE
    assert "Logs cannot be written" in done.stderr


def test_an_unexpected_error_shows_no_secret(company: Path) -> None:
    file = company / "recyclekit.yaml"
    file.write_text(file.read_text().replace("sqlite:///ledger.db", "postgresql://u:pa55wort@127.0.0.1:1/x"))
    code = f"""
from recyclekit import pipeline
from recyclekit.cli import run
def broken(*_, **__): raise ValueError("no answer from postgresql://u:pa55wort@127.0.0.1:1/x for a@example.com")
pipeline.Job.plan = broken
raise SystemExit(run(["plan", "--json", "--project", {str(company)!r}]))
"""
    for debug in ("", "1"):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False,
            env={**os.environ, "RECYCLEKIT_DEBUG": debug},
        )  # fmt: skip
        assert done.returncode == 1
        assert "ValueError" in done.stderr
        assert "pa55wort" not in done.stdout + done.stderr
        assert "a@example.com" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("argv", "left", "wish"),
    [
        (["plan"], ["plan"], None),
        (["--log", "json", "plan"], ["plan"], "json"),
        (["plan", "--log=console:debug", "--json"], ["plan", "--json"], "console:debug"),
        (["plan", "--log", "json", "--log=off"], ["plan"], "off"),
        (["explain", "--", "--log", "x"], ["explain", "--", "--log", "x"], None),
    ],
)
def test_the_option_may_stand_anywhere(argv: list[str], left: list[str], wish: str | None) -> None:
    assert without_option(argv) == (left, wish)


def test_an_option_without_a_format_is_refused() -> None:
    with pytest.raises(ConfigError, match="wants a format"):
        without_option(["plan", "--log"])


def test_ids_are_bound_from_a_stages_start_to_the_runs_end_also_in_threads_of_a_connector() -> None:
    binding, seen = Binding({"pipeline": "main", "connection": "crm"}), list[dict[str, str]]()
    binding.hear(StageStarted(run="r1", stage="extract"))
    assert current() == {"pipeline": "main", "connection": "crm", "run": "r1", "stage": "extract"}
    thread = threading.Thread(target=lambda: seen.append(dict(current())))
    thread.start()
    thread.join()
    assert seen == [dict(current())]
    other = Binding({"pipeline": "other"})
    other.hear(StageStarted(run="r2", stage="extract"))
    thread = threading.Thread(target=lambda: seen.append(dict(current())))
    thread.start()
    thread.join()
    assert seen[1] == {}  # of two jobs at work, nobody knows which
    for one in (binding, other):
        one.hear(RunEnded(run="r", pipeline="main", outcome="success"))
    assert current() == {}


def test_an_observer_that_breaks_harms_nobody_and_is_named(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[object] = []

    class Broken:
        def hear(self, event: object, /) -> None:
            raise RuntimeError("no")

    everyone(heard.append, (Broken(),))(StageStarted(run="r1", stage="extract"))
    assert len(heard) == 1
    assert "Broken" in caplog.text


def test_where_a_listener_logs_the_events_itself_they_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "recyclekit.run")
    event = StageEnded(run="r1", stage="extract", seconds=1.0)

    def silent(_event: object) -> None: ...

    def loud(_event: object) -> None: ...

    told_elsewhere(loud)
    everyone(silent, (LogEvents(),))(event)
    everyone(loud, (LogEvents(),))(event)
    assert caplog.text.count("stage extract ended") == 1


def test_a_million_records_set_aside_are_not_a_million_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "recyclekit.records")
    rows = [{"stage": "normalize", "table": "deals", "record_id": str(n), "code": "x"} for n in range(records.MOST + 5)]
    records.log_set_aside(pl.concat([dead_letters(), dead_letters(rows)]))
    assert len(caplog.records) == records.MOST + 1
    assert "and 5 more" in caplog.records[-1].getMessage()


def test_what_was_not_written_is_logged_by_deal(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "recyclekit.records")
    outcome = Outcome(
        run="r1", state=RunState.PARTIAL, planned=3, applied=0,
        skipped=(("D1", "drifted"),), failed=(("D2", "no such field"),), in_doubt=(("D3", "no answer"),),
    )  # fmt: skip
    records.log_unwritten(outcome)
    assert [(one.levelname, vars(one)["record"], one.getMessage()) for one in caplog.records] == [
        ("INFO", "D1", "write skipped: drifted"),
        ("WARNING", "D2", "write failed: no such field"),
        ("WARNING", "D3", "write in doubt: no answer"),
    ]


def test_beginning_twice_writes_each_line_once(untouched: None, capsys: pytest.CaptureFixture[str]) -> None:
    logs.begin("json")
    logs.begin("json")
    logging.getLogger("somebody").warning("once")
    assert len(lines(capsys.readouterr().err)) == 1

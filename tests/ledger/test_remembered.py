"""Recalling: packed or not, at a glance or through SQLAlchemy, the same is remembered, and nothing packed is stale."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from recyclekit.errors import LedgerVersionError
from recyclekit.ledger import open_ledger, recall, remembered
from recyclekit.ledger.glance import glance
from recyclekit.ledger.sql import SqlLedger
from recyclekit.models.memory import Memory
from recyclekit.models.run import RunKind, RunState
from recyclekit.models.snapshot import dead_letters
from tests.ledger.deeds import IN_DOUBT, a_plan, a_run, all_pending, fields, receipts, task

EARLY, LATE = date(2026, 1, 1), date(2026, 6, 1)


def carried_out(ledger: SqlLedger, run: str, day: date, *rows: dict[str, object]) -> None:
    lease = ledger.acquire("main", run)
    ledger.begin(lease, a_run(run, as_of=day), a_plan(*rows), dead_letters())
    keys = all_pending(ledger, run)
    ledger.mark_sent(lease, run, keys)
    ledger.settle(lease, run, receipts(keys))
    ledger.end(lease, run, RunState.SUCCESS)
    ledger.release(lease)


def packed(ledger: SqlLedger) -> int:
    return int(ledger.store.read(lambda c: c.execute(text("SELECT count(*) FROM packed")).scalar_one()))


def assert_same(one: Memory, other: Memory) -> None:
    assert one.cycles.equals(other.cycles)
    assert one.touches.equals(other.touches)
    assert one.in_doubt == other.in_doubt
    assert one.unfinished.equals(other.unfinished)


@pytest.mark.parametrize("day", [None, EARLY, date(2025, 1, 1), LATE])
def test_what_is_packed_says_what_the_tables_say_of_any_day(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch, day: date | None
) -> None:
    carried_out(ledger, "r1", EARLY, task("D1"), task("D2"))
    carried_out(ledger, "r2", LATE, task("D2", cycle=2), fields("D1", "r2", change="-"))
    assert packed(ledger) == 0, "so few rows are read as fast as they lie"
    plain = ledger.memory("main", day)
    monkeypatch.setattr(remembered, "PACKED_FROM", 1)
    carried_out(ledger, "r3", LATE, fields("D3", "r3", change="-"))
    assert packed(ledger) == 1
    assert_same(ledger.memory("main", day), plain)


def test_whatever_changes_a_cycle_or_a_touch_throws_the_packed_ones_away(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "PACKED_FROM", 1)
    carried_out(ledger, "r1", EARLY, task("D1"), task("D2"))
    lease = ledger.acquire("main", "r2")
    ledger.end_cycles(lease, ledger.memory("main").cycles.with_columns(ended_on=LATE).head(1))
    assert packed(ledger) == 0
    assert ledger.memory("main").cycles["ended_on"].to_list() == [LATE, None]


def test_a_glance_sees_what_the_ledger_sees(tmp_path: Path) -> None:
    folder = tmp_path / "失注 50% (a?b#c)"
    folder.mkdir()
    ledger = open_ledger("sqlite:///ledger.db", folder)
    carried_out(ledger, "r1", EARLY, task("D1"), task("ダミー'2"))
    seen = glance(folder / "ledger.db", "main", None)
    assert seen is not None
    assert_same(seen, ledger.memory("main"))
    ledger.close()
    assert_same(recall("sqlite:///ledger.db", folder, "main"), seen)


def test_recalling_makes_no_ledger(tmp_path: Path) -> None:
    assert recall("sqlite:///ledger.db", tmp_path, "main").touches.is_empty()
    assert not list(tmp_path.iterdir())


def test_a_glance_leaves_a_newer_ledger_and_a_broken_file_to_those_who_can_tell(tmp_path: Path) -> None:
    ledger = open_ledger("sqlite:///ledger.db", tmp_path)
    carried_out(ledger, "r1", EARLY, task("D1"))
    ledger.store.write("lie", lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    ledger.close()
    assert glance(tmp_path / "ledger.db", "main", None) is None
    with pytest.raises(LedgerVersionError):
        recall("sqlite:///ledger.db", tmp_path, "main")
    (tmp_path / "other.db").write_bytes(b"deal_id,amount\n" * 99)
    assert glance(tmp_path / "other.db", "main", None) is None


def test_a_run_that_stopped_is_remembered_with_what_is_left_of_it_until_it_is_finished(ledger: SqlLedger) -> None:
    carried_out(ledger, "r1", EARLY, task("D1"))
    assert ledger.memory("main").unfinished.is_empty(), "what ended well is finished"
    lease = ledger.acquire("main", "r2")
    ledger.begin(
        lease, a_run("r2", as_of=LATE, plan="q"), a_plan(task("D2"), fields("D2", "r2"), task("D3")), dead_letters()
    )
    first, second, third = all_pending(ledger, "r2")
    ledger.mark_sent(lease, "r2", [first, second])
    ledger.settle(lease, "r2", receipts([first]))
    ledger.release(lease)
    assert ledger.memory("main").unfinished.rows() == [("r2", "apply", 1, 1, 1)]
    assert ledger.memory("other").unfinished.is_empty()
    lease = ledger.acquire("main", "r2")
    ledger.settle(lease, "r2", receipts([second]))
    ledger.mark_sent(lease, "r2", [third])
    ledger.settle(lease, "r2", receipts([third]))
    ledger.end(lease, "r2", RunState.SUCCESS)
    ledger.release(lease)
    assert ledger.memory("main").unfinished.is_empty()


def test_a_run_that_ended_with_a_write_in_doubt_is_not_finished(ledger: SqlLedger) -> None:
    lease = ledger.acquire("main", "r1")
    ledger.begin(lease, a_run(), a_plan(task("D1"), task("D2")), dead_letters())
    keys = all_pending(ledger)
    ledger.mark_sent(lease, "r1", keys)
    ledger.settle(lease, "r1", [*receipts(keys[:1]), *receipts(keys[1:], IN_DOUBT)])
    ledger.end(lease, "r1", RunState.PARTIAL)
    ledger.release(lease)
    assert ledger.memory("main").unfinished.rows() == [("r1", "apply", 0, 1, 1)]


def test_a_run_that_stopped_and_was_taken_back_is_not_told_any_more(ledger: SqlLedger) -> None:
    lease = ledger.acquire("main", "r1")
    ledger.begin(lease, a_run(), a_plan(task("D1")), dead_letters())
    back = replace(a_run("u1", plan=""), kind=RunKind.UNDO, of_run="r1")
    ledger.begin(lease, back, a_plan(), dead_letters())
    assert ledger.memory("main").unfinished.rows() == [("u1", "undo", 0, 0, 0)], "the undo is what is to be finished"
    ledger.end(lease, "u1", RunState.SUCCESS)
    ledger.release(lease)
    assert ledger.memory("main").unfinished.is_empty()

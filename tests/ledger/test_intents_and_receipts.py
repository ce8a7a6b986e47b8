"""What a ledger remembers of a run: intents, receipts, touches and cycles, the same on both stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from sqlalchemy import text

from recyclekit.errors import DecidedError, LedgerError
from recyclekit.ledger import parts
from recyclekit.ledger.protocol import Lease
from recyclekit.ledger.sql import SqlLedger
from recyclekit.models.inverse import inverse
from recyclekit.models.run import Receipt, RunKind, RunState
from recyclekit.models.snapshot import dead_letters
from tests.ledger.deeds import (
    DONE,
    FAILED,
    IN_DOUBT,
    PLANNED,
    SENT,
    SKIPPED,
    a_plan,
    a_run,
    all_pending,
    fields,
    receipts,
    states,
    task,
)


def begun(ledger: SqlLedger, *rows: dict[str, object], run: str = "r1") -> Lease:
    lease = ledger.acquire("main", run)
    ledger.begin(lease, a_run(run), a_plan(*rows), dead_letters())
    return lease


def carried_out(ledger: SqlLedger, *rows: dict[str, object], run: str = "r1", as_of: date = date(2026, 1, 1)) -> None:
    lease = ledger.acquire("main", run)
    ledger.begin(lease, a_run(run, as_of=as_of), a_plan(*rows), dead_letters())
    keys = all_pending(ledger, run)
    ledger.mark_sent(lease, run, keys)
    ledger.settle(lease, run, receipts(keys))
    ledger.end(lease, run, RunState.SUCCESS)
    ledger.release(lease)


def test_a_ledger_that_nobody_wrote_to_remembers_nothing(ledger: SqlLedger) -> None:
    memory = ledger.memory("main")
    assert memory.cycles.is_empty()
    assert memory.touches.is_empty()
    assert memory.in_doubt == frozenset()
    assert list(ledger.runs()) == []
    with pytest.raises(LedgerError, match="no run 'r1'"):
        ledger.run("r1")


def test_looking_does_not_make_a_ledger(ledger: SqlLedger) -> None:
    ledger.memory("main")
    ledger.runs()
    if ledger.store.engine.dialect.name == "sqlite":
        assert not ledger.store.exists()


def test_intents_come_back_in_the_order_of_the_plan_in_batches(ledger: SqlLedger) -> None:
    rows = [task(f"D{9 - n}") for n in range(7)]
    begun(ledger, *rows)
    batches = list(ledger.pending("r1", 3))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert [action.deal_id for batch in batches for action in batch] == [f"D{9 - n}" for n in range(7)]
    assert batches[0][0].payload["due_on"] == "2026-01-05"


def test_texts_with_quotes_line_breaks_and_japanese_survive(ledger: SqlLedger) -> None:
    odd = 'a"b,c\n\\d\t、予算"" {x} :name %s \x1f'
    row = task("D1") | {"rule": odd, "step": "", "track": None}
    begun(ledger, row)
    found = ledger.actions("r1").row(0, named=True)
    assert found["rule"] == odd
    assert found["track"] is None
    assert found["payload"] == row["payload"]
    assert next(ledger.pending("r1", 1))[0].step == ""


def test_the_same_run_begun_again_changes_nothing(ledger: SqlLedger) -> None:
    lease = begun(ledger, task("D1"), task("D2"))
    ledger.mark_sent(lease, "r1", ["main:D1:1:first"])
    ledger.begin(lease, a_run(), a_plan(task("D1"), task("D2")), dead_letters())
    assert states(ledger) == {"main:D1:1:first": SENT, "main:D2:1:first": PLANNED}


@pytest.mark.parametrize("other", ["rows", "payload", "plan"])
def test_a_run_known_with_another_plan_is_refused(ledger: SqlLedger, other: str) -> None:
    lease = begun(ledger, task("D1"))
    rows = {"rows": [task("D1"), task("D2")], "payload": [task("D1", due_on="2026-02-02")], "plan": [task("D1")]}[other]
    with pytest.raises(DecidedError, match="another plan"):
        ledger.begin(lease, a_run(plan="q" if other == "plan" else "p"), a_plan(*rows), dead_letters())


def test_a_key_twice_in_one_plan_is_refused(ledger: SqlLedger) -> None:
    with pytest.raises(LedgerError, match="only once"):
        begun(ledger, task("D1"), task("D1"))


def test_a_key_that_took_effect_is_refused_with_another_payload(ledger: SqlLedger) -> None:
    carried_out(ledger, task("D1"), task("D2"))
    lease = ledger.acquire("main", "r2")
    with pytest.raises(LedgerError, match="main:D1:1:first"):
        ledger.begin(lease, a_run("r2"), a_plan(task("D1", due_on="2026-03-03")), dead_letters())
    with pytest.raises(LedgerError):
        ledger.run("r2")


def test_a_key_that_took_effect_is_not_sent_again_by_another_run(ledger: SqlLedger) -> None:
    carried_out(ledger, task("D1"))
    lease = begun(ledger, task("D1"), task("D2"), run="r2")
    refused = ledger.mark_sent(lease, "r2", ["main:D1:1:first", "main:D2:1:first"])
    assert [(r.key, r.state, r.code) for r in refused] == [("main:D1:1:first", SKIPPED, "written_before")]
    assert states(ledger, "r2") == {"main:D1:1:first": SKIPPED, "main:D2:1:first": SENT}
    assert states(ledger) == {"main:D1:1:first": DONE}


def test_a_key_that_failed_may_be_planned_again_with_another_payload(ledger: SqlLedger) -> None:
    lease = begun(ledger, task("D1"))
    ledger.mark_sent(lease, "r1", ["main:D1:1:first"])
    ledger.settle(lease, "r1", receipts(["main:D1:1:first"], FAILED))
    ledger.release(lease)
    carried_out(ledger, task("D1", due_on="2026-03-03"), run="r2")
    assert states(ledger, "r2") == {"main:D1:1:first": DONE}


def test_two_pipelines_may_use_the_same_key(ledger: SqlLedger) -> None:
    carried_out(ledger, task("D1"))
    lease = ledger.acquire("other", "r9")
    ledger.begin(lease, a_run("r9", "other"), a_plan(task("D1", due_on="2026-03-03")), dead_letters())
    assert not ledger.mark_sent(lease, "r9", ["main:D1:1:first"])
    assert ledger.memory("main").touches.height == 1
    assert ledger.memory("other").in_doubt == {"D1"}


def test_done_without_an_intent_is_refused(ledger: SqlLedger) -> None:
    lease = begun(ledger, task("D1"))
    with pytest.raises(LedgerError, match="nobody meant to send it"):
        ledger.settle(lease, "r1", receipts(["main:D1:1:first"]))
    with pytest.raises(LedgerError, match="no action"):
        ledger.settle(lease, "r1", receipts(["main:D7:1:first"]))
    assert states(ledger) == {"main:D1:1:first": PLANNED}


def test_done_stays_done(ledger: SqlLedger) -> None:
    carried_out(ledger, task("D1"))
    lease = ledger.acquire("main", "r1")
    ledger.settle(lease, "r1", receipts(["main:D1:1:first"], FAILED))
    with pytest.raises(LedgerError, match="only a planned one"):
        ledger.mark_sent(lease, "r1", ["main:D1:1:first"])
    assert states(ledger) == {"main:D1:1:first": DONE}


def test_what_was_sent_waits_for_a_receipt_and_keeps_its_deal_out_of_plans(ledger: SqlLedger) -> None:
    lease = begun(ledger, task("D1"), task("D2"), task("D3"))
    ledger.mark_sent(lease, "r1", ["main:D1:1:first", "main:D2:1:first"])
    ledger.settle(lease, "r1", receipts(["main:D2:1:first"], IN_DOUBT))
    assert [a.key for batch in ledger.unsettled("r1", 10) for a in batch] == ["main:D1:1:first", "main:D2:1:first"]
    assert ledger.memory("main").in_doubt == {"D1", "D2"}
    ledger.settle(lease, "r1", [Receipt(key="main:D1:1:first", state=PLANNED), *receipts(["main:D2:1:first"])])
    assert ledger.memory("main").in_doubt == frozenset()
    assert all_pending(ledger) == ["main:D1:1:first", "main:D3:1:first"]


def test_a_proof_makes_the_touch_and_opens_the_cycle(ledger: SqlLedger) -> None:
    carried_out(ledger, fields("D1"), task("D1"))
    memory = ledger.memory("main")
    assert memory.touches.rows() == [
        ("D1", 1, "first", date(2026, 1, 5), "phone", "is-1", "main:D1:1:first"),
    ]
    assert memory.cycles.rows() == [("D1", 1, "timing", None, date(2026, 1, 1), None, None)]


def test_memory_as_of_an_earlier_day_knows_nothing_later(ledger: SqlLedger) -> None:
    carried_out(ledger, task("D1"))
    carried_out(ledger, task("D1", cycle=2), run="r2", as_of=date(2026, 6, 1))
    then, now = ledger.memory("main", date(2026, 5, 31)), ledger.memory("main")
    assert then.touches["cycle"].to_list() == [1]
    assert then.cycles["ended_on"].to_list() == [None]
    assert ledger.memory("main", date(2025, 12, 31)).touches.is_empty()
    assert now.cycles.select("cycle", "ended_on", "ended_why").rows() == [
        (1, date(2026, 6, 1), "changed"),
        (2, None, None),
    ]


def test_leaving_recycling_ends_the_cycle(ledger: SqlLedger) -> None:
    carried_out(ledger, task("D1"))
    carried_out(ledger, fields("D1", "r2", change="-"), run="r2", as_of=date(2026, 2, 1))
    assert ledger.memory("main").cycles.select("ended_on", "ended_why").row(0) == (date(2026, 2, 1), "revived")


def test_the_end_of_a_track_is_told_by_the_plan(ledger: SqlLedger) -> None:
    carried_out(ledger, task("D1"), task("D2"))
    lease = ledger.acquire("main", "r2")
    ended = pl.DataFrame({"deal_id": ["D1"], "cycle": [1], "ended_on": [date(2026, 4, 1)], "ended_why": ["track_done"]})
    ledger.end_cycles(lease, ended)
    ledger.end_cycles(lease, ended.with_columns(ended_why=pl.lit("changed")))
    found = ledger.memory("main").cycles.select("deal_id", "ended_why").rows()
    assert found == [("D1", "track_done"), ("D2", None)]


def test_failed_actions_are_dead_letters_until_they_are_reopened(ledger: SqlLedger) -> None:
    lease = ledger.acquire("main", "r1")
    bad: dict[str, object] = {
        "stage": "normalize", "table": "deals", "record_id": "D9", "line": 3, "column": "amount", "code": "bad_number",
        "reason": "'Taro Yamada' is no number",
    }  # fmt: skip
    ledger.begin(lease, a_run(), a_plan(task("D1"), task("D2")), dead_letters([bad]))
    ledger.mark_sent(lease, "r1", ["main:D1:1:first"])
    refusal = Receipt(key="main:D1:1:first", state=FAILED, code="INVALID", field="due", correlation="c1", reason="no")
    ledger.settle(lease, "r1", [refusal])
    letters = ledger.dead_letters("r1")
    assert letters.select("stage", "record_id", "line", "column", "code", "reason").rows() == [
        ("normalize", "D9", 3, "amount", "bad_number", None),
        ("write_back", "D1", None, "due", "INVALID", "no"),
    ]
    assert ledger.actions("r1", [FAILED])["correlation"].to_list() == ["c1"]
    assert ledger.reopen(lease, "r1", ["main:D2:1:first"]) == 0
    assert ledger.reopen(lease, "r1") == 1
    assert ledger.dead_letters("r1").height == 1
    assert len(all_pending(ledger)) == 2


def test_a_run_is_found_by_the_beginning_of_its_id(ledger: SqlLedger) -> None:
    carried_out(ledger, task("D1"), run="r20260101-aaaa")
    carried_out(ledger, task("D2"), run="r20260102-bbbb")
    assert ledger.run("r20260102").run == "r20260102-bbbb"
    with pytest.raises(LedgerError, match="2 runs"):
        ledger.run("r2026")
    with pytest.raises(LedgerError, match="r20260101-aaaa"):
        ledger.run("r20260101-aaab")
    with pytest.raises(LedgerError, match="no run"):
        ledger.run("r2026010%")
    assert [run.run for run in ledger.runs("main")] == ["r20260102-bbbb", "r20260101-aaaa"]
    assert [run.run for run in ledger.runs(limit=1)] == ["r20260102-bbbb"]


def test_a_run_counts_its_actions_while_it_runs_and_after(ledger: SqlLedger) -> None:
    lease = begun(ledger, task("D1"), task("D2"))
    ledger.mark_sent(lease, "r1", ["main:D1:1:first"])
    assert ledger.run("r1").counts == {"planned": 1, "sent": 1}
    ledger.settle(lease, "r1", receipts(["main:D1:1:first"]))
    ledger.end(lease, "r1", RunState.ABORTED)
    ended = ledger.run("r1")
    assert (ended.state, ended.counts, ended.ended_at is not None) == (
        RunState.ABORTED,
        {"done": 1, "planned": 1},
        True,
    )
    ledger.mark_sent(lease, "r1", ["main:D2:1:first"])
    moving = ledger.run("r1")
    assert (moving.state, moving.counts, moving.ended_at) == (RunState.RUNNING, {"done": 1, "sent": 1}, None)


def test_an_undo_forgets_touches_and_cycles_and_lets_the_key_be_used_again(ledger: SqlLedger) -> None:
    carried_out(ledger, task("D1"), task("D2"))
    lease = ledger.acquire("main", "u1")
    undo = replace(a_run("u1"), kind=RunKind.UNDO, of_run="r1")
    ledger.begin(lease, undo, inverse("u1", ledger.actions("r1", [DONE])), dead_letters())
    keys = all_pending(ledger, "u1")
    assert next(ledger.pending("u1", 1))[0].remote_id == "x-main:D2:1:first"
    ledger.mark_sent(lease, "u1", keys)
    ledger.undo_settle(lease, "u1", [*receipts(keys[:1]), Receipt(key=keys[1], state=SKIPPED, reason="touched")])
    memory = ledger.memory("main")
    assert memory.touches["deal_id"].to_list() == ["D1"]
    assert memory.cycles["deal_id"].to_list() == ["D1"]
    assert ledger.actions("r1")["undone_by"].to_list() == [None, "u1"]
    ledger.release(lease)
    carried_out(ledger, task("D2", due_on="2026-09-09"), run="r2")
    assert ledger.memory("main").touches["due_on"].to_list() == [date(2026, 1, 5), date(2026, 9, 9)]


def test_undoing_a_departure_takes_the_cycle_up_again(ledger: SqlLedger) -> None:
    carried_out(ledger, task("D1"))
    carried_out(ledger, fields("D1", "r2", change="-"), run="r2")
    lease = ledger.acquire("main", "u1")
    undo = replace(a_run("u1"), kind=RunKind.UNDO, of_run="r2")
    ledger.begin(lease, undo, inverse("u1", ledger.actions("r2", [DONE])), dead_letters())
    keys = all_pending(ledger, "u1")
    ledger.mark_sent(lease, "u1", keys)
    ledger.undo_settle(lease, "u1", receipts(keys))
    assert ledger.memory("main").cycles["ended_on"].to_list() == [None]


def test_actions_get_their_rows_across_parts_in_any_order_and_only_they(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART", 3)
    rows = [task(f"D{n}") for n in range(10)]
    lease = begun(ledger, *rows)
    keys = [str(row["key"]) for row in rows]
    assert all_pending(ledger, size=4) == keys
    some = [keys[8], keys[2], keys[3]]
    assert not ledger.mark_sent(lease, "r1", some)
    ledger.settle(lease, "r1", [*receipts(some[:2]), Receipt(key=some[2], state=PLANNED)])
    ledger.settle(lease, "r1", [Receipt(key=keys[5], state=SKIPPED, code="drift")])
    assert all_pending(ledger, size=4) == [key for key in keys if key not in {keys[8], keys[2], keys[5]}]
    assert ledger.run("r1").counts == {"done": 2, "planned": 7, "skipped": 1}
    assert ledger.actions("r1")["key"].to_list() == keys
    assert ledger.actions("r1", [PLANNED])["attempts"].to_list() == [0, 0, 1, 0, 0, 0, 0]
    count = "SELECT count(*) FROM actions"
    assert ledger.store.read(lambda c: c.execute(text(count)).scalar_one()) == 4
    ledger.begin(lease, a_run(), a_plan(*rows), dead_letters())
    with pytest.raises(DecidedError, match="another plan"):
        ledger.begin(lease, a_run(), a_plan(*rows[:-1], task("D9", due_on="2026-03-03")), dead_letters())

"""Retention: whatever was tidied away, planning is told the same as before, and what is left can still be undone."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recyclekit.errors import LeaseError, LedgerError
from recyclekit.ledger import open_ledger
from recyclekit.ledger.house import House
from recyclekit.models.inverse import inverse
from recyclekit.models.memory import Memory
from recyclekit.models.run import Receipt, ReceiptState, Run, RunKind, RunState
from recyclekit.models.snapshot import dead_letters
from tests.ledger.deeds import DONE, FAILED, IN_DOUBT, SKIPPED, a_plan, a_run, fields, receipts, task
from tests.stores import ledger_url, postgres_url, quick_folder, sqlite_template

__all__ = ["ledger_url", "postgres_url"]

SOON = datetime.now(UTC) + timedelta(days=1)
ALL = {"runs_before": SOON, "dead_letters_before": SOON, "plans_before": SOON}


@pytest.fixture
def house(ledger_url: str) -> Iterator[House]:
    folder = quick_folder()
    opened = open_ledger(ledger_url, folder)
    yield opened
    opened.close()
    shutil.rmtree(folder)


def younger(house: House) -> None:
    """Begin a run that stays: the newest always does."""
    lease = house.acquire("main", "younger")
    house.begin(lease, a_run("younger"), a_plan(task("D8")), dead_letters())
    house.release(lease)


def tidied(house: House, **before: datetime | None) -> dict[str, int]:
    lease = house.acquire("main", "tidy")
    found = house.prune(lease, **{**ALL, **before})  # type: ignore[arg-type]
    house.release(lease)
    return dict(found)


def memories(house: House) -> list[object]:
    """Return what planning is told, as of several days."""
    days = [None, date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 6)]
    return [_plain(house.memory("main", day)) for day in days]


def _plain(memory: Memory) -> object:
    return memory.cycles.rows(), memory.touches.rows(), memory.in_doubt, memory.erased


def written(house: House, name: str, *rows: dict[str, object], ends: RunState | None = RunState.SUCCESS) -> None:
    lease = house.acquire("main", name)
    letters = dead_letters([{"stage": "normalize", "table": "deals", "record_id": "D9", "code": "x", "reason": ""}])
    house.begin(lease, a_run(name), a_plan(*rows), letters)
    keys = [str(row["key"]) for row in rows]
    house.mark_sent(lease, name, keys)
    house.settle(lease, name, receipts(keys))
    if ends is not None:
        house.end(lease, name, ends)
    house.release(lease)


def undone(house: House, name: str, of_run: str) -> None:
    lease = house.acquire("main", name)
    back = inverse(name, house.actions(of_run, [DONE]).filter(pl.col("undone_by").is_null()))
    run = replace(a_run(name), kind=RunKind.UNDO, of_run=of_run)
    house.begin(lease, run, back, dead_letters())
    house.mark_sent(lease, name, back["key"].to_list())
    house.undo_settle(lease, name, receipts(back["key"].to_list()))
    house.end(lease, name, RunState.SUCCESS)
    house.release(lease)


def test_an_ended_run_goes_with_all_that_belongs_to_it_and_its_touches_stay(house: House) -> None:
    written(house, "r1", task("D1"), fields("D1"))
    younger(house)
    before = memories(house)
    found = tidied(house)
    assert (found["runs"], found["actions"], found["dead_letters"]) == (1, 2, 1)
    assert [run.run for run in house.runs()] == ["younger"]
    assert memories(house) == before
    assert house.memory("main").touches.height == 1


def test_what_is_young_has_not_ended_or_is_in_doubt_stays(house: House) -> None:
    written(house, "r1", task("D1"))
    written(house, "r2", task("D2"), ends=None)
    lease = house.acquire("main", "r3")
    house.begin(lease, a_run("r3"), a_plan(task("D3")), dead_letters())
    house.mark_sent(lease, "r3", ["main:D3:1:first"])
    house.settle(lease, "r3", receipts(["main:D3:1:first"], IN_DOUBT))
    house.end(lease, "r3", RunState.PARTIAL)
    house.release(lease)
    assert tidied(house, runs_before=datetime(2020, 1, 1, tzinfo=UTC))["runs"] == 0
    assert tidied(house)["runs"] == 1
    assert {run.run for run in house.runs()} == {"r2", "r3"}
    assert house.memory("main").in_doubt == {"D3"}


def test_a_run_and_its_undo_go_together_or_not_at_all(house: House) -> None:
    written(house, "r1", task("D1"))
    undone(house, "u1", "r1")
    written(house, "r2", task("D2"))
    lease = house.acquire("main", "u2")
    run: Run = replace(a_run("u2"), kind=RunKind.UNDO, of_run="r2")
    house.begin(lease, run, inverse("u2", house.actions("r2")), dead_letters())
    house.release(lease)
    assert tidied(house)["runs"] == 2
    assert {run.run for run in house.runs()} == {"r2", "u2"}


def test_a_plan_whose_run_was_tidied_away_cannot_be_written_twice(house: House) -> None:
    written(house, "r1", task("D1"))
    younger(house)
    tidied(house)
    lease = house.acquire("main", "r1")
    with pytest.raises(LedgerError, match="long ago"):
        house.begin(lease, a_run("r1"), a_plan(task("D1")), dead_letters())
    assert [run.run for run in house.runs()] == ["younger"]


def test_the_newest_run_stays_so_that_no_number_is_given_twice(house: House) -> None:
    written(house, "r1", task("D1"))
    assert tidied(house)["runs"] == 0
    written(house, "r2", task("D2"))
    assert tidied(house)["runs"] == 1
    assert [run.run for run in house.runs()] == ["r2"]


def test_remarks_and_dead_letters_have_a_shorter_life_than_their_run(house: House) -> None:
    lease = house.acquire("main", "r1")
    letters = dead_letters([{"stage": "normalize", "table": "deals", "record_id": "D9", "code": "x", "reason": ""}])
    house.begin(lease, a_run("r1"), a_plan(task("D1")), letters)
    refused = Receipt(key="main:D1:1:first", state=FAILED, code="INVALID", reason="the owner is gone")
    house.mark_sent(lease, "r1", [refused.key])
    house.settle(lease, "r1", [refused])
    house.end(lease, "r1", RunState.PARTIAL)
    house.release(lease)
    found = tidied(house, runs_before=None)
    assert (found["runs"], found["dead_letters"], found["remarks"]) == (0, 1, 1)
    left = house.dead_letters("r1").rows(named=True)
    assert [(letter["code"], letter["reason"]) for letter in left] == [("INVALID", None)]


def test_who_does_not_hold_the_lease_tidies_nothing(house: House) -> None:
    written(house, "r1", task("D1"))
    lease = house.acquire("main", "a")
    house.release(lease)
    with pytest.raises(LeaseError):
        house.prune(lease, **ALL)  # type: ignore[arg-type]
    assert house.runs()


DEEDS = st.lists(
    st.sampled_from(["write", "write", "undo", "doubt", "skip", "leave open", "tidy", "end a cycle"]), max_size=12
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=DEEDS, chance=st.randoms(use_true_random=False))
def test_memory_is_the_same_before_and_after_and_whatever_is_left_can_be_undone(
    deeds: list[str], chance: random.Random
) -> None:
    """Two ledgers live through the same; one is tidied in between. They remember the same all along."""
    folders = [quick_folder(), quick_folder()]
    for folder in folders:
        shutil.copy(sqlite_template(), folder / "ledger.db")
    tidy, full = (open_ledger("sqlite:///ledger.db", folder) for folder in folders)
    try:
        for number, deed in enumerate(deeds):
            seed = chance.random()
            there = {run.run for run in tidy.runs()}
            for house in (tidy, full):
                _do(house, deed, f"r{number}", random.Random(seed), there, tidies=house is tidy)
        tidied(tidy)
        assert memories(tidy) == memories(full)
        for run in [run.run for run in tidy.runs() if run.kind is RunKind.APPLY and run.state is not RunState.RUNNING]:
            if any(one.of_run == run for one in tidy.runs()):
                continue
            for house in (tidy, full):
                undone(house, f"undo-{run}", run)
            assert memories(tidy) == memories(full)
    finally:
        for house, folder in zip((tidy, full), folders, strict=True):
            house.close()
            shutil.rmtree(folder)


def _do(house: House, deed: str, name: str, chance: random.Random, there: set[str], *, tidies: bool) -> None:
    if deed == "tidy":
        if tidies:
            tidied(house)
        return
    remembered = house.memory("main")
    if deed == "end a cycle":
        _end_a_cycle(house, name, remembered)
        return
    if deed == "undo":
        _undo_the_newest(house, name, there)
        return
    rows = [_fresh(f"D{n}", remembered) for n in sorted(chance.sample(range(5), 2))]
    if deed == "write":
        written(house, name, *rows)
        return
    lease = house.acquire("main", name)
    house.begin(lease, a_run(name), a_plan(*rows), dead_letters())
    state = {"doubt": IN_DOUBT, "skip": SKIPPED}.get(deed)
    if state is not None:
        keys = [str(row["key"]) for row in rows]
        house.mark_sent(lease, name, keys)
        house.settle(lease, name, receipts(keys, state))
        house.end(lease, name, RunState.PARTIAL)
    house.release(lease)


def _fresh(deal: str, remembered: Memory) -> dict[str, object]:
    """Return a task with a key of its own, as the planner makes them: the cycle's next step."""
    cycle = int(remembered.cycles.filter(deal_id=deal)["cycle"].max() or 1)  # type: ignore[arg-type]
    made = remembered.touches.filter(deal_id=deal).height
    doubt = len(remembered.in_doubt) * 100
    return task(deal, cycle=cycle, step=f"s{made}-{doubt}", due_on=f"2026-01-{5 + made:02}")


def _end_a_cycle(house: House, name: str, remembered: Memory) -> None:
    running = remembered.cycles.filter(pl.col("ended_on").is_null()).head(1)
    if running.height:
        lease = house.acquire("main", name)
        house.end_cycles(lease, running.with_columns(ended_on=date(2026, 1, 6), ended_why=pl.lit("track_done")))
        house.release(lease)


def _undo_the_newest(house: House, name: str, there: set[str]) -> None:
    """Undo the newest run that both ledgers still have: one that ended and was written whole."""
    for run in [run for run in house.runs("main") if run.run in there]:
        taken_back = any(one.of_run == run.run for one in house.runs("main"))
        if run.kind is RunKind.APPLY and set(run.counts) == {ReceiptState.DONE} and not taken_back:
            undone(house, name, run.run)
            return

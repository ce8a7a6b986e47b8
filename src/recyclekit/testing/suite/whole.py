"""Whole runs: the product itself, on this connector, with its own ledger, under fire."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from recyclekit.connectors.manifest import Capability, Level
from recyclekit.models.tables import Table
from recyclekit.testing.bench import Edits, Hurts, Looks, Refuses, Trouble
from recyclekit.testing.factories import create_task, set_fields
from recyclekit.testing.proving import Tier, proves
from recyclekit.testing.stand import Stand
from recyclekit.testing.suite.room import Room

READS, BACK, FIELDS, TASKS = (
    Capability.READ_DEALS, Capability.READ_BACK, Capability.WRITE_FIELDS, Capability.WRITE_TASKS,
)  # fmt: skip
AS_OF = date(2026, 11, 20)
_PASSING = (Trouble.THROTTLED, Trouble.DOWN, Trouble.LOST_ANSWER, Trouble.LYING)
_ATTEMPTS = 40


class WholeRuns(Room):
    """Tests of the connector as the product uses it."""

    @proves(Tier.GOLD, READS, BACK, FIELDS, TASKS, needs=(Looks,))
    def test_a_plan_is_applied_and_the_next_one_is_empty(self, stand: Stand) -> None:
        deals = [
            stand.seed_one(lost_reason="予算が取れなかったため見送り"),
            stand.seed_one(lost_reason="The timing was not right, come back next year"),
            stand.seed_one(lost_reason="Our competitor's product was chosen"),
        ]
        job = stand.job(AS_OF)
        plan = job.plan()
        planned = plan.actions.filter(pl.col("deal_id").is_in(deals))
        assert planned.height, "none of three lost deals was planned"
        outcome = job.write_back(plan, approve_guards=True)
        assert outcome.sums_close
        assert outcome.applied == outcome.planned, outcome
        written = planned.filter(pl.col("kind") == "set_fields")["deal_id"].to_list()
        assert [deal for deal in written if stand.view.fields(deal)["recycle_track"] is None] == []
        again = stand.job(AS_OF).plan()
        assert again.actions.filter(pl.col("deal_id").is_in(deals)).is_empty(), again.actions

    @proves(Tier.GOLD, READS, BACK, FIELDS, TASKS, Capability.UNDO, needs=(Looks,))
    def test_a_run_is_undone_as_if_it_had_not_been(self, stand: Stand) -> None:
        deal = stand.seed_one(lost_reason="The timing was not right, come back next year")
        job = stand.job(AS_OF)
        plan = job.plan()
        job.write_back(plan, approve_guards=True)
        assert stand.view.fields(deal)["recycle_track"] is not None
        outcome = stand.job(AS_OF).undo(plan.manifest.run)
        assert not outcome.failed
        assert not outcome.in_doubt
        assert set(stand.view.fields(deal).values()) <= {None}
        assert not stand.view.tasks(deal)

    @proves(Tier.PLATINUM, FIELDS, TASKS, Capability.FIND_BY_KEY, needs=(Hurts, Looks, Refuses))
    def test_under_fire_nothing_is_lost_doubled_or_falsely_claimed(self, stand: Stand) -> None:
        deals = stand.seed_deals(24)
        tasks = [create_task(deal, stand.bench.owner) for deal in deals]
        fields = [set_fields(deal, stand.own()) for deal in deals]
        fields[5] = stand.refusing.refused(fields[5])
        fire = [t for t in _PASSING if _makes(stand, t)]
        if not fire:
            pytest.skip("needs a bench that makes trouble while writing")
        outcome, attempts = None, 0
        for start in range(0, len(deals), 4):
            stand.accidents.hurt(stand.chance.choice(fire), wait=1)
            batch = [*fields[start : start + 4], *tasks[start : start + 4]]
            outcome = stand.run(batch, run=f"r{start}", sink=stand.sink())
            while (outcome.unsent or outcome.in_doubt) and attempts < _ATTEMPTS:
                outcome, attempts = stand.resume(f"r{start}"), attempts + 1
            assert outcome.sums_close
            assert not outcome.unsent, f"seed {stand.seed!r}: {outcome}"
            assert not outcome.in_doubt, f"seed {stand.seed!r}: {outcome}"
        stand.accidents.heal()
        assert attempts < _ATTEMPTS
        wrong = [deal for deal, task in zip(deals, tasks, strict=True) if list(stand.view.tasks(deal)) != [task.key]]
        assert not wrong, f"seed {stand.seed!r}: lost or doubled tasks at {wrong}"
        bare = [deal for deal in deals if stand.view.fields(deal)["recycle_track"] != "timing"]
        assert bare == [deals[5]], f"seed {stand.seed!r}: only the refused one may be unwritten: {bare}"

    @proves(Tier.PLATINUM, READS, needs=(Hurts, Edits))
    def test_reading_under_fire_loses_no_record(self, stand: Stand) -> None:
        seeded = stand.seed_deals(4 * stand.bench.page_size)
        fire = [t for t in (Trouble.THROTTLED, Trouble.DOWN, Trouble.CUT_OFF) if _makes(stand, t)]
        if not fire:
            pytest.skip("needs a bench that makes trouble while reading")
        source, cursor, read = stand.source(), None, list[str]()
        for _ in range(_ATTEMPTS):
            stand.accidents.hurt(stand.chance.choice(fire), wait=1)
            page = stand.patiently(lambda: next(iter(stand.pages(Table.DEALS, cursor, source=source)), None))  # noqa: B023  # called at once
            stand.accidents.heal()
            if page is None or (page.records.is_empty() and page.cursor == cursor):
                break
            read += stand.ids(Table.DEALS, [page])
            cursor = page.cursor
            if set(seeded) <= set(read):
                break
        assert set(seeded) <= set(read), f"seed {stand.seed!r}: lost {sorted(set(seeded) - set(read))[:5]}"
        assert len(read) == len(set(read)), f"seed {stand.seed!r}: read twice"


def _makes(stand: Stand, trouble: Trouble) -> bool:
    support = stand.accidents.troubles().get(trouble)
    return support is not None and support.level is Level.FULL

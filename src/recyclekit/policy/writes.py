"""Every write that planned deals take: what goes, what comes, what is asked for, the deals' own fields."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import polars as pl

from recyclekit.models.decision import Verdict
from recyclekit.models.lines import (
    CODED,
    FIELD_COLUMNS,
    TOUCH_COLUMNS,
    ask_lines,
    keys,
    overtaken_lines,
    own_field_lines,
    taken_back,
    touch_lines,
)
from recyclekit.models.memory import ENDED_CYCLES
from recyclekit.models.payloads import row_codes
from recyclekit.models.plan import ActionKind, Change
from recyclekit.models.standing import ASK
from recyclekit.models.tables import OWN_FIELDS
from recyclekit.policy.missing import missing, missing_names
from recyclekit.policy.touches import Scene, is_due
from recyclekit.policy.upcoming import FRESH, KEEP, overtaken
from recyclekit.policy.wishes import home_calendar

GONE: Final = pl.Schema({"deal_id": pl.String(), "is_on": pl.Boolean()})
"""What taking touches back asks of the deals: which are scheduled."""

Writes = Mapping[tuple[int, ...], pl.DataFrame]
"""Columns ACTIONS by place: in the order of places they are the order of writing."""


def changed(planned: pl.DataFrame) -> pl.DataFrame:
    """Add what the lines of a plan rest on: change, by_sales, keeps, code."""
    is_on = pl.col("next_approach_on").is_not_null()
    change = pl.when(is_on & enters()).then(pl.lit(Change.ADD)).when(is_on).then(pl.lit(Change.CHANGE))
    rows = planned.with_columns(
        change=change,
        by_sales=pl.col("sales_hook").is_not_null(),
        keeps=(pl.col("mode") == KEEP).fill_null(value=False),
    )
    return rows.with_columns(code=row_codes(rows.select(CODED)))


def enters() -> pl.Expr:
    """Return whether a deal that is scheduled enters recycling."""
    return pl.col("running_cycle").is_null() | pl.col("is_over")


def withdrawals(
    gone: pl.DataFrame, scheduled: pl.DataFrame, fresh: pl.DataFrame, scene: Scene, activities: pl.DataFrame
) -> Writes:
    """Return what goes before anything comes.

    Args:
        gone: touches that are taken back, as `left_behind` gives them.
        scheduled: columns GONE, at least of the deals of `gone`.
        fresh: columns FRESH, of the deals with a new touch.
        scene: what planning looks at.
        activities: the canonical table.
    """
    older = overtaken(fresh, gone, scene.memory, activities)
    return {
        (0,): taken_back(gone, scheduled, scene.pipeline, scene.run),
        (1,): overtaken_lines(older, scene.pipeline, scene.run),
    }


def additions(rows: pl.DataFrame, scene: Scene, present: Collection[str]) -> Writes:
    """Return what comes, then the deals' own fields as the sign that it is done.

    Args:
        rows: as `changed` gives them, of all deals or of some.
        scene: what planning looks at.
        present: deal columns that the source shows.
    """
    is_on = pl.col("next_approach_on").is_not_null()
    # Full owners are no reason to forget a running cycle.
    waits = pl.col("goes_on") & is_due(rows) & ~is_on
    holds = pl.any_horizontal(pl.col(f"now_{name}").is_not_null() for name in OWN_FIELDS)
    told = rows.select(~pl.col("in_doubt") & ~waits & (is_on | holds)).to_series()
    made = rows.select(is_on & ~pl.col("keeps")).to_series()
    tasks, enrolments = touch_lines(rows.select(TOUCH_COLUMNS).filter(made), scene.book.steps, scene.pipeline)
    fields = own_field_lines(rows.select(FIELD_COLUMNS).filter(told), scene.pipeline, scene.run, present)
    own: Writes = {(5, bits): lines for bits, lines in fields.items()}
    return {(2,): tasks, (3,): enrolments, (4,): ask_lines(_asked(rows, scene)), **own}


def newly_touched(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the deals with a new touch: columns FRESH."""
    is_new = rows["next_approach_on"].is_not_null() & is_due(rows)
    return rows.select(FRESH).filter(is_new)


def _asked(rows: pl.DataFrame, scene: Scene) -> pl.DataFrame:
    """Return the to-dos that ask the deal's own owner for what is missing, those left out that were made before."""
    lacks = rows.select(missing(scene.spec, scene.as_of)).to_series()
    asked = rows.filter((lacks > 0) & ~pl.col("in_doubt"))
    if asked.is_empty():
        return asked
    cycle = pl.when(pl.col("verdict") == Verdict.REVIEW).then(pl.lit(0, dtype=pl.Int16)).otherwise("cycle")
    asked = asked.with_columns(
        cycle=cycle.fill_null(0), missing=missing_names(lacks.filter((lacks > 0) & ~rows["in_doubt"]))
    )
    asked = asked.with_columns(key=keys(scene.pipeline, asked["deal_id"], asked["cycle"], ASK))
    known = scene.memory.touches.filter(pl.col("step") == ASK)
    asked = asked.join(known, on="key", how="anti", maintain_order="left")
    if asked.is_empty():
        return asked
    years = scene.as_of.year, scene.as_of.year + 1
    return asked.with_columns(
        pl.col("change").fill_null(str(Change.CHANGE)),
        subject=pl.lit(scene.spec.three_fields.subject.word(scene.spec.language)),
        due_on=pl.lit(home_calendar(scene.spec, scene.settings, years).next_working_day(scene.as_of)),
        owner=pl.coalesce("deal_owner", pl.lit(scene.spec.owner_role)),
    )


def unproven(over: pl.DataFrame, told: pl.Series) -> pl.DataFrame:
    """Return the ended cycles that the ledger cannot tell from receipts: tracks that are done, ends without a write.

    `told` are the deals whose own fields are written.
    """
    if over.is_empty():
        return pl.DataFrame(schema=ENDED_CYCLES)
    known = pl.col("deal_id").is_in(told.implode()) & (pl.col("ended_why") != "track_done")
    return over.filter(~known).select(pl.col(name).cast(dtype) for name, dtype in ENDED_CYCLES.items())


def told_of(actions: pl.DataFrame) -> pl.Series:
    """Return the deals whose own fields are among these actions."""
    return actions.filter(pl.col("kind") == str(ActionKind.SET_FIELDS))["deal_id"]


def entered(actions: pl.DataFrame) -> int:
    """Return how many deals enter recycling: one that does has exactly one touch."""
    enters = (pl.col("change") == str(Change.ADD)) & pl.col("kind").is_in([ActionKind.CREATE_TASK, ActionKind.ENROL])
    return int(actions.select((enters & (pl.col("step") != ASK)).sum()).item())


def moved(actions: pl.DataFrame) -> pl.DataFrame:
    """Return the deals that change within recycling or leave it: deal_id, change, each pair once."""
    return actions.filter(pl.col("change") != str(Change.ADD)).select("deal_id", "change").unique()

"""Stage 4 of 5. Turn decisions into dated, owned touches and the writes that they take; touch nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from recyclekit.models.calendar.settings import CalendarSettings
from recyclekit.models.decision import BUCKET, SCHEDULED, Bucket, Status, Verdict
from recyclekit.models.lines import (
    CODED,
    FIELD_COLUMNS,
    TOUCH_COLUMNS,
    ask_lines,
    check_keys,
    keys,
    overtaken_lines,
    own_field_lines,
    taken_back,
    touch_lines,
)
from recyclekit.models.memory import ENDED_CYCLES, Memory
from recyclekit.models.payloads import row_codes
from recyclekit.models.placing import place
from recyclekit.models.plan import ActionKind, Change
from recyclekit.models.roster import Roster
from recyclekit.models.snapshot import Snapshot
from recyclekit.models.standing import ASK
from recyclekit.models.tables import OWN_FIELDS
from recyclekit.models.tally import tally, tally_buckets, tally_reasons
from recyclekit.policy.caps import over_cap, parties
from recyclekit.policy.guards import tripped
from recyclekit.policy.hooks import is_vague
from recyclekit.policy.loader import Policy
from recyclekit.policy.missing import missing, missing_names
from recyclekit.policy.notes import Note, joined, noted
from recyclekit.policy.spec import PolicySpec
from recyclekit.policy.step_book import StepBook
from recyclekit.policy.timing import Assumed
from recyclekit.policy.upcoming import (
    DEAL,
    DOUBT,
    FIRST,
    KEEP,
    NEXT,
    beside_the_others,
    concerned,
    ended,
    left_behind,
    overtaken,
    upcoming,
)
from recyclekit.policy.wishes import home_calendar, wish

SCHEDULE_READS = ("deal_id", "currency", *DEAL)
"""The deal's columns that stage 4 and what it hands on read; the others may be let go before it."""

_DUE = (
    "deal_id", "external_id", "amount", "person", "track", "mode", "step_row", "named_on", "previous_end", "last_due",
    "last_owner", "closed_on", "last_contact_on", "contract_ends_on", "fiscal_year", "country",
)  # fmt: skip
"""What the date and owner of a touch depend on."""
_PLACED = {"on": pl.Date, "owner": pl.String, "note": pl.String, "needs_fiscal_year": pl.Boolean}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """Stage 4's result.

    Attributes:
        decisions: columns SCHEDULED, one row per decision, in their order.
        actions: columns ACTIONS, in the order of writing: what goes, what comes, then the deals' own fields.
        ended_cycles: columns ENDED_CYCLES, cycles that are over and whose end no write of this plan proves.
        by_status, by_reason, by_verdict, by_rule, by_track, by_bucket: numbers of deals.
        by_kind: numbers of actions; changes: numbers of deals by `+`, `~`, `-`.
        guards: change guards that the plan trips, in words.
    """

    decisions: pl.DataFrame
    actions: pl.DataFrame
    ended_cycles: pl.DataFrame
    by_status: Mapping[str, int]
    by_reason: Mapping[str, int]
    by_verdict: Mapping[str, int]
    by_rule: Mapping[str, int]
    by_track: Mapping[str, int]
    by_bucket: Mapping[str, int]
    by_kind: Mapping[str, int]
    changes: Mapping[str, int]
    guards: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Scene:
    """What every step of planning looks at."""

    spec: PolicySpec
    book: StepBook
    as_of: date
    settings: CalendarSettings
    roster: Roster
    memory: Memory
    run: str
    pipeline: str
    about: pl.DataFrame  # whom each deal is about, as the policy's caps ask for it


def schedule(
    decisions: pl.DataFrame,
    snapshot: Snapshot,
    policy: Policy,
    memory: Memory,
    *,
    run: str,
    pipeline: str,
    as_of: date,
    calendar: CalendarSettings | None = None,
    roster: Roster | None = None,
) -> Scheduled:
    """Plan the next touch of every deal that is to be recycled, and every write that follows.

    Args:
        decisions: columns CLASSIFIED, one row per deal.
        snapshot: the tables that were classified.
        policy: its tracks, cycles, three fields, guards and calendar are read.
        memory: cycles and touches so far.
        run: part of the keys of own fields.
        pipeline: part of every key.
        as_of: the business date; no touch is planned before it.
        calendar: what the project adds to the policy's calendar.
        roster: who takes touches; by default every role is unlimited.

    Raises:
        InputError: the home country's public holidays are not known.
        SumsError, PlanError: a deal is in no bucket, or a key stands twice: bugs.
    """
    spec = policy.spec
    scene = _Scene(
        spec, StepBook.of(spec), as_of, calendar or CalendarSettings(), roster or Roster(), memory, run, pipeline,
        parties(snapshot.deals, spec.caps),
    )  # fmt: skip
    rows = concerned(decisions, snapshot, memory)
    here = snapshot if rows is None else replace(snapshot, deals=snapshot.deals[rows])
    deals = upcoming(decisions if rows is None else decisions[rows], here, memory, scene.book, as_of)
    over = ended(deals, as_of)
    gone = left_behind(over, memory, snapshot.activities, as_of)
    planned = _plan(deals, scene, gone)
    actions = _actions(planned, gone, scene, snapshot)
    check_keys(actions)
    made = planned.select(pl.col(name).cast(dtype) for name, dtype in SCHEDULED.items())
    made = made if rows is None else beside_the_others(decisions, made, rows)
    new = planned.select((pl.col("next_approach_on").is_not_null() & _enters()).sum()).item()
    return Scheduled(
        decisions=made,
        actions=actions,
        ended_cycles=_unproven(over, actions),
        by_status=tally(made["status"], Status),
        by_reason=tally_reasons(made),
        by_verdict=tally(made["verdict"], Verdict),
        by_rule=tally(made["rule"]),
        by_track=tally(made["track"]),
        by_bucket=tally_buckets(made["bucket"]),
        by_kind=tally(actions["kind"]),
        changes=_changes(actions),
        guards=tripped(new, snapshot.extracted_deals, spec),
    )


# -- dates and owners -------------------------------------------------------------------------------------------------


def _plan(deals: pl.DataFrame, scene: _Scene, gone: pl.DataFrame) -> pl.DataFrame:
    """Add each deal's touch: step, next_approach_on, owner, channel, hook, note, bucket, needs_fiscal_year."""
    book, mode = scene.book, deals["mode"]
    due = mode.is_in([FIRST, NEXT]).fill_null(value=False).arg_true()
    touches = _touches(deals.select(_DUE)[due], scene, gone)
    at = pl.repeat(None, deals.height, dtype=pl.UInt32, eager=True).scatter(due, pl.int_range(len(due), eager=True))
    placed = {column.name: column.gather(at) for column in touches.iter_columns()}
    keeps = pl.col("mode") == KEEP
    planned = deals.with_columns(
        **{f"its_{name}": book.column(name, deals["step_row"]) for name in ("step", "channel", "hook")},
        next_approach_on=pl.when(keeps).then("last_due").otherwise(placed["on"]),
        owner=pl.when(keeps).then("last_owner").otherwise(placed["owner"]),
        needs_fiscal_year=placed["needs_fiscal_year"].fill_null(value=False),
        note=joined([placed["note"], *_notes(deals, scene)], deals.height),
    )
    is_on = pl.col("next_approach_on").is_not_null()
    return planned.with_columns(
        step=pl.when(keeps).then("last_step").when(is_on).then("its_step"),
        channel=pl.when(keeps).then("last_channel").when(is_on).then("its_channel"),
        hook=pl.when(is_on).then(pl.coalesce("sales_hook", "its_hook")),
        bucket=_bucket(),
    )


def _touches(due: pl.DataFrame, scene: _Scene, gone: pl.DataFrame) -> pl.DataFrame:
    """Return the touches to be made, one row each: on, owner, note, needs_fiscal_year."""
    spec, book, memory = scene.spec, scene.book, scene.memory
    if due.is_empty():  # a plan in which nothing changed needs no calendar
        return pl.DataFrame(schema=_PLACED)
    wishes = wish(due.with_columns(is_next=pl.col("mode") == NEXT), spec, book, scene.settings, scene.as_of)
    channel, role = (book.column(name, due["step_row"]) for name in ("channel", "role"))
    touches = due.select(
        "amount",
        "person",
        # The same deal is as valuable, and comes in the same place, on every system.
        known_as=pl.coalesce("external_id", "deal_id"),
        role=role,
        before=pl.when(pl.col("mode") == NEXT).then("last_owner"),
        needs_person=channel != "newsletter",
        wished=wishes.wished,
        earliest=wishes.earliest,
        latest=wishes.latest,
        calendar=wishes.calendar,
    )
    taken = memory.touches.filter(
        (pl.col("due_on") >= scene.as_of) & (pl.col("step") != ASK) & ~pl.col("key").is_in(gone["key"].to_list())
    )
    placed = place(touches, scene.roster, wishes.calendars, taken)
    moved = (placed.on != wishes.wished).fill_null(value=False)
    asked = touches.select("amount", "known_as", deal_id=due["deal_id"], on=placed.on)
    held = over_cap(asked, memory.touches, gone["key"], scene.about, spec.caps)
    notes = [
        *wishes.notes,
        noted(Note.MOVED, spec.language, moved, wishes.wished),
        noted(Note.FULL, spec.language, placed.on.is_null(), wishes.latest),
        noted(Note.CAPPED, spec.language, held),
    ]
    asking = [name for name, track in spec.tracks.items()
              if track.timing.before_budget is not None and track.timing.before_budget.unknown == "ask"]  # fmt: skip
    guessed = wishes.assumed.is_in([Assumed.FISCAL_UNKNOWN, Assumed.FISCAL_UNREADABLE]).fill_null(value=False)
    return pl.DataFrame({
        "on": placed.on.set(held, None), "owner": placed.owner.set(held, None), "note": joined(notes, due.height),
        "needs_fiscal_year": guessed & due["track"].is_in(asking),
    })  # fmt: skip


def _notes(deals: pl.DataFrame, scene: _Scene) -> list[pl.Series | None]:
    spec, mode = scene.spec, deals["mode"]
    language = spec.language
    is_due = mode.is_in([FIRST, NEXT]).fill_null(value=False)
    hooks = deals["sales_hook"].drop_nulls().unique()
    vague = hooks.to_frame("hook").filter(is_vague(pl.col("hook"), spec.three_fields.vague_hooks))["hook"]
    is_vague_hook = mode.is_not_null() & deals["sales_hook"].is_in(vague.to_list()).fill_null(value=False)
    owners = list(scene.roster.roles)
    stranger = is_due & deals["person"].is_not_null() & ~deals["person"].is_in(owners).fill_null(value=False)
    trackless = (deals["verdict"] == Verdict.RECYCLE) & ~deals["has_track"]
    return [
        noted(Note.NO_TRACK, language, trackless),
        noted(Note.IN_DOUBT, language, (mode == DOUBT).fill_null(value=False)),
        noted(Note.TRACK_DONE, language, deals["is_over"], deals["last_due"]),
        noted(Note.PERSON, language, stranger) if owners else None,
        noted(Note.VAGUE, language, is_vague_hook),
    ]


def _bucket() -> pl.Expr:
    verdict = pl.col("verdict")
    return (
        pl.when(pl.col("next_approach_on").is_not_null()).then(pl.lit(Bucket.SCHEDULED))
        .when((verdict == Verdict.REVIEW) | ((verdict == Verdict.RECYCLE) & ~pl.col("has_track")))
        .then(pl.lit(Bucket.REVIEW))
        .when(verdict.is_in([Verdict.RECYCLE, Verdict.WAIT])).then(pl.lit(Bucket.WAITING))
        .when(verdict == Verdict.EXCLUDE).then(pl.lit(Bucket.EXCLUDED))
        .when(verdict == Verdict.NONE).then(pl.lit(Bucket.NONE))
        .cast(BUCKET)
    )  # fmt: skip


# -- writes -----------------------------------------------------------------------------------------------------------


def _actions(planned: pl.DataFrame, gone: pl.DataFrame, scene: _Scene, snapshot: Snapshot) -> pl.DataFrame:
    """Return all writes: what goes, what comes, then the deals' own fields as the sign that it is done."""
    is_on = pl.col("next_approach_on").is_not_null()
    change = pl.when(is_on & _enters()).then(pl.lit(Change.ADD)).when(is_on).then(pl.lit(Change.CHANGE))
    rows = planned.with_columns(
        change=change,
        by_sales=pl.col("sales_hook").is_not_null(),
        keeps=(pl.col("mode") == KEEP).fill_null(value=False),
    )
    # Full owners are no reason to forget a running cycle.
    waits = pl.col("goes_on") & pl.col("mode").is_in([FIRST, NEXT]).fill_null(value=False) & ~is_on
    rows = rows.with_columns(code=row_codes(rows.select(CODED)))
    holds = pl.any_horizontal(pl.col(f"now_{name}").is_not_null() for name in OWN_FIELDS)
    told = rows.select(~pl.col("in_doubt") & ~waits & (is_on | holds)).to_series()
    made = rows.select(is_on & ~pl.col("keeps")).to_series()
    return pl.concat([
        taken_back(gone, rows.select("deal_id", is_on=is_on), scene.pipeline, scene.run),
        overtaken_lines(overtaken(rows, gone, scene.memory, snapshot.activities), scene.pipeline, scene.run),
        touch_lines(rows.select(TOUCH_COLUMNS).filter(made), scene.book.steps, scene.pipeline),
        ask_lines(_asked(rows, scene)),
        own_field_lines(rows.select(FIELD_COLUMNS).filter(told), scene.pipeline, scene.run,
                        snapshot.deals.columns),
    ])  # fmt: skip


def _enters() -> pl.Expr:
    return pl.col("running_cycle").is_null() | pl.col("is_over")


def _asked(rows: pl.DataFrame, scene: _Scene) -> pl.DataFrame:
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


def _unproven(over: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Return the ended cycles that the ledger cannot tell from receipts: tracks that are done, ends without a write."""
    if over.is_empty():
        return pl.DataFrame(schema=ENDED_CYCLES)
    own = actions.filter(pl.col("kind") == str(ActionKind.SET_FIELDS)).select("deal_id", has_fields=True)
    told = over.join(own, on="deal_id", how="left", maintain_order="left")
    known = pl.col("has_fields").fill_null(value=False) & (pl.col("ended_why") != "track_done")
    return told.filter(~known).select(pl.col(name).cast(dtype) for name, dtype in ENDED_CYCLES.items())


def _changes(actions: pl.DataFrame) -> dict[str, int]:
    """Return deals by change. One that enters has exactly one touch, so only the others must be told apart."""
    enters = (pl.col("change") == str(Change.ADD)) & pl.col("kind").is_in([ActionKind.CREATE_TASK, ActionKind.ENROL])
    added = actions.select((enters & (pl.col("step") != ASK)).sum()).item()
    others = actions.filter(pl.col("change") != str(Change.ADD)).select("deal_id", "change").unique()["change"]
    return {**tally(others, Change), str(Change.ADD): added}

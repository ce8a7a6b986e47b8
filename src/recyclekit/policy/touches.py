"""The date, the owner and the words of each touch that is due, and the bucket that its deal ends in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from recyclekit.models.calendar.settings import CalendarSettings
from recyclekit.models.decision import BUCKET, Bucket, Verdict
from recyclekit.models.memory import Memory
from recyclekit.models.placing import place
from recyclekit.models.roster import Roster
from recyclekit.models.standing import ASK
from recyclekit.policy.caps import over_cap
from recyclekit.policy.hooks import is_vague
from recyclekit.policy.notes import Note, joined, noted
from recyclekit.policy.spec import PolicySpec
from recyclekit.policy.step_book import StepBook
from recyclekit.policy.timing import Assumed
from recyclekit.policy.upcoming import DOUBT, FIRST, KEEP, NEXT
from recyclekit.policy.wishes import wish

DUE = (
    "deal_id", "external_id", "amount", "person", "track", "mode", "step_row", "named_on", "previous_end", "last_due",
    "last_owner", "closed_on", "last_contact_on", "contract_ends_on", "fiscal_year", "country",
)  # fmt: skip
"""What the date and owner of a touch depend on."""
PLACED = {"on": pl.Date, "owner": pl.String, "note": pl.String, "needs_fiscal_year": pl.Boolean}
"""What is found for each of them."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What every step of planning looks at."""

    spec: PolicySpec
    book: StepBook
    as_of: date
    settings: CalendarSettings
    roster: Roster
    memory: Memory
    run: str
    pipeline: str


def is_due(deals: pl.DataFrame) -> pl.Series:
    """Return which deals (columns of `upcoming`) get a new touch."""
    return deals["mode"].is_in([FIRST, NEXT]).fill_null(value=False)


def place_touches(due: pl.DataFrame, scene: Scene, gone: pl.DataFrame, about: pl.DataFrame) -> pl.DataFrame:
    """Return the touches to be made, one row each: columns PLACED. All must be there: they share the owners' days.

    Args:
        due: columns DUE.
        scene: what planning looks at.
        gone: touches that this plan takes back, whose days are free again.
        about: whom the deals are about, as `caps.parties` gives it: at least those due and those touched before.
    """
    spec, book, memory = scene.spec, scene.book, scene.memory
    if due.is_empty():  # a plan in which nothing changed needs no calendar
        return pl.DataFrame(schema=PLACED)
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
    held = over_cap(asked, memory.touches, gone["key"], about, spec.caps)
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


def with_touches(deals: pl.DataFrame, touches: pl.DataFrame, scene: Scene) -> pl.DataFrame:
    """Add each deal's touch: step, next_approach_on, owner, channel, hook, note, bucket, needs_fiscal_year.

    Args:
        deals: columns of `upcoming`.
        touches: columns PLACED, of those that are due, in their order.
        scene: what planning looks at.
    """
    book, due = scene.book, is_due(deals).arg_true()
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


def _notes(deals: pl.DataFrame, scene: Scene) -> list[pl.Series | None]:
    spec, mode = scene.spec, deals["mode"]
    language = spec.language
    due = is_due(deals)
    hooks = deals["sales_hook"].drop_nulls().unique()
    vague = hooks.to_frame("hook").filter(is_vague(pl.col("hook"), spec.three_fields.vague_hooks))["hook"]
    is_vague_hook = mode.is_not_null() & deals["sales_hook"].is_in(vague.to_list()).fill_null(value=False)
    owners = list(scene.roster.roles)
    stranger = due & deals["person"].is_not_null() & ~deals["person"].is_in(owners).fill_null(value=False)
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

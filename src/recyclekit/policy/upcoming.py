"""What each decided deal calls for next: its first touch, the next, the one that stands, or its cycle's end."""

from __future__ import annotations

from datetime import date

import polars as pl

from recyclekit.models.decision import BUCKET, CLASSIFIED, ERASED, SCHEDULED, VERDICT, Bucket, Status, Verdict
from recyclekit.models.memory import TOUCHES, Memory
from recyclekit.models.snapshot import Snapshot
from recyclekit.models.standing import ASK, running_touches, standing
from recyclekit.models.tables import OWN_FIELDS, Table, types_of
from recyclekit.policy.step_book import StepBook

FIRST, NEXT, KEEP, DOUBT = "first", "next", "keep", "doubt"
MODE = pl.Enum([FIRST, NEXT, KEEP, DOUBT])
"""Of a deal that is to be recycled: begin a cycle, go on with it, leave what is planned, or leave the deal alone."""

DEAL = {
    "amount": "amount", "external_id": "external_id", "owner": "deal_owner", "account_id": "account_id",
    "closed_on": "closed_on", "next_approach_on": "named_on", "approach_person": "person", "hook": "sales_hook",
    "contract_ends_on": "contract_ends_on", **{name: f"now_{name}" for name in OWN_FIELDS},
}  # fmt: skip
"""Deal column → its name beside the decision."""

_ACCOUNT = {"country": pl.String, "fiscal_year": pl.String, "contract_ends_on": pl.Date}


def concerned(decisions: pl.DataFrame, snapshot: Snapshot, memory: Memory) -> pl.Series | None:
    """Return from which deals a write, a date or a question may follow, true or false for each; None for all.

    Won, open and excluded deals that we never touched are most of a CRM, and there is nothing to plan for them. Nor is
    there for a person who was erased: each line of a plan would remember them anew.
    """
    deals = snapshot.deals
    if not decisions["deal_id"].equals(deals["deal_id"]):
        return None
    ours = [pl.col(name).is_not_null() for name in OWN_FIELDS if name in deals.columns]
    holds = deals.select(pl.any_horizontal(*ours, pl.repeat(value=False, n=pl.len()))).to_series()
    found = ~decisions["verdict"].is_in(list(_ALONE)) | holds
    touched = pl.concat([memory.cycles["deal_id"], pl.Series(list(memory.in_doubt), dtype=pl.String)])
    if len(touched):
        found |= decisions["deal_id"].is_in(touched.implode())
    return found & decisions["rule"].ne_missing(ERASED)


_ALONE = {Verdict.EXCLUDE.value: Bucket.EXCLUDED.value, Verdict.NONE.value: Bucket.NONE.value}


def beside_the_others(decisions: pl.DataFrame, made: pl.DataFrame, here: pl.Series) -> pl.DataFrame:
    """Return columns SCHEDULED for all decisions: `made` where it belongs; nothing is planned for the others."""
    rows = here.arg_true()
    new = [name for name in SCHEDULED if name not in CLASSIFIED and name != "bucket"]
    added = {name: _spread(made[name], rows, decisions.height) for name in new}
    alone = pl.Series([_ALONE.get(verdict) for verdict in VERDICT.categories], dtype=BUCKET)
    buckets = alone.to_physical().gather(decisions["verdict"].to_physical())
    added["bucket"] = buckets.scatter(rows, made["bucket"].to_physical()).cat.to(BUCKET)
    added["cycle"] = decisions["cycle"].scatter(rows, made["cycle"])
    # Column by column: a select from columns in parts of different length copies all of them first.
    columns = decisions.to_dict() | added
    return pl.DataFrame({name: columns[name] for name in SCHEDULED})


def _spread(column: pl.Series, rows: pl.Series, height: int) -> pl.Series:
    """Return a column of this height that holds the given one at these rows, and nulls."""
    kept = column.to_physical()
    spread = pl.repeat(None, height, dtype=kept.dtype, eager=True).scatter(rows, kept)
    if isinstance(column.dtype, pl.Enum | pl.Categorical):
        return spread.cat.to(column.dtype)
    return spread.cast(column.dtype)


def upcoming(decisions: pl.DataFrame, snapshot: Snapshot, memory: Memory, book: StepBook, as_of: date) -> pl.DataFrame:
    """Return the decisions beside what the deal, its account and the ledger say of them, one row each, in their order.

    Added are the values of DEAL, country, fiscal_year, last_contact_on, STANDING and in_doubt, then mode (MODE, null
    where the deal is not to be recycled), has_track, goes_on (its track runs already), is_over (its track is done),
    step_row (row of `book.steps` of the touch that is due), and as `cycle` the one that this touch belongs to.
    """
    frame = _with_accounts(_with_deals(decisions, snapshot.deals), snapshot.accounts)
    frame = pl.concat([frame, standing(decisions["deal_id"], memory, book.steps)], how="horizontal")
    frame = frame.with_columns(
        last_contact_on=pl.lit(as_of) - pl.duration(days="inactive_days"),
        in_doubt=pl.col("deal_id").is_in(list(memory.in_doubt)),
    )
    return _with_modes(frame, book, as_of)


def _with_deals(decisions: pl.DataFrame, deals: pl.DataFrame) -> pl.DataFrame:
    types = types_of(Table.DEALS)
    columns = [
        (pl.col(name) if name in deals.columns else pl.lit(None)).cast(types[name]).alias(alias)
        for name, alias in DEAL.items()
    ]
    # The deals stand in the decisions' order already; only frames from elsewhere need the join.
    if decisions["deal_id"].equals(deals["deal_id"]):
        return pl.concat([decisions, deals.select(columns)], how="horizontal")
    return decisions.join(deals.select("deal_id", *columns), on="deal_id", how="left", maintain_order="left")


def _with_accounts(frame: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    columns = [
        (pl.col(name) if name in accounts.columns else pl.lit(None)).cast(dtype).alias(f"account_{name}")
        for name, dtype in _ACCOUNT.items()
    ]
    if accounts.is_empty():
        return frame.with_columns(country=pl.lit(None, dtype=pl.String), fiscal_year=pl.lit(None, dtype=pl.String))
    known = accounts.select("account_id", *columns)
    return frame.join(known, on="account_id", how="left", maintain_order="left").with_columns(
        country="account_country",
        fiscal_year="account_fiscal_year",
        contract_ends_on=pl.coalesce("contract_ends_on", "account_contract_ends_on"),
    )


def _with_modes(frame: pl.DataFrame, book: StepBook, as_of: date) -> pl.DataFrame:
    base = book.first_row(pl.col("track"))
    runs = pl.col("running_cycle").is_not_null()
    is_past = (pl.col("last_due") < as_of).fill_null(value=False)
    over = runs & is_past & (pl.col("made") + 1 >= book.count(pl.col("running_track"))).fill_null(value=False)
    frame = frame.with_columns(base=base, is_over=over).with_columns(
        goes_on=runs & ~pl.col("is_over") & (pl.col("running_track") == pl.col("track")).fill_null(value=False)
        & (pl.col("verdict") == Verdict.RECYCLE) & pl.col("base").is_not_null(),
        previous_end=pl.max_horizontal("previous_end", pl.when("is_over").then("last_due")),
    )  # fmt: skip
    mode = (
        pl.when((pl.col("verdict") != Verdict.RECYCLE) | pl.col("base").is_null()).then(None)
        .when("in_doubt").then(pl.lit(DOUBT))
        .when(~pl.col("goes_on") | pl.col("last_step").is_null()).then(pl.lit(FIRST))
        .when(~is_past).then(pl.lit(KEEP))
        .otherwise(pl.lit(NEXT))
    )  # fmt: skip
    frame = frame.with_columns(mode=mode.cast(MODE))
    step = (
        pl.when(pl.col("mode") == FIRST).then(0)
        .when(pl.col("mode") == NEXT).then(pl.col("made") + 1)
        .when(pl.col("mode") == KEEP).then("last_number")
    )  # fmt: skip
    begins = ((pl.col("mode") == FIRST) & ~pl.col("goes_on")).fill_null(value=False)
    fresh = pl.max_horizontal(pl.col("cycle"), pl.col("last_cycle") + 1).fill_null(1)
    return frame.with_columns(
        has_track=pl.col("base").is_not_null(),
        step_row=pl.col("base") + step,
        cycle=pl.when(begins).then(fresh).when("goes_on").then("running_cycle").otherwise("cycle"),
    )


def ended(deals: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return the running cycles that end with this plan: ENDED_CYCLES, then track, rule, fingerprint and MOVED.

    A cycle ends when its track is done, when the deal is alive again (revived), or when its track or verdict changed.
    """
    alive = pl.col("status").is_in([Status.WON.value, Status.OPEN.value, Status.UNDATED.value])
    over = deals.filter(pl.col("running_cycle").is_not_null() & ~pl.col("in_doubt") & ~pl.col("goes_on"))
    return over.select(
        "deal_id",
        cycle="running_cycle",
        ended_on=pl.when("is_over").then("last_due").otherwise(pl.lit(as_of)),
        ended_why=pl.when("is_over").then(pl.lit("track_done")).when(alive).then(pl.lit("revived"))
        .otherwise(pl.lit("changed")),
        track="running_track",
        rule="rule",
        fingerprint="fingerprint",
        status="status",
        last_contact_on="last_contact_on",
        activity_source="activity_source",
    )  # fmt: skip


def left_behind(over: pl.DataFrame, memory: Memory, activities: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return what must be taken back where a cycle was cut short: TOUCHES, then track, rule and fingerprint.

    These are tasks that nobody has done (due today or later, or shown as open by the CRM) and enrolments.
    """
    cut = over.filter(pl.col("ended_why") != "track_done").select("deal_id", "cycle", "track", "rule", "fingerprint")
    if cut.is_empty():
        return cut.clear().select(
            *(pl.lit(None, dtype=dtype).alias(name) for name, dtype in TOUCHES.items()), "track", "rule", "fingerprint"
        )
    touches = running_touches(memory).join(cut, on=["deal_id", "cycle"], how="inner", maintain_order="left")
    done = pl.lit(None, dtype=pl.Boolean)
    if {"key", "done"} <= set(activities.columns) and touches.height:
        touches = touches.join(_seen(activities), on="key", how="left", maintain_order="left")
        done = pl.col("done")
    is_open = pl.when(done.is_null()).then(pl.col("due_on") >= as_of).otherwise(~done)
    return touches.filter((pl.col("channel") == "newsletter") | is_open).select(
        *TOUCHES, "track", "rule", "fingerprint"
    )


FRESH = ("deal_id", "goes_on", "running_cycle", "last_due", "change", "track", "rule", "fingerprint")
"""What overtaking asks of a deal that gets a new touch."""


def shows_ours(activities: pl.DataFrame, memory: Memory) -> bool:
    """Whether the system shows our tasks, and there are any."""
    return {"key", "done"} <= set(activities.columns) and not memory.touches.is_empty()


def overtaken(fresh: pl.DataFrame, gone: pl.DataFrame, memory: Memory, activities: pl.DataFrame) -> pl.DataFrame:
    """Return our tasks that a new touch overtakes: TOUCHES, then change, track, rule and fingerprint.

    A task stays for its owner until the touch after it is past, too. These are the older ones, of this cycle or of an
    earlier one, that the CRM shows as still open. Where it does not show our tasks, there are none.

    Args:
        fresh: columns FRESH, the deals that get a new touch.
        gone: what is taken back already, as `left_behind` gives it.
        memory: touches so far.
        activities: with `key` and `done` where the system shows our tasks.
    """
    schema = {**TOUCHES, "change": pl.String, **dict.fromkeys(("track", "rule", "fingerprint"), pl.String)}
    if not shows_ours(activities, memory):
        return pl.DataFrame(schema=schema)
    is_open = _seen(activities).filter(~pl.col("done"))
    tasks = memory.touches.filter((pl.col("step") != ASK) & (pl.col("channel") != "newsletter"))
    tasks = tasks.join(is_open, on="key", how="semi", maintain_order="left")
    tasks = tasks.join(gone, on="key", how="anti", maintain_order="left")
    older = ~pl.col("goes_on") | (pl.col("cycle") < pl.col("running_cycle")) | (pl.col("due_on") < pl.col("last_due"))
    found = tasks.join(fresh, on="deal_id", how="inner", maintain_order="left").filter(older)
    return found.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def _seen(activities: pl.DataFrame) -> pl.DataFrame:
    """Return what the CRM shows of our own tasks: key, done."""
    return activities.select("key", "done").drop_nulls().group_by("key").agg(pl.col("done").any())

"""Stage 3 of 5. Turn deals into decisions under one policy; nothing but compute: no clock, no network, no chance."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from recyclekit.models.decision import CLASSIFIED, NAME, Status, Verdict
from recyclekit.models.fingerprint import FIELDS, fingerprint
from recyclekit.models.memory import Memory
from recyclekit.models.snapshot import Finding, Snapshot
from recyclekit.models.tables import OWN_FIELDS, DealSchema, Table
from recyclekit.policy import derive
from recyclekit.policy.columns import column_or_null
from recyclekit.policy.contact_clock import end_of_day, with_last_contact
from recyclekit.policy.cycles import NO_CYCLES, cycle_facts
from recyclekit.policy.erased import without_erased
from recyclekit.policy.judge import judge
from recyclekit.policy.loader import Policy
from recyclekit.policy.reason_lookup import UNMAPPED, Picklist, find_reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """Stage 3's result.

    Attributes:
        decisions: columns CLASSIFIED, one row per deal, in the order of the deals.
        unmapped: values of the reason field that no picklist knows: value, deals, amount; most deals first.
        findings: what a person should know about this input.
    """

    decisions: pl.DataFrame
    unmapped: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=UNMAPPED))
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the rules see, one row per deal: the facts that were asked for, and columns with a leading underscore."""

    frame: pl.DataFrame
    unmapped: pl.DataFrame
    by_text: pl.DataFrame


def classify(
    snapshot: Snapshot,
    policy: Policy,
    memory: Memory,
    *,
    as_of: date,
    timezone: ZoneInfo,
    reasons: Picklist | None = None,
) -> Classified:
    """Decide on every deal of the snapshot.

    Args:
        snapshot: the canonical tables.
        policy: what decides.
        memory: cycles and touches written so far, and who is erased.
        as_of: the business date for which decisions are made.
        timezone: the business zone, in which days begin and end.
        reasons: the project's picklist, value → reason(s); it comes before the policy's.
    """
    found = facts(snapshot, policy, memory, as_of=as_of, timezone=timezone, reasons=reasons or {})
    judged = without_erased(judge(found.frame, policy), snapshot.deals, memory.erased)
    prints = _fingerprints(snapshot.deals, found.frame, judged["verdict"])
    # Column by column, here and below: a select from columns in parts of different length copies all of them first.
    made = {**{name: found.frame[name] for name in found.frame.columns}, **judged.to_dict(), prints.name: prints}
    decisions = pl.DataFrame([_shaped(made[name]) for name in CLASSIFIED])
    return Classified(
        decisions=decisions,
        unmapped=found.unmapped,
        findings=tuple(_findings(snapshot, decisions, found.unmapped, as_of, end_of_day(as_of, timezone))),
    )


def _shaped(column: pl.Series) -> pl.Series:
    """Return a column of decisions in its declared type."""
    dtype = CLASSIFIED[column.name]
    if dtype == NAME and isinstance(column.dtype, pl.Enum):
        # A gather by number: a cast would spell every name out in between.
        return pl.Series(column.name, column.dtype.categories, dtype=NAME).gather(column.to_physical())
    return column.cast(dtype)


def fingerprints(snapshot: Snapshot, policy: Policy, *, as_of: date, timezone: ZoneInfo) -> pl.Series:
    """Return the fingerprint of every deal of a snapshot, as `classify` stamps it: for deals that are read again."""
    deals = _deals(snapshot.deals, (), as_of=as_of, lead_time=False)
    plan = with_last_contact(deals, snapshot.activities, policy.spec.clock, as_of=as_of, timezone=timezone)
    clocks = _with_contacts(plan, snapshot.contacts).select("last_contact_at", "opted_out").collect()
    columns = [name for name in FIELDS if name in snapshot.deals.columns]
    return fingerprint(pl.concat([snapshot.deals.select(columns), clocks], how="horizontal"))


# -- facts ------------------------------------------------------------------------------------------------------------


def facts(
    snapshot: Snapshot,
    policy: Policy,
    memory: Memory,
    *,
    as_of: date,
    timezone: ZoneInfo,
    reasons: Picklist,
    wanted: Collection[str] = (),
) -> Facts:
    """Return the facts that the policy's conditions and the decision need, and those `wanted` besides."""
    spec = policy.spec
    named = {*policy.reads, *wanted, *(rule.until for rule in spec.rules if rule.until)}
    lead_time = spec.status.stalled_after.average_lead_time
    found = find_reasons(snapshot.deals, spec.reasons, reasons)
    deals = _deals(snapshot.deals, named, as_of=as_of, lead_time=lead_time is not None)
    deals = deals.with_columns(found.by_deal.get_columns())
    plan = with_last_contact(deals, snapshot.activities, spec.clock, as_of=as_of, timezone=timezone)
    plan = _with_contacts(plan, snapshot.contacts)
    threshold, means = derive.stalled_after(spec, deals.filter(_won_by(as_of)) if lead_time else deals)
    if means is not None:
        plan = plan.join(means, on="deal_pipeline", how="left", maintain_order="left")
    plan = plan.with_columns(stalled_after_days=threshold).with_columns(derive.status())
    plan = _with_cycles(plan, snapshot.deals["deal_id"], cycle_facts(memory, spec))
    if named & {"account_open_deals", "account_stalled_deals"}:
        plan = _with_account_counts(plan)
    rest = derive.rest(spec)
    plan = plan.with_columns(rest[name]().alias(name) for name in rest if name in named | {"cycle"})
    return Facts(frame=plan.collect(), unmapped=found.unmapped, by_text=found.by_text)


_CORE = (
    "deal_id",
    "account_id",
    "contact_id",
    "crm_state",
    "closed_on",
    "last_activity_at",
    "lost_reason",
    "lost_note",
)
_READS = {"age_days": ("created_on",), "lead_days": ("created_on",), "hook_is_vague": ("hook",)}
_LEAD_TIME = ("created_on", "deal_pipeline")


def _deals(deals: pl.DataFrame, named: Collection[str], *, as_of: date, lead_time: bool) -> pl.LazyFrame:
    behind = {column for fact, columns in _READS.items() if fact in named for column in columns}
    wanted = {*_CORE, *named, *behind, *(_LEAD_TIME if lead_time else ())}
    columns = [column_or_null(deals.columns, Table.DEALS, name) for name in DealSchema.column_names() if name in wanted]
    return deals.lazy().select(*columns, pl.lit(as_of).alias("as_of"))


def _won_by(as_of: date) -> pl.Expr:
    return (pl.col("crm_state") == "won") & (pl.col("closed_on") <= as_of)


def _with_contacts(plan: pl.LazyFrame, contacts: pl.DataFrame) -> pl.LazyFrame:
    known = contacts.columns if contacts.height else ()
    columns = [column_or_null(known, Table.CONTACTS, name) for name in ("opted_out", "bounced")]
    if contacts.is_empty():
        return plan.with_columns(columns)
    people = contacts.lazy().select("contact_id", *columns).unique("contact_id", keep="last")
    return plan.join(people, on="contact_id", how="left", maintain_order="left")


def _with_cycles(plan: pl.LazyFrame, deal_ids: pl.Series, cycles: pl.DataFrame) -> pl.LazyFrame:
    """Lay the cycles beside the deals, which the plan keeps in their order."""
    if cycles.is_empty():
        return plan.with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in NO_CYCLES.items())
    # Only the rows are joined: a join of all columns would copy every column of the deals.
    places = cycles.select("deal_id", pl.int_range(pl.len(), dtype=pl.UInt32).alias("_row"))
    rows = deal_ids.to_frame("deal_id").join(places, on="deal_id", how="left", maintain_order="left")["_row"]
    return plan.with_columns(cycles[name].gather(rows) for name in NO_CYCLES)


def _with_account_counts(plan: pl.LazyFrame) -> pl.LazyFrame:
    """Count the *other* deals of the same company; null where the company is not known."""
    going_on = pl.col("status").is_in([Status.OPEN.value, Status.UNDATED.value])
    stalled = pl.col("status") == Status.STALLED.value
    # Both counts travel in one number, so that the companies are grouped once.
    packed = (going_on.cast(pl.Int64) + stalled.cast(pl.Int64) * _LANE).sum().over("account_id")
    others = pl.when(pl.col("account_id").is_not_null()).then(packed)
    return plan.with_columns(_others=others).with_columns(
        account_open_deals=(pl.col("_others") % _LANE).cast(pl.Int32) - going_on.cast(pl.Int32),
        account_stalled_deals=(pl.col("_others") // _LANE).cast(pl.Int32) - stalled.cast(pl.Int32),
    )


_LANE = 1 << 32


# -- what else a decision carries -------------------------------------------------------------------------------------


def _fingerprints(deals: pl.DataFrame, frame: pl.DataFrame, verdict: pl.Series) -> pl.Series:
    """Return fingerprints where a write may follow: the deal is to be recycled, or carries our fields."""
    ours = [pl.col(name).is_not_null() for name in OWN_FIELDS if name in deals.columns]
    needed = (verdict == Verdict.RECYCLE.value) | deals.select(_ours=pl.any_horizontal(*ours, pl.lit(value=False)))[
        "_ours"
    ]
    columns = [name for name in FIELDS if name in deals.columns]
    clocks = [frame[name].filter(needed) for name in ("last_contact_at", "opted_out")]
    rows = deals.select(columns).filter(needed).hstack(clocks)
    places = needed.arg_true()
    return (
        pl.Series("fingerprint", [None], dtype=pl.String)
        .new_from_index(0, deals.height)
        .scatter(places, fingerprint(rows))
    )


def _findings(
    snapshot: Snapshot, decisions: pl.DataFrame, unmapped: pl.DataFrame, as_of: date, end: datetime
) -> list[Finding]:
    found: list[Finding] = []
    undated = int((decisions["status"] == Status.UNDATED.value).sum())
    if undated:
        what = f"{undated} open deals have no activity date, so nobody can say whether they have stalled."
        found.append(Finding(level="warning", where="deals", what=what, fix="Map last_activity_at, or activities."))
    if "closed_on" in snapshot.deals.columns:
        ahead = snapshot.deals.filter((pl.col("crm_state") == "lost") & (pl.col("closed_on") > as_of))
        if ahead.height:
            ids = ", ".join(ahead["deal_id"].head(3))
            what = f"{ahead.height} lost deals were closed after {as_of}, such as {ids}; they are judged all the same."
            fix = "Are their dates right, and read in the right format? A plan for an earlier day knows too much."
            found.append(Finding(level="warning", where="deals.closed_on", what=what, fix=fix))
    if "last_activity_at" in snapshot.deals.columns:
        future = snapshot.deals.select((pl.col("last_activity_at") >= end).sum()).item()
        if future:
            what = f"{future} deals have a last activity in the future; it was ignored."
            found.append(Finding(level="note", where="deals.last_activity_at", what=what))
    for value, count, amount in unmapped.head(20).iter_rows():
        what = f"the reason '{value}' is in no picklist: {count} deals, {amount or 0:,.0f} in money."
        found.append(Finding(level="warning", where="reasons", what=what, fix="Map it under `reasons`."))
    return found

"""Gather what the rules see: a row of facts for each deal, and what a deal's facts take from all the others."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date
from zoneinfo import ZoneInfo

import polars as pl

from recyclekit.models.decision import Status
from recyclekit.models.memory import Memory
from recyclekit.models.shelf import together
from recyclekit.models.snapshot import Snapshot, SnapshotInSlices
from recyclekit.models.tables import DealSchema, Table
from recyclekit.policy import derive
from recyclekit.policy.columns import column_or_null
from recyclekit.policy.contact_clock import Latest, latest_contacts, with_last_contact
from recyclekit.policy.cycles import NO_CYCLES, cycle_facts
from recyclekit.policy.loader import Policy
from recyclekit.policy.reason_lookup import Picklist, find_reasons
from recyclekit.policy.reasons.known import Known


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the rules see, one row per deal: the facts that were asked for, and columns with a leading underscore.

    `named` are texts that may be values of a picklist, see `reason_lookup.unmapped`.
    """

    frame: pl.DataFrame
    named: pl.DataFrame
    by_text: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Among:
    """What a deal's facts take from the other deals.

    Attributes:
        latest: last contacts by deal and by contact.
        threshold: days after which a deal is stalled; `means`: lead times by deal_pipeline that it reads, if any.
        accounts: `_account` and `_others`, the counts of its deals; None where all deals are at hand to be counted.
        by_number: whether accounts are known by the hash of their ids, because no two of them share one.
        known: free texts that were read for some of them.
    """

    latest: Latest
    threshold: pl.Expr
    means: pl.LazyFrame | None
    cycles: pl.DataFrame
    accounts: pl.DataFrame | None = None
    by_number: bool = False
    known: Known = field(default_factory=Known)

    def others(self, deals: pl.DataFrame) -> pl.Series | None:
        """Return `_others` for some deals, row by row: a join of all their columns would copy every one of them."""
        if self.accounts is None:
            return None
        if "account_id" not in deals.columns:
            return pl.Series("_others", [None], dtype=pl.Int64).new_from_index(0, deals.height)
        ids = deals.select(_account=_number(deals["account_id"]) if self.by_number else deals["account_id"])
        return ids.join(self.accounts, on="_account", how="left", maintain_order="left")["_others"]

    def with_status(self, deals: pl.LazyFrame, policy: Policy, as_of: date, timezone: ZoneInfo) -> pl.LazyFrame:
        """Add the last contact and what follows from it: inactive_days, stalled_after_days and status."""
        plan = with_last_contact(deals, self.latest, policy.spec.clock, as_of=as_of, timezone=timezone)
        if self.means is not None:
            plan = plan.join(self.means, on="deal_pipeline", how="left", maintain_order="left")
        return plan.with_columns(stalled_after_days=self.threshold).with_columns(derive.status())


def facts(
    snapshot: Snapshot,
    policy: Policy,
    memory: Memory,
    *,
    as_of: date,
    timezone: ZoneInfo,
    reasons: Picklist,
    wanted: Collection[str] = (),
    among: Among | None = None,
) -> Facts:
    """Return the facts that the policy's conditions and the decision need, and those `wanted` besides.

    `among`: what there is to know of all deals, where the snapshot holds only some.
    """
    spec, named = policy.spec, _named(policy, wanted)
    found = find_reasons(snapshot.deals, spec.reasons, reasons, among.known if among is not None else None)
    deals = _deals(snapshot.deals.lazy(), named, as_of=as_of, lead_time=_by_lead_time(policy))
    deals = deals.with_columns(found.by_deal.get_columns())
    among = among or _among(deals, snapshot.activities, policy, memory, as_of=as_of, timezone=timezone)
    plan = among.with_status(_with_contacts(deals, snapshot.contacts), policy, as_of, timezone)
    plan = _with_cycles(plan, snapshot.deals["deal_id"], among.cycles)
    if named & _COUNTS:
        plan = _with_account_counts(plan, among.others(snapshot.deals))
    rest = derive.rest(spec)
    plan = plan.with_columns(rest[name]().alias(name) for name in rest if name in named | {"cycle"})
    return Facts(frame=plan.collect(), named=found.named, by_text=found.by_text)


def last_contacts(snapshot: Snapshot, policy: Policy, *, as_of: date, timezone: ZoneInfo) -> pl.DataFrame:
    """Return last_contact_at and opted_out of every deal of a snapshot, in its order."""
    clock, deals = policy.spec.clock, _deals(snapshot.deals.lazy(), (), as_of=as_of, lead_time=False)
    latest = latest_contacts(snapshot.activities, clock, as_of=as_of, timezone=timezone)
    plan = with_last_contact(deals, latest, clock, as_of=as_of, timezone=timezone)
    return _with_contacts(plan, snapshot.contacts).select("last_contact_at", "opted_out").collect()


def facts_rest_on(policy: Policy) -> set[str]:
    """Return the columns of deals from which the facts are made that a policy's decisions rest on."""
    behind = {name for names in _READS.values() for name in names}
    return {*_CORE, *_LEAD_TIME, *behind, *_named(policy)}


def _named(policy: Policy, wanted: Collection[str] = ()) -> set[str]:
    return {*policy.reads, *wanted, *(rule.until for rule in policy.spec.rules if rule.until)}


def _by_lead_time(policy: Policy) -> bool:
    return policy.spec.status.stalled_after.average_lead_time is not None


def _among(
    deals: pl.LazyFrame, activities: pl.DataFrame, policy: Policy, memory: Memory, *, as_of: date, timezone: ZoneInfo
) -> Among:
    threshold, means = derive.stalled_after(policy.spec, deals.filter(_won_by(as_of)))
    latest = latest_contacts(activities, policy.spec.clock, as_of=as_of, timezone=timezone)
    return Among(latest=latest, threshold=threshold, means=means, cycles=cycle_facts(memory, policy.spec))


def among_all(snapshot: SnapshotInSlices, policy: Policy, memory: Memory, *, as_of: date, timezone: ZoneInfo) -> Among:
    """Look through all slices for what single ones cannot tell; each table is computed once, for all of them."""
    deals = _deals(together(snapshot.slices), (), as_of=as_of, lead_time=_by_lead_time(policy))
    found = _among(deals, snapshot.activities, policy, memory, as_of=as_of, timezone=timezone)
    latest = {key: frame.collect().lazy() for key, frame in found.latest.items()}
    found = replace(found, latest=latest, means=found.means.collect().lazy() if found.means is not None else None)
    if not _named(policy) & _COUNTS:
        return found
    status = found.with_status(deals, policy, as_of, timezone)
    counted = status.filter(pl.col("account_id").is_not_null()).group_by("account_id").agg(_others=_PACKED.sum())
    accounts = counted.collect(engine="streaming").rename({"account_id": "_account"})
    numbers = accounts.with_columns(_account=_number(accounts["_account"]))
    by_number = numbers["_account"].n_unique() == numbers.height
    return replace(found, accounts=numbers if by_number else accounts, by_number=by_number)


def _number(ids: pl.Series) -> pl.Series:
    """Return a hash of each id, null where there is none: numbers join several times faster than texts."""
    return ids.to_frame("id").select(pl.when(pl.col("id").is_not_null()).then(pl.col("id").hash())).to_series()


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


def _deals(deals: pl.LazyFrame, named: Collection[str], *, as_of: date, lead_time: bool) -> pl.LazyFrame:
    there = deals.collect_schema().names()
    behind = {column for fact, columns in _READS.items() if fact in named for column in columns}
    wanted = {*_CORE, *named, *behind, *(_LEAD_TIME if lead_time else ())}
    columns = [column_or_null(there, Table.DEALS, name) for name in DealSchema.column_names() if name in wanted]
    return deals.select(*columns, pl.lit(as_of).alias("as_of"))


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


_LANE = 1 << 32
_COUNTS = {"account_open_deals", "account_stalled_deals"}
_GOING_ON = pl.col("status").is_in([Status.OPEN.value, Status.UNDATED.value])
_STALLED = pl.col("status") == Status.STALLED.value
_PACKED = _GOING_ON.cast(pl.Int64) + _STALLED.cast(pl.Int64) * _LANE
"""Both counts travel in one number, so that the companies are grouped once."""


def _with_account_counts(plan: pl.LazyFrame, others: pl.Series | None) -> pl.LazyFrame:
    """Count the *other* deals of the same company; null where the company is not known."""
    counted = pl.when(pl.col("account_id").is_not_null()).then(_PACKED.sum().over("account_id")).alias("_others")
    plan = plan.with_columns(counted if others is None else others)
    return plan.with_columns(
        account_open_deals=(pl.col("_others") % _LANE).cast(pl.Int32) - _GOING_ON.cast(pl.Int32),
        account_stalled_deals=(pl.col("_others") // _LANE).cast(pl.Int32) - _STALLED.cast(pl.Int32),
    )

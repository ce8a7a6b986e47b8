"""Stage 3 of 5. Turn deals into decisions under one policy; nothing but compute: no clock, no network, no chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from recyclekit.models.decision import CLASSIFIED, NAME, Status, Verdict
from recyclekit.models.fingerprint import FIELDS, fingerprint
from recyclekit.models.memory import Memory
from recyclekit.models.shelf import Shelf, together
from recyclekit.models.snapshot import Finding, Snapshot, SnapshotInSlices
from recyclekit.models.tables import OWN_FIELDS
from recyclekit.models.wording import counted
from recyclekit.policy.contact_clock import end_of_day
from recyclekit.policy.erased import without_erased
from recyclekit.policy.gather import Among, among_all, facts, facts_rest_on, last_contacts
from recyclekit.policy.judge import judge
from recyclekit.policy.loader import Policy
from recyclekit.policy.reason_lookup import UNMAPPED, Picklist, unmapped


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


class ClassifiedInSlices(Classified):
    """Decisions on more deals than memory holds: they lie on a shelf, in slices. `decisions` reads all of them anew."""

    __slots__ = ("slices",)
    slices: Sequence[pl.LazyFrame]

    def __init__(self, slices: Sequence[pl.LazyFrame], unmapped: pl.DataFrame, findings: tuple[Finding, ...]) -> None:
        for name, value in {"slices": tuple(slices), "unmapped": unmapped, "findings": findings}.items():
            object.__setattr__(self, name, value)

    @property
    def decisions(self) -> pl.DataFrame:
        return together(self.slices).collect()


def classify(
    snapshot: Snapshot,
    policy: Policy,
    memory: Memory,
    *,
    as_of: date,
    timezone: ZoneInfo,
    reasons: Picklist | None = None,
    shelf: Shelf | None = None,
) -> Classified:
    """Decide on every deal of the snapshot; of a SnapshotInSlices slice by slice, as ClassifiedInSlices.

    Args:
        snapshot: the canonical tables.
        policy: what decides.
        memory: cycles and touches written so far, and who is erased.
        as_of: the business date for which decisions are made.
        timezone: the business zone, in which days begin and end.
        reasons: the project's picklist, value → reason(s); it comes before the policy's.
        shelf: where the decisions on a SnapshotInSlices are laid down; without one they stay in memory.
    """
    day = _Day(policy, memory, as_of, timezone, reasons or {})
    if not isinstance(snapshot, SnapshotInSlices):
        decisions, seen = _decided(snapshot, day, None)
        texts = unmapped([seen.named])
        return Classified(decisions=decisions, unmapped=texts, findings=tuple(_findings([seen], texts, as_of)))
    shelf, among, slices, several = (
        shelf or Shelf(size=1),
        among_all(snapshot, policy, memory, as_of=as_of, timezone=timezone),
        [],
        [],
    )
    for number, part in enumerate(snapshot.each(*_read_by(policy))):
        decisions, seen = _decided(part, day, among)
        slices.append(shelf.put(f"decisions-{number}", decisions))
        several.append(seen)
    texts = unmapped([seen.named for seen in several])
    return ClassifiedInSlices(slices, texts, tuple(_findings(several, texts, as_of)))


def _read_by(policy: Policy) -> set[str]:
    """Return the columns of deals that a policy's decisions rest on."""
    return {*facts_rest_on(policy), *FIELDS, *OWN_FIELDS, "amount"}


@dataclass(frozen=True, slots=True)
class _Day:
    """What every deal is judged by."""

    policy: Policy
    memory: Memory
    as_of: date
    timezone: ZoneInfo
    reasons: Picklist


def _decided(snapshot: Snapshot, day: _Day, among: Among | None) -> tuple[pl.DataFrame, _Seen]:
    found = facts(
        snapshot, day.policy, day.memory, as_of=day.as_of, timezone=day.timezone, reasons=day.reasons, among=among
    )
    judged = without_erased(judge(found.frame, day.policy), snapshot.deals, day.memory.erased)
    prints = _fingerprints(snapshot.deals, found.frame, judged["verdict"])
    # Column by column, here and below: a select from columns in parts of different length copies all of them first.
    made = {**{name: found.frame[name] for name in found.frame.columns}, **judged.to_dict(), prints.name: prints}
    decisions = pl.DataFrame([_shaped(made[name]) for name in CLASSIFIED])
    return decisions, _seen(snapshot.deals, decisions, found.named, day.as_of, end_of_day(day.as_of, day.timezone))


def _shaped(column: pl.Series) -> pl.Series:
    """Return a column of decisions in its declared type."""
    dtype = CLASSIFIED[column.name]
    if dtype == NAME and isinstance(column.dtype, pl.Enum):
        # A gather by number: a cast would spell every name out in between.
        return pl.Series(column.name, column.dtype.categories, dtype=NAME).gather(column.to_physical())
    return column.cast(dtype)


def fingerprints(snapshot: Snapshot, policy: Policy, *, as_of: date, timezone: ZoneInfo) -> pl.Series:
    """Return the fingerprint of every deal of a snapshot, as `classify` stamps it: for deals that are read again."""
    clocks = last_contacts(snapshot, policy, as_of=as_of, timezone=timezone)
    columns = [name for name in FIELDS if name in snapshot.deals.columns]
    return fingerprint(pl.concat([snapshot.deals.select(columns), clocks], how="horizontal"))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What was noticed of some deals: numbers of them, ids of a few, and texts that may be values of a picklist."""

    undated: int
    ahead: int
    examples: Sequence[str]
    future: int
    named: pl.DataFrame


def _seen(deals: pl.DataFrame, decisions: pl.DataFrame, named: pl.DataFrame, as_of: date, end: datetime) -> _Seen:
    ahead, future = deals.clear(), 0
    if "closed_on" in deals.columns:
        ahead = deals.filter((pl.col("crm_state") == "lost") & (pl.col("closed_on") > as_of))
    if "last_activity_at" in deals.columns:
        future = deals.select((pl.col("last_activity_at") >= end).sum()).item()
    undated = int((decisions["status"] == Status.UNDATED.value).sum())
    return _Seen(
        undated=undated, ahead=ahead.height, examples=ahead["deal_id"].head(3).to_list(), future=future, named=named
    )


def _findings(seen: Sequence[_Seen], unmapped: pl.DataFrame, as_of: date) -> Iterator[Finding]:
    if undated := sum(one.undated for one in seen):
        what = f"{undated} open deals have no activity date, so nobody can say whether they have stalled."
        yield Finding(level="warning", where="deals", what=what, fix="Map last_activity_at, or activities.")
    if ahead := sum(one.ahead for one in seen):
        ids = ", ".join([deal for one in seen for deal in one.examples][:3])
        what = f"{ahead} lost deals were closed after {as_of}, such as {ids}; they are judged all the same."
        fix = "Are their dates right, and read in the right format? A plan for an earlier day knows too much."
        yield Finding(level="warning", where="deals.closed_on", what=what, fix=fix)
    if future := sum(one.future for one in seen):
        what = f"{counted(future, 'deal')} with a last activity in the future; it was ignored."
        yield Finding(level="note", where="deals.last_activity_at", what=what)
    for value, count, amount in unmapped.head(20).iter_rows():
        what = f"the reason '{value}' is in no picklist: {counted(count, 'deal')}, {amount or 0:,.0f} in money."
        yield Finding(level="warning", where="reasons", what=what, fix="Map it under `reasons`.")

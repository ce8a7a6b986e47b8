"""Stage 4 of 5. Turn decisions into dated, owned touches and the writes that they take; touch nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl

from recyclekit.errors import SumsError
from recyclekit.models.calendar.settings import CalendarSettings
from recyclekit.models.decision import CLASSIFIED, SCHEDULED, Bucket, Status, Verdict
from recyclekit.models.lines import check_keys
from recyclekit.models.memory import Memory
from recyclekit.models.plan import ACTIONS, Change
from recyclekit.models.roster import Roster
from recyclekit.models.shelf import Shelf, together
from recyclekit.models.snapshot import Snapshot, SnapshotInSlices
from recyclekit.models.tally import summed, tally, tally_buckets, tally_reasons
from recyclekit.policy.caps import parties
from recyclekit.policy.guards import tripped
from recyclekit.policy.hand_backs import handed_back
from recyclekit.policy.loader import Policy
from recyclekit.policy.step_book import StepBook
from recyclekit.policy.touches import DUE, Scene, is_due, place_touches, with_touches
from recyclekit.policy.upcoming import DEAL, beside_the_others, concerned, ended, left_behind, upcoming
from recyclekit.policy.writes import (
    Writes,
    additions,
    changed,
    entered,
    enters,
    moved,
    newly_touched,
    told_of,
    unproven,
    withdrawals,
)

SCHEDULE_READS = ("deal_id", "currency", *DEAL)
"""The deal's columns that stage 4 and what it hands on read; the others may be let go before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """Stage 4's result.

    Attributes:
        decisions: columns SCHEDULED, one row per decision, in their order.
        actions: columns ACTIONS, in the order of writing: what goes, what comes, then the deals' own fields.
        ended_cycles: columns ENDED_CYCLES, cycles that are over and whose end no write of this plan proves.
        handed_back: columns HANDED_BACK, deals that sales has again since their buyer moved.
        by_status, by_reason, by_verdict, by_rule, by_track, by_bucket: numbers of deals.
        by_kind: numbers of actions; changes: numbers of deals by `+`, `~`, `-`.
        guards: change guards that the plan trips, in words.
    """

    decisions: pl.DataFrame
    actions: pl.DataFrame
    ended_cycles: pl.DataFrame
    handed_back: pl.DataFrame
    by_status: Mapping[str, int]
    by_reason: Mapping[str, int]
    by_verdict: Mapping[str, int]
    by_rule: Mapping[str, int]
    by_track: Mapping[str, int]
    by_bucket: Mapping[str, int]
    by_kind: Mapping[str, int]
    changes: Mapping[str, int]
    guards: tuple[str, ...]


class ScheduledInSlices(Scheduled):
    """Stage 4's result on more deals than memory holds: on a shelf, slice by slice. The frames are read anew each time.

    Attributes:
        slices: columns SCHEDULED, slice by slice.
        lines: columns ACTIONS, parts in the order of writing.
        shelf: on which they lie.
    """

    __slots__ = ("lines", "shelf", "slices")
    slices: Sequence[pl.LazyFrame]
    lines: Sequence[pl.LazyFrame]
    shelf: Shelf

    def __init__(self, pile: _Pile, lines: Sequence[pl.LazyFrame], sums: Mapping[str, object]) -> None:
        for name, value in {"slices": tuple(pile.slices), "lines": tuple(lines), "shelf": pile.shelf, **sums}.items():
            object.__setattr__(self, name, value)

    @property
    def decisions(self) -> pl.DataFrame:
        return together(self.slices).collect()

    @property
    def actions(self) -> pl.DataFrame:
        return together(self.lines).collect()


def schedule(
    decisions: pl.DataFrame | Sequence[pl.LazyFrame],
    snapshot: Snapshot,
    policy: Policy,
    memory: Memory,
    *,
    run: str,
    pipeline: str,
    as_of: date,
    calendar: CalendarSettings | None = None,
    roster: Roster | None = None,
    shelf: Shelf | None = None,
) -> Scheduled:
    """Plan the next touch of every deal that is to be recycled, and every write that follows.

    Args:
        decisions: columns CLASSIFIED, one row per deal; as slices where the snapshot comes in slices.
        snapshot: the tables that were classified.
        policy: its tracks, cycles, three fields, guards and calendar are read.
        memory: cycles and touches so far.
        run: part of the keys of own fields.
        pipeline: part of every key.
        as_of: the business date; no touch is planned before it.
        calendar: what the project adds to the policy's calendar.
        roster: who takes touches; by default every role is unlimited.
        shelf: where the plan of a SnapshotInSlices is laid down; without one it stays in memory.

    Raises:
        InputError: the home country's public holidays are not known.
        SumsError, PlanError: a deal is in no bucket, or a key stands twice: bugs.
    """
    spec = policy.spec
    scene = Scene(
        spec, StepBook.of(spec), as_of, calendar or CalendarSettings(), roster or Roster(), memory, run, pipeline
    )
    if isinstance(snapshot, SnapshotInSlices):
        assert not isinstance(decisions, pl.DataFrame)
        return _in_slices(decisions, snapshot, scene, shelf or Shelf(size=1))
    assert isinstance(decisions, pl.DataFrame)
    part = _begun(decisions, snapshot, scene)
    gone = left_behind(part.over, memory, snapshot.activities, as_of)
    touches = place_touches(part.due, scene, gone, part.about)
    rows, made, sums = _finished(decisions, part, touches, scene)
    before = withdrawals(gone, _scheduled(rows), newly_touched(rows), scene, snapshot.activities)
    actions = pl.concat([*before.values(), *additions(rows, scene, snapshot.deals.columns).values()])
    check_keys(actions)
    return Scheduled(
        decisions=made,
        actions=actions,
        ended_cycles=unproven(part.over, told_of(actions)),
        handed_back=handed_back(part.over, gone, memory),
        by_kind=tally(actions["kind"]),
        changes=_changes(entered(actions), moved(actions)),
        guards=tripped(sums.new, snapshot.extracted_deals, spec),
        **sums.tallies,
    )


# -- one deal after another -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """What some decided deals call for, before anything is placed.

    Attributes:
        here: which decisions this is about; None for all.
        deals: columns of `upcoming`.
        due: columns DUE, of those that get a new touch.
        over: cycles that end with this plan, as `ended` gives them.
        about: whom the deals are about, as the policy's caps ask for it.
    """

    here: pl.Series | None
    deals: pl.LazyFrame
    due: pl.DataFrame
    over: pl.DataFrame
    about: pl.DataFrame


def _begun(decisions: pl.DataFrame, snapshot: Snapshot, scene: Scene) -> _Begun:
    here, about = concerned(decisions, snapshot, scene.memory), parties(snapshot.deals, scene.spec.caps)
    if here is not None:
        decisions, snapshot = decisions.filter(here), replace(snapshot, deals=snapshot.deals.filter(here))
    deals = upcoming(decisions, snapshot, scene.memory, scene.book, scene.as_of)
    return _Begun(
        here=here,
        deals=deals.lazy(),
        due=deals.select(DUE)[is_due(deals).arg_true()],
        over=ended(deals, scene.as_of),
        about=about,
    )


@dataclass(frozen=True, slots=True)
class _Sums:
    """Numbers of deals: those that enter recycling, and the tallies of a Scheduled by name."""

    new: int
    tallies: Mapping[str, Mapping[str, int]]


def _finished(
    decisions: pl.DataFrame, part: _Begun, touches: pl.DataFrame, scene: Scene
) -> tuple[pl.DataFrame, pl.DataFrame, _Sums]:
    """Return the deals concerned with what their lines rest on, the columns SCHEDULED of all decisions, and sums."""
    planned = with_touches(part.deals.collect(), touches, scene)
    made = planned.select(pl.col(name).cast(dtype) for name, dtype in SCHEDULED.items())
    made = made if part.here is None else beside_the_others(decisions, made, part.here)
    new = planned.select((pl.col("next_approach_on").is_not_null() & enters()).sum()).item()
    tallies = {
        "by_status": tally(made["status"], Status),
        "by_reason": tally_reasons(made),
        "by_verdict": tally(made["verdict"], Verdict),
        "by_rule": tally(made["rule"]),
        "by_track": tally(made["track"]),
        "by_bucket": tally_buckets(made["bucket"]),
    }
    return changed(planned), made, _Sums(new, tallies)


def _scheduled(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select("deal_id", is_on=pl.col("next_approach_on").is_not_null())


def _changes(added: int, others: pl.DataFrame) -> dict[str, int]:
    """Return deals by change. One that enters has exactly one touch, so only the others must be told apart."""
    return {**tally(others["change"], Change), str(Change.ADD): added}


# -- slice by slice ---------------------------------------------------------------------------------------------------


def _in_slices(
    decisions: Sequence[pl.LazyFrame], snapshot: SnapshotInSlices, scene: Scene, shelf: Shelf
) -> ScheduledInSlices:
    """Do the same with a slice of the deals in memory; touches are placed all at once, for they share owners' days."""
    begun = [
        _laid_down(_begun(decided.collect(), part, scene), scene, shelf, number)
        for number, (decided, part) in enumerate(
            zip(decisions, snapshot.each(*SCHEDULE_READS, "contact_id"), strict=True)
        )
    ]
    over = pl.concat([part.over for part in begun])
    gone = left_behind(over, scene.memory, snapshot.activities, scene.as_of)
    due = pl.concat([part.due for part in begun])
    touches = place_touches(due, scene, gone, pl.concat([part.about for part in begun]))
    pile = _Pile(shelf, over["deal_id"], gone["deal_id"], scene.memory.touches["deal_id"])
    present, first = snapshot.slices[0].collect_schema().names(), 0
    for part, decided in zip(begun, decisions, strict=True):
        rows, made, sums = _finished(decided.collect(), part, touches.slice(first, part.due.height), scene)
        first += part.due.height
        pile.add(rows, _beside(decided, made, shelf, len(pile.slices)), sums, additions(rows, scene, present))
    pile.add_lines(withdrawals(gone, pl.concat(pile.scheduled), pl.concat(pile.fresh), scene, snapshot.activities))
    guards = tripped(sum(one.new for one in pile.sums), snapshot.extracted_deals, scene.spec)
    returned = handed_back(over, gone, scene.memory)
    return pile.whole(unproven(over, pl.concat(pile.told)), returned, guards)


def _laid_down(part: _Begun, scene: Scene, shelf: Shelf, number: int) -> _Begun:
    """Lay down what is not needed until all touches are placed; of whom deals are about, only touched ones matter."""
    if part.here is None:
        raise SumsError(
            f"Slice {number} of the decisions is not about slice {number} of the deals.",
            why="Every deal must be planned by its own decision; this is a fault of recyclekit.",
            fix="Nothing was written. Please report it.",
        )
    touched = pl.concat([part.due["deal_id"], scene.memory.touches["deal_id"]])
    about = part.about.filter(pl.col("deal_id").is_in(touched.implode()))
    return replace(part, deals=shelf.put(f"upcoming-{number}", part.deals.collect()), about=about)


_SCHEMA = pl.Schema(ACTIONS)  # type: ignore[arg-type]  # to mypy, a dict of types of different kinds holds objects


def _beside(decided: pl.LazyFrame, made: pl.DataFrame, shelf: Shelf, number: int) -> pl.LazyFrame:
    """Lay down what scheduling adds to decisions, which lie there already; return both as one."""
    added = [name for name in SCHEDULED if name not in CLASSIFIED or name == "cycle"]
    laid = shelf.put(f"scheduled-{number}", made.select(added))
    return pl.concat([decided.drop("cycle"), laid], how="horizontal").select(list(SCHEDULED))


@dataclass(slots=True)
class _Pile:
    """What the slices of a plan come to: tables on the shelf, lines by their place, and sums.

    `ending`, `gone`, `touched` are the deals whose cycles end, whose touches are taken back, and that ever had one:
    the only ones of which more than a sum is kept.
    """

    shelf: Shelf
    ending: pl.Series
    gone: pl.Series
    touched: pl.Series
    slices: list[pl.LazyFrame] = field(default_factory=list)
    lines: dict[tuple[int, ...], list[pl.LazyFrame]] = field(default_factory=dict)
    sums: list[_Sums] = field(default_factory=list)
    scheduled: list[pl.DataFrame] = field(default_factory=list)
    fresh: list[pl.DataFrame] = field(default_factory=list)
    told: list[pl.Series] = field(default_factory=lambda: [pl.Series([], dtype=pl.String)])
    keys: list[pl.Series] = field(default_factory=lambda: [pl.Series([], dtype=pl.UInt64)])
    kinds: list[Mapping[str, int]] = field(default_factory=list)
    moved: list[pl.DataFrame] = field(default_factory=lambda: [moved(pl.DataFrame(schema=_SCHEMA))])
    entered: int = 0

    def add(self, rows: pl.DataFrame, made: pl.LazyFrame, sums: _Sums, writes: Writes) -> None:
        """Add a slice: what its lines rest on, its decisions as they lie, sums and lines."""
        self.slices.append(made)
        self.sums.append(sums)
        self.scheduled.append(_scheduled(rows).filter(pl.col("deal_id").is_in(self.gone.implode())))
        self.fresh.append(newly_touched(rows).filter(pl.col("deal_id").is_in(self.touched.implode())))
        self.add_lines(writes)

    def add_lines(self, writes: Writes) -> None:
        """Lay lines down, and keep of them what sums and checks over the whole plan need."""
        for place, lines in writes.items():
            parts = self.lines.setdefault(place, [])
            if lines.is_empty():
                continue
            parts.append(self.shelf.put(f"actions-{'-'.join(map(str, place))}-{len(parts)}", lines))
            self.keys.append(lines["key"].hash())
            self.kinds.append(tally(lines["kind"]))
            self.moved.append(moved(lines))
            self.entered += entered(lines)
            told = told_of(lines)
            self.told.append(told.filter(told.is_in(self.ending.implode())))

    def whole(self, ended_cycles: pl.DataFrame, returned: pl.DataFrame, guards: tuple[str, ...]) -> ScheduledInSlices:
        """Return the plan that they make."""
        lines = [part for place in sorted(self.lines) for part in self.lines[place]]
        lines = lines or [pl.LazyFrame(schema=_SCHEMA)]
        keys = pl.concat(self.keys)
        if keys.n_unique() != len(keys):
            check_keys(together(lines).select("key").collect())
        tallies = {
            name: summed([one.tallies[name] for one in self.sums], _NAMES.get(name)) for name in self.sums[0].tallies
        }
        rest = {
            "ended_cycles": ended_cycles,
            "handed_back": returned,
            "by_kind": summed(self.kinds),
            "changes": _changes(self.entered, pl.concat(self.moved).unique()),
            "guards": guards,
        }
        return ScheduledInSlices(self, lines, tallies | rest)


_NAMES = {"by_status": Status, "by_verdict": Verdict, "by_bucket": Bucket}
"""Tallies in the order of their names, zeros included; the others are in the order of their numbers."""

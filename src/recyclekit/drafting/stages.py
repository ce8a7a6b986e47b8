"""Which deal stages are won and lost, where their words or the system's own flags leave no doubt; the rest is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from recyclekit.drafting.exports import Export
from recyclekit.drafting.matching import Columns, Drafted, in_order
from recyclekit.models.headings import closing, ranked
from recyclekit.models.parsing.choices import exact, flag_of
from recyclekit.models.stage_words import meaning, sounds_closed
from recyclekit.models.tables import CRM_STATES, Table

MOST = 100
"""Distinct values from which on a column holds no stages."""
_STATES = frozenset({"won", "lost", "open"})


@dataclass(frozen=True, slots=True)
class Stages:
    """Stages with their number of deals; `asked` sound closed without saying whether won or lost."""

    won: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)


def with_state(columns: Columns, export: Export) -> Columns:
    """Return the deals' columns with the stage and the state where the values bear them out.

    A column in which every value says won, lost or open is the state, whatever it is called; where the heading of the
    stage holds none that does, the one that holds some is taken.
    """
    left = {name: one for name, one in columns.items() if name not in ("deal_stage", "crm_state")}
    used = {one.heading for one in left.values()}
    offered = [
        one
        for one in (
            *ranked(Table.DEALS, "deal_stage", export.headings),
            *ranked(Table.DEALS, "crm_state", export.headings),
        )
        if one not in used
    ]
    counts = {one: counted(export, one) for one in dict.fromkeys(offered)}
    usable = {one: found for one, found in counts.items() if 0 < len(found) <= MOST}
    state = next((one for one, found in usable.items() if _is_state(found)), None)
    telling = [
        one for one, found in usable.items() if one != state and any(meaning(v) in ("won", "lost") for v in found)
    ]
    plain = [one for one in usable if one != state]
    stage = next(iter([*telling, *plain]), None)
    if state is not None and stage is None:
        found = usable[state]
        if all(meaning(value) == exact(value).casefold() for value in found):
            return _placed(left, crm_state=Drafted(name="crm_state", heading=state))
        return _placed(left, deal_stage=Drafted(name="deal_stage", heading=state))
    if stage is None:
        return left
    drafted = Drafted(name="deal_stage", heading=stage)
    if state is None or telling:
        return _placed(left, deal_stage=drafted)
    return _placed(left, deal_stage=drafted, crm_state=_state(state, usable[state]))


def stages_of(columns: Columns, export: Export) -> Stages:
    """Return what the deals' stages mean; all empty where a column of its own says it."""
    found = Stages()
    if "crm_state" in columns or "deal_stage" not in columns:
        return found
    heading = columns["deal_stage"].heading
    flagged = _by_flags(export, heading)
    for stage, deals in counted(export, heading).items():
        state = flagged.get(stage) or meaning(stage)
        if state in ("won", "lost"):
            getattr(found, state)[stage] = deals
        elif state is None and sounds_closed(stage):
            found.asked[stage] = deals
        else:
            found.open[stage] = deals
    return found


def counted(export: Export, heading: str) -> dict[str, int]:
    """Return a column's distinct values with their numbers, the most frequent first."""
    texts = export.texts(heading).str.strip_chars()
    if texts.n_unique() > MOST:
        return dict.fromkeys(texts.unique().sort().to_list(), 0)
    times = Counter(text for text in texts.to_list() if text)
    return dict(sorted(times.items(), key=lambda one: (-one[1], one[0])))


def _is_state(values: dict[str, int]) -> bool:
    meanings = {meaning(value) for value in values}
    return meanings <= _STATES and len(meanings) > 1 and "lost" in meanings


def _state(heading: str, values: dict[str, int]) -> Drafted:
    spelt = {value: str(meaning(value)) for value in values if exact(value).casefold() not in CRM_STATES}
    return Drafted(name="crm_state", heading=heading, values=spelt or None, why="each of its values says which")


def _placed(columns: Columns, **new: Drafted) -> Columns:
    return in_order(Table.DEALS, {**columns, **new})


def _by_flags(export: Export, heading: str) -> dict[str, str]:
    """Return what the system's own columns of yes and no say of each stage, where all deals in it agree."""
    told = {name: closing(name, export.headings) for name in ("won", "lost", "closed")}
    if told["won"] is None or (told["lost"] or told["closed"]) is None:
        return {}
    flags = {name: _flags(export.rows[column]) for name, column in told.items() if column is not None}
    rows = pl.DataFrame({"stage": export.rows[heading].str.strip_chars(), **flags}).drop_nulls("stage")
    by_stage = rows.group_by("stage").agg(pl.col(name).unique() for name in flags)
    found = {}
    for row in by_stage.iter_rows(named=True):
        won, closed = row["won"], row.get("closed")
        lost = row.get("lost") or ([True] if closed == [True] and won == [False] else [])
        if won == [True]:
            found[row["stage"]] = "won"
        elif lost == [True]:
            found[row["stage"]] = "lost"
        elif closed == [False] or (closed is None and won == [False] and lost == [False]):
            found[row["stage"]] = "open"
    return found


def _flags(texts: pl.Series) -> pl.Series:
    answers: Sequence[bool | None] = [None if text is None else flag_of(text) for text in texts.to_list()]
    return pl.Series(answers, dtype=pl.Boolean)

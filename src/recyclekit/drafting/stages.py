"""Which deal stages are won and lost, where their words or the system's own flags leave no doubt; the rest is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
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
    staged = ranked(Table.DEALS, "deal_stage", export.headings)
    offered = [*staged, *ranked(Table.DEALS, "crm_state", export.headings)]
    used = {one.heading for one in left.values()}
    counts = {one: counted(export, one) for one in dict.fromkeys(offered) if one not in used}
    usable = {one: values for one, values in counts.items() if 0 < len(values) <= MOST}
    state = next((one for one, values in usable.items() if _is_state(values)), None)
    stage = _telling({one: values for one, values in usable.items() if one != state})
    if state is None and stage is None:
        return left
    if stage is None or state is None:
        sole = stage or state or ""
        if sole == state and sole not in staged:
            return _placed(left, crm_state=_state(sole, usable[sole]))
        return _placed(left, deal_stage=Drafted(name="deal_stage", heading=sole))
    drafted = Drafted(name="deal_stage", heading=stage)
    if not _agree(export, state, stage):
        return _placed(left, deal_stage=drafted)
    return _placed(left, deal_stage=drafted, crm_state=_state(state, usable[state]))


def _telling(usable: Mapping[str, Mapping[str, int]]) -> str | None:
    """Return the first column with a stage that is won or lost beyond doubt, else the first of all."""
    told = [one for one, values in usable.items() if any(meaning(value) in {"won", "lost"} for value in values)]
    return next(iter([*told, *usable]), None)


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


def _agree(export: Export, state: str, stage: str) -> bool:
    """Return whether no deal is won or lost by its stage's name and something else by its state."""
    pairs = export.rows.select(pl.col(state).alias("state"), pl.col(stage).alias("stage")).unique().drop_nulls()
    told = [(meaning(by_stage), meaning(by_state)) for by_state, by_stage in pairs.iter_rows()]
    return all(by_stage == by_state for by_stage, by_state in told if by_stage in {"won", "lost"})


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

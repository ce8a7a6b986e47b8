"""Which values of the lost reason are a picklist's, and what the policy reads in them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from recyclekit.drafting.exports import Export
from recyclekit.drafting.matching import Columns
from recyclekit.drafting.stages import Stages, counted
from recyclekit.models.parsing.choices import plain
from recyclekit.models.stage_words import meaning

PACKAGED = "standard"
MOST = 40
_TIMES = 2.0  # a value of a picklist comes at least so often, on average
_LONGEST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A picklist value that the packaged policy does not list: its deals, and the reason that its words say, if one."""

    text: str
    deals: int
    reason: str | None


def picklist_of(columns: Columns, export: Export, stages: Stages) -> list[Value]:
    """Return the values that the packaged policy does not know by name; none where sales typed free text."""
    if "lost_reason" not in columns:
        return []
    heading = columns["lost_reason"].heading
    lost = _only_lost(export, columns, stages)
    values = {text: n for text, n in counted(lost, heading).items() if n and len(text) <= _LONGEST}
    if not values or len(values) > MOST or sum(values.values()) < _TIMES * len(values):
        return []
    from recyclekit.policy.loader import load_policy
    from recyclekit.policy.reasons import read_reasons

    known = {plain(one) for one in load_policy(PACKAGED).spec.reasons.values}
    asked = [text for text in values if plain(text) not in known]
    if not asked:
        return []
    read = dict(read_reasons(pl.Series(asked, dtype=pl.String), why=False).select("text", "reason").iter_rows())
    return [Value(text=text, deals=values[text], reason=read[text]) for text in asked]


def _only_lost(export: Export, columns: Columns, stages: Stages) -> Export:
    """Return the records of lost deals, where it is known which those are."""
    if "crm_state" in columns:
        told = columns["crm_state"].heading
        lost = [value for value in counted(export, told) if meaning(value) == "lost"]
    elif stages.lost:
        told, lost = columns["deal_stage"].heading, list(stages.lost)
    else:
        return export
    return replace(export, rows=export.rows.filter(pl.col(told).str.strip_chars().is_in(lost)))

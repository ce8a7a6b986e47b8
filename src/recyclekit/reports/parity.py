"""Whether one policy decides alike on two systems: the same deals side by side, what differs, and why it may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from recyclekit.models.tables import OWN_FIELDS, DealSchema

COMPARED: Final = ("status", "reason", "verdict", "rule", "track", "next_approach_on", "owner")
"""What must be the same: columns of SCHEDULED."""

_NAMES: Final = {"deal_id", "external_id", "account_id", "contact_id", "deal_pipeline", "deal_stage", *OWN_FIELDS}
"""Columns whose values each system has for itself, or that we wrote."""

DIFFERENCES: Final = {"deal": pl.String, "column": pl.String, "a": pl.String, "b": pl.String, "inputs": pl.String}
"""One row per deal and column that differ; `inputs` says what the two systems hold differently of that deal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One system's part. `deals`: canonical deals; `decisions`: columns SCHEDULED, one row per deal."""

    name: str
    deals: pl.DataFrame
    decisions: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """The comparison.

    Attributes:
        a, b: names of the two connections; the other attributes say `a` and `b` for them.
        compared: deals that both have, under the same external id (or the same id, where no external one is known).
        only_a, only_b: deals that only one has, by that id.
        ambiguous: ids that stand for more than one deal on one side; such deals are not compared.
        by_column: number of differing deals per compared column.
        differences: columns DIFFERENCES.
        lacks_a, lacks_b: columns of the deal that the other side fills and this one cannot express (or does not map).
    """

    a: str
    b: str
    compared: int
    only_a: Sequence[str] = ()
    only_b: Sequence[str] = ()
    ambiguous: Sequence[str] = ()
    by_column: Mapping[str, int] = field(default_factory=dict)
    differences: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=DIFFERENCES))
    lacks_a: Sequence[str] = ()
    lacks_b: Sequence[str] = ()

    @property
    def is_same(self) -> bool:
        """Whether both have the same deals and decide alike on each."""
        return not (self.only_a or self.only_b or self.ambiguous or self.differences.height)


def compare(a: Side, b: Side) -> Parity:
    """Hold two systems' decisions side by side. Both were made under one policy, as of one day, without memory."""
    inputs = list(dict.fromkeys([*_inputs(a.deals), *_inputs(b.deals)]))
    left, right = _known(a, inputs), _known(b, inputs)
    twice = _twice(left) | _twice(right)
    left, right = (side.filter(~pl.col("deal").is_in(list(twice))) for side in (left, right))
    both = left.join(right, on="deal", suffix="_b").sort("deal")
    differences = _differences(both)
    return Parity(
        a=a.name,
        b=b.name,
        compared=both.height,
        only_a=_only(left, right),
        only_b=_only(right, left),
        ambiguous=sorted(twice),
        by_column={name: int((differences["column"] == name).sum()) for name in COMPARED},
        differences=differences,
        lacks_a=_lacks(a, b),
        lacks_b=_lacks(b, a),
    )


def _known(side: Side, inputs: Sequence[str]) -> pl.DataFrame:
    """Return the side's deals by the id that both systems know, with decisions and inputs (null if absent) as text."""
    clock = pl.format("{} days ({})", pl.col("inactive_days"), pl.col("activity_source").cast(pl.String))
    known = pl.coalesce("external_id", "deal_id") if "external_id" in side.deals.columns else pl.col("deal_id")
    deals = side.deals.select("deal_id", deal=known, **{f"in_{n}": _text(n, side.deals) for n in inputs})
    decided = side.decisions.select("deal_id", *(_text(n, side.decisions).alias(n) for n in COMPARED), in_silence=clock)
    return deals.join(decided, on="deal_id").drop("deal_id")


def _differences(both: pl.DataFrame) -> pl.DataFrame:
    inputs = [name for name in both.columns if name.startswith("in_") and f"{name}_b" in both.columns]
    why = [
        pl.when(pl.col(name).ne_missing(pl.col(f"{name}_b"))).then(
            pl.format("{}: {} / {}", pl.lit(name.removeprefix("in_")), _shown(name), _shown(f"{name}_b"))
        )
        for name in inputs
    ]
    told = both.with_columns(inputs=pl.concat_str(why, separator="; ", ignore_nulls=True) if why else pl.lit(""))
    found = [
        told.filter(pl.col(name).ne_missing(pl.col(f"{name}_b"))).select(
            "deal", column=pl.lit(name), a=name, b=f"{name}_b", inputs="inputs"
        )
        for name in COMPARED
    ]
    return pl.concat(found).sort("deal", maintain_order=True).cast(DIFFERENCES)  # type: ignore[arg-type]  # as in plan


def _inputs(deals: pl.DataFrame) -> list[str]:
    return [name for name in deals.columns if name in DealSchema.column_names() and name not in _NAMES]


def _lacks(side: Side, other: Side) -> list[str]:
    """Return the deal's columns that the other side fills and this one has nothing in at all."""
    filled = {name for name in _inputs(other.deals) if other.deals[name].null_count() < other.deals.height}
    here = {name for name in _inputs(side.deals) if side.deals[name].null_count() < side.deals.height}
    return [name for name in DealSchema.column_names() if name in filled - here]


def _twice(known: pl.DataFrame) -> set[str]:
    return set(known.filter(pl.col("deal").is_duplicated())["deal"])


def _only(these: pl.DataFrame, those: pl.DataFrame) -> list[str]:
    return sorted(these.join(those, on="deal", how="anti")["deal"])


def _text(name: str, frame: pl.DataFrame) -> pl.Expr:
    return pl.col(name).cast(pl.String) if name in frame.columns else pl.lit(None, dtype=pl.String)


def _shown(name: str) -> pl.Expr:
    return pl.col(name).fill_null("–").str.slice(0, 40)


def as_json(parity: Parity) -> dict[str, Any]:
    """Return the comparison as `check --parity --json` prints it."""
    return {
        "a": parity.a,
        "b": parity.b,
        "same": parity.is_same,
        "compared": parity.compared,
        "only_a": list(parity.only_a),
        "only_b": list(parity.only_b),
        "ambiguous": list(parity.ambiguous),
        "by_column": dict(parity.by_column),
        "differences": parity.differences.to_dicts(),
        "lacks_a": list(parity.lacks_a),
        "lacks_b": list(parity.lacks_b),
    }

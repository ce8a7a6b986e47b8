"""The reason of a lost deal: the picklist first, then the free text, then a person. Each distinct text is read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from recyclekit.policy.facts import REASON, REASON_SOURCE
from recyclekit.policy.reasons import read_reasons
from recyclekit.policy.spec import ReasonsSpec

Picklist = Mapping[str, str | tuple[str, ...]]

UNMAPPED: Final = {"value": pl.String, "deals": pl.UInt32, "amount": pl.Float64}
PICKLIST_LENGTH: Final = 60
"""Characters; what is longer is a sentence, not a picklist value that someone forgot to map."""


@dataclass(frozen=True, slots=True)
class Reasons:
    """`by_text`: text, reason, reason_source, evidence. `unmapped`: columns UNMAPPED, most deals first."""

    by_text: pl.DataFrame
    unmapped: pl.DataFrame


def find_reasons(texts: pl.DataFrame, spec: ReasonsSpec, picklist: Picklist) -> Reasons:
    """Find the reason of every distinct text.

    Args:
        texts: one row per lost deal that has a text: `text`, `amount`.
        spec: the policy's picklist, and how far free text is trusted.
        picklist: the project's own values, which come before the policy's.
    """
    distinct = texts.group_by("text", maintain_order=True).agg(
        pl.len().cast(pl.UInt32).alias("deals"), pl.col("amount").sum()
    )
    looked_up = (
        distinct.lazy()
        .with_columns(_plain(pl.col("text")).alias("_key"))
        .join(_table(spec, picklist).lazy(), on="_key", how="left", maintain_order="left")
        .collect()
    )
    rest = looked_up.filter(pl.col("_mapped").is_null())
    read = _read(rest["text"], spec)
    mapped = looked_up.filter(pl.col("_mapped").is_not_null()).select(
        "text", "reason", "reason_source", pl.lit(None, dtype=pl.String).alias("evidence")
    )
    by_text = pl.concat([mapped, read]) if read.height else mapped
    return Reasons(by_text, _unmapped(rest, read))


def _plain(text: pl.Expr) -> pl.Expr:
    return text.str.normalize("NFKC").str.to_lowercase().str.strip_chars()


def _table(spec: ReasonsSpec, picklist: Picklist) -> pl.DataFrame:
    """Return the picklist by plain text; a value that may mean several reasons is unclear."""
    rows = []
    for value, codes in [*spec.values.items(), *picklist.items()]:
        meant = {codes} if isinstance(codes, str) else set(codes)
        only = next(iter(meant)) if len(meant) == 1 else None
        rows.append((value, only, "picklist" if only else "unclear", True))
    schema = pl.Schema({"_key": pl.String, "reason": REASON, "reason_source": REASON_SOURCE, "_mapped": pl.Boolean})
    table = pl.DataFrame(rows, schema=schema, orient="row")
    return table.with_columns(_plain(pl.col("_key"))).unique("_key", keep="last", maintain_order=True)


def _read(texts: pl.Series, spec: ReasonsSpec) -> pl.DataFrame:
    if not spec.read_text or texts.is_empty():
        unclear = pl.lit("unclear", dtype=REASON_SOURCE).alias("reason_source")
        none = pl.lit(None, dtype=REASON).alias("reason")
        return texts.rename("text").to_frame().select("text", none, unclear, pl.lit(None, pl.String).alias("evidence"))
    sure = pl.col("reason").is_not_null() & (pl.col("confidence") >= spec.minimum_confidence)
    return read_reasons(texts).select(
        "text",
        pl.when(sure).then("reason").cast(REASON).alias("reason"),
        pl.when(sure).then(pl.lit("text")).otherwise(pl.lit("unclear")).cast(REASON_SOURCE).alias("reason_source"),
        pl.col("evidence").cast(pl.String),
    )


def _unmapped(rest: pl.DataFrame, read: pl.DataFrame) -> pl.DataFrame:
    """Return what looks like a picklist value and is in no picklist: short, and shared by deals or not understood."""
    short = pl.col("text").str.len_chars() <= PICKLIST_LENGTH
    return (
        rest.filter(short)
        .join(read.select("text", "reason_source"), on="text", how="left")
        .filter((pl.col("deals") > 1) | (pl.col("reason_source_right") == "unclear"))
        .select(pl.col("text").alias("value"), "deals", "amount")
        .sort("deals", "amount", "value", descending=[True, True, False])
    )

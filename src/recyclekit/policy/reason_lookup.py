"""The reason of a lost deal: the picklist first, then the free text, then a person. Each distinct text is read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from recyclekit.models.tables import Table
from recyclekit.policy.columns import column_or_null
from recyclekit.policy.facts import REASON, REASON_SOURCE
from recyclekit.policy.reasons import read_reasons
from recyclekit.policy.spec import ReasonsSpec

Picklist = Mapping[str, str | tuple[str, ...]]

UNMAPPED: Final = {"value": pl.String, "deals": pl.UInt32, "amount": pl.Float64}
PICKLIST_LENGTH: Final = 60
"""Characters; what is longer is a sentence, not a picklist value that someone forgot to map."""


@dataclass(frozen=True, slots=True)
class Reasons:
    """What was found.

    Attributes:
        by_deal: `reason` and `reason_source`, one row per deal; null for deals that are not lost.
        by_text: text, reason, reason_source and evidence of each distinct text.
        unmapped: columns UNMAPPED, most deals first.
    """

    by_deal: pl.DataFrame
    by_text: pl.DataFrame
    unmapped: pl.DataFrame


def find_reasons(deals: pl.DataFrame, spec: ReasonsSpec, picklist: Picklist) -> Reasons:
    """Find the reason of every lost deal.

    Args:
        deals: the canonical table; columns may be absent.
        spec: the policy's picklist, and how far free text is trusted.
        picklist: the project's own values, which come before the policy's.
    """
    distinct = _distinct(deals)
    looked_up = (
        distinct.lazy()
        .select("_group", "text", "deals", "amount", _plain(pl.col("text")).alias("_key"))
        .join(_table(spec, picklist).lazy(), on="_key", how="left", maintain_order="left")
        .collect()
    )
    rest = looked_up.filter(pl.col("_mapped").is_null())
    mapped = looked_up.filter(pl.col("_mapped").is_not_null()).select(
        "_group", "text", "reason", "reason_source", pl.lit(None, dtype=pl.String).alias("evidence")
    )
    read = rest.select("_group", "text").join(_read(rest["text"], spec), on="text", how="left", maintain_order="left")
    by_text = pl.concat([mapped, read]).sort("_group")
    return Reasons(_by_deal(deals, distinct["_rows"], by_text), by_text.drop("_group"), _unmapped(rest, read))


def _distinct(deals: pl.DataFrame) -> pl.DataFrame:
    """Return each distinct text of lost deals: `_group` its number, `_rows` the deals that have it, deals, amount."""
    text = pl.coalesce(column_or_null(deals.columns, Table.DEALS, name) for name in ("lost_reason", "lost_note"))
    return (
        deals.lazy()
        .select(
            "crm_state",
            pl.int_range(pl.len(), dtype=pl.UInt32).alias("_rows"),
            text.alias("text"),
            column_or_null(deals.columns, Table.DEALS, "amount"),
        )
        .filter((pl.col("crm_state") == "lost") & pl.col("text").is_not_null())
        .group_by("text", maintain_order=True)
        .agg("_rows", pl.len().cast(pl.UInt32).alias("deals"), pl.col("amount").sum())
        .with_row_index("_group")
        .collect()
    )


def _by_deal(deals: pl.DataFrame, rows: pl.Series, by_text: pl.DataFrame) -> pl.DataFrame:
    """Hand each text's reason to its deals by row number: no second look at the texts."""
    spread = by_text.select("reason", "reason_source", _rows=rows).explode("_rows")
    lost = deals.select(
        pl.when(pl.col("crm_state") == "lost").then(pl.lit("none", dtype=REASON_SOURCE)).alias("reason_source")
    )["reason_source"]
    nothing = pl.Series("reason", [None], dtype=REASON).new_from_index(0, deals.height)
    return pl.DataFrame(
        [
            nothing.to_physical().scatter(spread["_rows"], spread["reason"].to_physical()).cat.to(REASON),
            lost.to_physical().scatter(spread["_rows"], spread["reason_source"].to_physical()).cat.to(REASON_SOURCE),
        ]
    )


def _plain(text: pl.Expr) -> pl.Expr:
    return text.str.normalize("NFKC").str.to_lowercase().str.strip_chars()


def _table(spec: ReasonsSpec, picklist: Picklist) -> pl.DataFrame:
    """Return the picklist by plain text; a value that may mean several reasons is unclear."""
    rows = []
    for value, codes in [*spec.values.items(), *picklist.items()]:
        meant = {codes} if isinstance(codes, str) else set(codes)
        only = next(iter(meant)) if len(meant) == 1 else None
        rows.append((value, only, "picklist" if only else "unclear", True))
    columns = [("_key", pl.String()), ("reason", REASON), ("reason_source", REASON_SOURCE), ("_mapped", pl.Boolean())]
    schema = pl.Schema(columns)
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
        .join(read.select("_group", pl.col("reason").alias("_read")), on="_group", how="left")
        .filter((pl.col("deals") > 1) | pl.col("_read").is_null() | (pl.col("_read") == "other"))
        .select(pl.col("text").alias("value"), "deals", "amount")
        .sort("deals", "amount", "value", descending=[True, True, False])
    )

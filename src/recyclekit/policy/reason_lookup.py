"""The reason of a lost deal: the picklist first, then the free text, then a person. Each distinct text is read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from recyclekit.models.tables import Table
from recyclekit.policy.columns import column_or_null
from recyclekit.policy.facts import REASON, REASON_SOURCE
from recyclekit.policy.reasons import read_reasons
from recyclekit.policy.reasons.known import Known
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
        by_text: text, reason and reason_source of each distinct text.
        named: what may be a value of a picklist and is in none; `unmapped` tells which of it is.
    """

    by_deal: pl.DataFrame
    by_text: pl.DataFrame
    named: pl.DataFrame


def find_reasons(deals: pl.DataFrame, spec: ReasonsSpec, picklist: Picklist, known: Known | None = None) -> Reasons:
    """Find the reason of every lost deal.

    Args:
        deals: the canonical table; columns may be absent.
        spec: the policy's picklist, and how far free text is trusted.
        picklist: the project's own values, which come before the policy's.
        known: what was read of other parts of the table.
    """
    lost, group, distinct = _lost_texts(deals)
    table = _table(spec, picklist)
    keys = distinct["text"].to_frame("_key").select(_candidate(table["_key"].str.len_chars().max()))
    looked_up = distinct.hstack(keys).join(table, on="_key", how="left", maintain_order="left", nulls_equal=False)
    rest = looked_up.filter(pl.col("_mapped").is_null())
    mapped = looked_up.filter(pl.col("_mapped").is_not_null()).select("_group", "text", "reason", "reason_source")
    read = rest.select("_group").hstack(_read(rest["text"], spec, known))
    by_text = pl.concat([mapped, read]).sort("_group")
    return Reasons(_by_deal(deals, lost["_row"], group, by_text), by_text.drop("_group"), _named(rest, read))


def _lost_texts(deals: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series, pl.DataFrame]:
    """Return the lost deals that have a text (`_row`, text, amount), the number of each one's text, and the texts.

    Each distinct text stands once, in order of appearance: `_group` its number, text, deals, amount.
    """
    text = pl.coalesce(column_or_null(deals.columns, Table.DEALS, name) for name in ("lost_reason", "lost_note"))
    rows = deals.lazy().with_row_index("_row").filter(pl.col("crm_state") == "lost")
    named = rows.select("_row", text.alias("text"), column_or_null(deals.columns, Table.DEALS, "amount"))
    lost = named.filter(pl.col("text").is_not_null()).collect()
    first = lost.with_row_index("_at").select(pl.col("_at").first().over("text")).to_series().to_numpy()
    is_first = first == np.arange(len(first))
    group = (np.cumsum(is_first, dtype=np.uint32) - np.uint32(1))[first]
    distinct = pl.DataFrame(
        {
            "_group": pl.int_range(int(is_first.sum()), dtype=pl.UInt32, eager=True),
            "text": lost["text"].filter(pl.Series(is_first)),
            "deals": np.bincount(group).astype(np.uint32),
            "amount": np.bincount(group, weights=lost["amount"].fill_null(0).to_numpy()),
        }
    )
    return lost, pl.Series(group), distinct


def _by_deal(deals: pl.DataFrame, rows: pl.Series, group: pl.Series, by_text: pl.DataFrame) -> pl.DataFrame:
    """Hand each text's reason to its deals by row number: no second look at the texts."""
    lost = deals.select(
        pl.when(pl.col("crm_state") == "lost").then(pl.lit("none", dtype=REASON_SOURCE)).alias("reason_source")
    )["reason_source"]
    nothing = pl.Series("reason", [None], dtype=REASON).new_from_index(0, deals.height)
    reason, source = (by_text[name].to_physical().gather(group) for name in ("reason", "reason_source"))
    return pl.DataFrame(
        [
            nothing.to_physical().scatter(rows, reason).cat.to(REASON),
            lost.to_physical().scatter(rows, source).cat.to(REASON_SOURCE),
        ]
    )


_SHRINKS: Final = r"[\p{M}\x{1100}-\x{11ff}\x{3130}-\x{318f}\x{ff9e}-\x{ffdc}]"
"""What NFKC may melt with the letter before it; any other text is at least as long in its plain form."""


def _candidate(longest: object) -> pl.Expr:
    """Return the plain form of texts that may be a picklist value, null for those that are too long for it."""
    text = pl.col("_key")
    may_be = (text.str.strip_chars().str.len_chars() <= pl.lit(longest)) | text.str.contains(_SHRINKS)
    return _plain(pl.when(may_be).then(text))


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


def _read(texts: pl.Series, spec: ReasonsSpec, known: Known | None) -> pl.DataFrame:
    if not spec.read_text or texts.is_empty():
        unclear = pl.lit("unclear", dtype=REASON_SOURCE).alias("reason_source")
        none = pl.lit(None, dtype=REASON).alias("reason")
        return texts.rename("text").to_frame().select("text", none, unclear)
    sure = pl.col("reason").is_not_null() & (pl.col("confidence") >= spec.minimum_confidence)
    read = read_reasons(texts, why=False, known=known)
    if not read["text"].equals(texts):
        read = texts.rename("text").to_frame().join(read, on="text", how="left", maintain_order="left")
    return read.select(
        "text",
        pl.when(sure).then("reason").cast(REASON).alias("reason"),
        pl.when(sure).then(pl.lit("text")).otherwise(pl.lit("unclear")).cast(REASON_SOURCE).alias("reason_source"),
    )


def _named(rest: pl.DataFrame, read: pl.DataFrame) -> pl.DataFrame:
    """Return the short texts among those that no picklist knows: UNMAPPED, then whether one was not understood."""
    short = pl.col("text").str.len_chars() <= PICKLIST_LENGTH
    read = read.select("_group", _odd=pl.col("reason").is_null() | (pl.col("reason") == "other"))
    found = rest.filter(short).join(read, on="_group", how="left")
    return found.select(pl.col("text").alias("value"), "deals", pl.col("amount").cast(pl.Float64), "_odd")


def unmapped(named: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return what looks like a picklist value and is in no picklist: short, and shared by deals or not understood.

    Args:
        named: `Reasons.named` of all deals, or of every slice of them.

    Returns:
        Columns UNMAPPED, most deals first.
    """
    texts = named[0]
    if len(named) > 1:
        several = pl.concat(named).group_by("value")
        texts = several.agg(pl.col("deals", "amount").sum(), pl.col("_odd").first())
    return (
        texts.filter((pl.col("deals") > 1) | pl.col("_odd"))
        .select(list(UNMAPPED))
        .sort("deals", "amount", "value", descending=[True, True, False])
    )

"""Rules that look at several columns of one record: what no single column can show to be wrong."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from recyclekit.models.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRule:
    """A record for which `broken` holds is set aside with this code; checked where all `columns` are there.

    `blame` is the canonical column named in the dead letter; `why` a text over the record's columns.
    """

    table: Table
    code: str
    columns: tuple[str, ...]
    blame: str
    broken: pl.Expr
    why: pl.Expr


ROW_RULES = (
    RowRule(
        table=Table.DEALS,
        code="closed_before_created",
        columns=("created_on", "closed_on", "crm_state"),
        blame="closed_on",
        # an open deal's date is only a forecast, and may be left over from a template
        broken=(pl.col("closed_on") < pl.col("created_on")) & (pl.col("crm_state") != "open"),
        why=pl.format("closed on {}, before it was created on {}", "closed_on", "created_on"),
    ),
)


def rules_of(table: Table, columns: list[str]) -> list[RowRule]:
    """Return the rules of a table that these columns allow to check."""
    return [rule for rule in ROW_RULES if rule.table is table and set(rule.columns) <= set(columns)]

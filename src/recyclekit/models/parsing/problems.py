"""What is wrong with records, collected per row, and made into one dead letter for each record."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl

from recyclekit.models.snapshot import DEAD_LETTERS, dead_letters
from recyclekit.models.tables import Table

ROW = "_row"
"""Position of a record among those read, from 0: what ties a problem to its record."""

PROBLEMS = {ROW: pl.UInt32, "column": pl.String, "code": pl.String, "why": pl.String}


def problems(frames: Iterable[pl.DataFrame] = ()) -> pl.DataFrame:
    """Return these problems as one frame, or an empty one."""
    return pl.concat(
        [
            pl.DataFrame(schema=PROBLEMS),
            *(frame.select(pl.col(n).cast(t) for n, t in PROBLEMS.items()) for frame in frames),
        ]
    )


def problem(rows: pl.DataFrame, column: str | None, code: str, why: str | pl.Expr) -> pl.DataFrame:
    """Return one problem for each of the rows; `why` may be an expression over them."""
    text = pl.lit(why) if isinstance(why, str) else why
    return rows.select(ROW, column=pl.lit(column, pl.String), code=pl.lit(code), why=text)


Lines = Callable[[], pl.Series]
"""Gives the line of every record, by ROW; asked only where a line has to be told."""


def letters(table: Table, records: pl.DataFrame, found: pl.DataFrame, key: str | None, lines: Lines) -> pl.DataFrame:
    """Return one dead letter per record with problems; code and column are the first one's, the reason lists all."""
    if found.is_empty():
        return dead_letters()
    told = found.with_columns(told=(pl.col("column") + ": ").fill_null("") + pl.col("why"))
    one = told.group_by(ROW).agg(pl.col("column", "code").first(), reason=pl.col("told").str.join("; "))
    record_id = pl.col(key) if key in records.columns else pl.lit(None, pl.String)
    concerned = records.filter(pl.col(ROW).is_in(one[ROW].implode()))
    line = lines().gather(concerned[ROW])
    where = concerned.select(ROW, line=line, record_id=record_id, stage=pl.lit("normalize"), table=pl.lit(str(table)))
    whole = one.join(where, on=ROW, how="left").sort(ROW)
    return whole.select(pl.col(name).cast(dtype) for name, dtype in DEAD_LETTERS.items())

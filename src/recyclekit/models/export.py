"""A guard for tables that people open in a spreadsheet: a cell that would be run as a formula becomes plain text."""

from __future__ import annotations

import polars as pl

_STARTS = r"^'*[=+\-@\t\r\n＝＋－＠]"
_NUMBER = r"^[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?([eE][+-]?\d+)?$"
_GUARDED = r"^'+[=+\-@\t\r\n＝＋－＠]"


def guard_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """Prefix each text cell that a spreadsheet would run with an apostrophe; numbers and dates stay as they are.

    `unguard` gives back exactly what went in, names that are kept as numbers (Categorical) spelt out.
    """
    frame = frame.with_columns(pl.col(pl.Categorical).cast(pl.String))
    return frame.with_columns(
        pl.when(column.str.contains(_STARTS) & ~column.str.contains(_NUMBER))
        .then(column.str.replace("^", "'"))
        .otherwise(column)
        for column in _concerned(frame, _STARTS)
    )


def unguard(frame: pl.DataFrame) -> pl.DataFrame:
    """Take the apostrophe of `guard_formulas` away again."""
    return frame.with_columns(
        pl.when(column.str.contains(_GUARDED)).then(column.str.slice(1)).otherwise(column)
        for column in _concerned(frame, _GUARDED)
    )


def _concerned(frame: pl.DataFrame, pattern: str) -> list[pl.Expr]:
    """Return the text columns with a cell that matches: most have none, and need no second look."""
    texts = frame.select(pl.col(pl.String))
    flags = texts.select(pl.all().str.contains(pattern).any())
    return [pl.col(name) for name in flags.columns if flags[name].item()]

"""JSON for many rows at once: the payloads of a plan's actions, each distinct one encoded once."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

_DENSE = 1 << 40
Make = Callable[[pl.DataFrame], pl.DataFrame]


def json_objects(rows: pl.DataFrame, make: Make | None = None, codes: pl.Series | None = None) -> pl.Series:
    """Return one JSON object per row, keys in the order of the columns; null is `null`, a date its ISO form.

    Args:
        rows: what a payload depends on; of few distinct rows only one each is looked at.
        make: turns such rows into the payload's columns, row by row; by default they are the payload's columns.
        codes: equal where two rows have the same payload; by default found from all of their columns.
    """
    if rows.is_empty():
        return pl.Series([], dtype=pl.String)
    if any(dtype.is_nested() for dtype in rows.dtypes):
        return _encode(rows, make)
    codes = row_codes(rows) if codes is None else codes
    firsts = codes.arg_unique()
    return codes.replace_strict(codes.gather(firsts), _encode(rows[firsts], make), return_dtype=pl.String)


def _encode(rows: pl.DataFrame, make: Make | None) -> pl.Series:
    return (make(rows) if make else rows).select(pl.struct(pl.all()).struct.json_encode()).to_series()


def row_codes(rows: pl.DataFrame) -> pl.Series:
    """Return an Int64 per row, equal exactly where the rows are equal; meant for columns of few distinct values."""
    codes: pl.Series | None = None
    size = 1
    for column in rows.iter_columns():
        values = column.cast(pl.Categorical) if column.dtype == pl.String else column
        numbers = values.to_physical().cast(pl.Int64)
        low, high = numbers.min(), numbers.max()
        if not isinstance(low, int) or not isinstance(high, int):
            continue  # all null
        if low == high and not numbers.null_count():
            continue  # all the same
        count = high - low + 2
        if codes is not None and size * count > _DENSE:
            codes, size = _dense(codes)
        if count > _DENSE // size:
            numbers, count = _dense(numbers.fill_null(low - 1))
            low = 1
        shifted = numbers - (low - 1)
        shifted = shifted.fill_null(0) if shifted.null_count() else shifted
        codes = shifted if codes is None else codes * count + shifted
        size *= count
    return pl.repeat(0, rows.height, dtype=pl.Int64, eager=True) if codes is None else codes


def _dense(codes: pl.Series) -> tuple[pl.Series, int]:
    distinct = codes.unique()
    return codes.replace_strict(distinct, pl.int_range(len(distinct), eager=True)), len(distinct)

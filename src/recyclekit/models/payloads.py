"""JSON for many rows at once: the payloads of a plan's actions, each distinct one encoded once."""

from __future__ import annotations

import polars as pl

_DENSE = 1 << 40


def json_objects(rows: pl.DataFrame) -> pl.Series:
    """Return one JSON object per row, keys in the order of the columns; null is `null`, a date its ISO form."""
    encode = pl.struct(pl.all()).struct.json_encode()
    if not rows.width:
        return pl.repeat("{}", rows.height, eager=True)
    if any(dtype.is_nested() for dtype in rows.dtypes):
        return rows.select(encode).to_series()
    codes = row_codes(rows)
    firsts = codes.arg_unique()
    if len(firsts) > rows.height // 2:
        return rows.select(encode).to_series()
    return codes.replace_strict(codes.gather(firsts), rows[firsts].select(encode).to_series())


def row_codes(rows: pl.DataFrame) -> pl.Series:
    """Return an Int64 per row, equal exactly where the rows are equal; meant for columns of few distinct values."""
    codes = pl.repeat(0, rows.height, dtype=pl.Int64, eager=True)
    size = 1
    for column in rows.iter_columns():
        values = column.cast(pl.Categorical) if column.dtype == pl.String else column
        numbers = values.to_physical().cast(pl.Int64)
        low, high = numbers.min(), numbers.max()
        if not isinstance(low, int) or not isinstance(high, int):
            continue  # all null
        count = high - low + 2
        if size * count > _DENSE:
            codes, size = _dense(codes)
        if count > _DENSE // max(size, 1):
            numbers, count = _dense(numbers.fill_null(low - 1))
            low = 1
        codes = codes * count + (numbers - low + 1).fill_null(0)
        size *= count
    return codes


def _dense(codes: pl.Series) -> tuple[pl.Series, int]:
    distinct = codes.unique()
    return codes.replace_strict(distinct, pl.int_range(len(distinct), eager=True)), len(distinct)

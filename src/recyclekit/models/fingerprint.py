"""A deal's fingerprint: equal as long as nothing changed that its decision rests on. The same on every machine."""

from __future__ import annotations

import zlib
from typing import Final

import polars as pl

from recyclekit.models.tables import DECISION_FIELDS

FIELDS: Final = (*DECISION_FIELDS, "last_contact_at", "opted_out")
"""What goes in: the deal's own decision fields, when a person was last in contact, and whether contact is unwanted."""

_AT_ONCE: Final = 20_000  # deals whose texts are in memory together
_BETWEEN, _NULL = "\x1f", "\x00"


def fingerprint(frame: pl.DataFrame) -> pl.Series:
    """Return one short text per row. A column that is absent counts as null; times count in microseconds of UTC.

    A checksum that a standard fixes for ever. It has to notice a change of one deal, not to tell deals apart, and
    nobody forges one; a cryptographic hash would cost a million deals as much as all their rules.
    """
    told = pl.concat_str([_canonical(frame, name) for name in FIELDS], separator=_BETWEEN).cast(pl.Binary)
    sums: list[int] = []
    for part in frame.iter_slices(_AT_ONCE):
        sums += map(zlib.crc32, part.select(told).to_series().to_list())
    return pl.Series("fingerprint", sums, dtype=pl.UInt32).cast(pl.String)


def _canonical(frame: pl.DataFrame, name: str) -> pl.Expr:
    if name not in frame.columns:
        return pl.lit(_NULL)
    column, dtype = pl.col(name), frame.schema[name]
    if isinstance(dtype, pl.Datetime):
        column = column.dt.epoch("us")
    elif dtype == pl.Date:
        column = column.cast(pl.Int32)
    elif dtype == pl.Boolean:
        column = column.cast(pl.Int8)
    elif dtype.is_float():
        # Minus zero and zero are one amount, and so are 10 and 10.0.
        column = column.cast(pl.Float64) + 0.0
    return column.cast(pl.String).fill_null(_NULL)

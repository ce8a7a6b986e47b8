"""Records with the same id: identical ones count once; of different ones the last in the file stands."""

from __future__ import annotations

import polars as pl

from recyclekit.models.distinct import surely_distinct
from recyclekit.models.parsing.problems import ROW, Lines, problem, problems
from recyclekit.models.snapshot import LINE

_LATER = "_later"


def repeated(good: pl.DataFrame, set_aside: pl.DataFrame, key: str, lines: Lines) -> tuple[pl.DataFrame, pl.Series]:
    """Find the records of `good` that a later one replaces.

    An export appended to an older one is the usual cause, so the last version stands. A later version that had to be
    set aside replaces the earlier ones too: what is known to be outdated must not be acted on.

    Args:
        good: readable records with ROW and the key.
        set_aside: records with problems, same columns.
        key: the id column.
        lines: gives the line of every record.

    Returns:
        The problems (code duplicate_id), and the rows that merely repeat a later one word for word.
    """
    ids = good[key]
    found = []
    again = pl.Series(ROW, [], dtype=pl.UInt32)
    if not surely_distinct(ids):
        double = good.filter(pl.col(key).is_duplicated())
        content = [name for name in good.columns if name != ROW]
        kept = double.unique(subset=content, keep="last", maintain_order=True)
        kept = kept.with_columns(lines().gather(kept[ROW]).alias(LINE))
        again = double.join(kept, on=ROW, how="anti")[ROW]
        last = pl.col(ROW) == pl.col(ROW).max().over(key)
        versions = kept.with_columns(pl.col(LINE).sort_by(ROW).last().over(key).alias(_LATER)).filter(~last)
        found.append(_replaced(versions, "its later version in line {} stands"))
    later = set_aside.filter(pl.col(key).is_not_null()) if set_aside.height else set_aside
    if later.height:
        later = later.with_columns(lines().gather(later[ROW]).alias(LINE))
        newest = later.group_by(key).agg(
            pl.col(ROW).max().alias("_newest"), pl.col(LINE).sort_by(ROW).last().alias(_LATER)
        )
        stale = good.join(newest, on=key, how="inner").filter(pl.col("_newest") > pl.col(ROW))
        before = pl.concat(f[ROW] for f in found) if found else pl.Series(ROW, [], dtype=pl.UInt32)
        stale = stale.filter(~pl.col(ROW).is_in(before.implode()) & ~pl.col(ROW).is_in(again.implode()))
        found.append(_replaced(stale, "its later version in line {} was set aside"))
    return problems(found), again


def _replaced(rows: pl.DataFrame, how: str) -> pl.DataFrame:
    return problem(rows, None, "duplicate_id", pl.lit("the same id comes again: ") + pl.format(how, _LATER))

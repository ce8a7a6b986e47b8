"""One lazy plan per table: every column tried at once, the few records that did not come through kept beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from recyclekit.models.parsing.readers import Attempt, Reader

FAILED = "_failed"
_VALUE = "_value:"


def plan(
    raw: pl.LazyFrame, readers: Sequence[Reader], attempts: Mapping[str, Attempt | None]
) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Return two frames to be collected together.

    The first has a row per record: FAILED, and each canonical column, typed where there is an attempt and the system's
    text where there is none. The second has all texts of the FAILED records. Lines are not asked for: in most files
    nobody needs to know them, and counting them costs a scan a tenth of its time.
    """
    values, failures, texts = [], [], []
    for reader in readers:
        name, source = reader.column.name, pl.col(reader.column.source)
        attempt = attempts[name]
        if attempt is None:
            values.append(source.alias(_VALUE + name))
            continue
        values.append(attempt.value.alias(_VALUE + name))
        if attempt.always:
            continue
        missed = pl.col(_VALUE + name).is_null() & source.is_not_null()
        failures.append(missed if attempt.failed is None else attempt.failed)
    texts = list(dict.fromkeys(reader.column.source for reader in readers))
    failed = pl.any_horizontal(failures).fill_null(value=False) if failures else pl.lit(value=False)
    tried = raw.with_columns(values).with_columns(failed.alias(FAILED))
    main = tried.select(FAILED, *(pl.col(_VALUE + r.column.name).alias(r.column.name) for r in readers))
    return main, tried.filter(FAILED).select(texts)

"""What extract and normalize hand on: raw columns, then canonical tables, with what could not be read beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import polars as pl

from recyclekit.models.shelf import together
from recyclekit.models.tables import Table, empty

LINE = "_line"
"""Column of every raw frame: UInt64, the record's line in its file (heading = 1) or its position after the cursor."""

DEAD_LETTERS = {
    "stage": pl.String,  # extract | normalize | write_back
    "table": pl.String,
    "record_id": pl.String,  # null where it could not be read
    "line": pl.UInt64,  # null where the source has no lines
    "column": pl.String,  # the system's column, null where the whole record is to blame
    "code": pl.String,  # short and stable: ragged, bad_date, unknown_stage, duplicate_id, …
    "reason": pl.String,  # for a person; shows at most 40 characters of the value
}


def dead_letters(rows: list[dict[str, object]] | None = None) -> pl.DataFrame:
    """Return a dead-letter frame with its declared columns."""
    return pl.DataFrame(rows or [], schema=DEAD_LETTERS, orient="row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """Stage 1's result: per table a lazy frame of String columns named by the vendor, plus `_line`.

    `set_aside` holds records that the source could not even split into columns (dead letters of stage extract).
    `blank` names columns that the source has and that hold nothing in any record; they are not among `records`.
    `tidy` names columns whose texts need no cleaning: none is empty, has outer blanks or control characters.
    `counts` says how many records a table has, where that is known without counting.
    """

    records: Mapping[Table, pl.LazyFrame]
    set_aside: pl.DataFrame = field(default_factory=dead_letters)
    blank: Mapping[Table, Collection[str]] = field(default_factory=dict)
    tidy: Mapping[Table, Collection[str]] = field(default_factory=dict)
    counts: Mapping[Table, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something a person should know; `check` prints it. `level`: note, warning or error."""

    level: str
    where: str
    what: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Stage 2's result: the canonical tables (see models.tables) at one moment.

    Columns that the field map does not fill are absent from the frames, not null: `column_or_null` reads them.
    `extracted_deals` counts every deal record read, those in `dead_letters` included: the sum that must close.
    `readings`: what columns without a declared format were found to be written in. `Mapped.declaring` makes it a
    declaration, so that a few records re-read later mean the same without the rest of their column.
    """

    deals: pl.DataFrame
    extracted_deals: int
    activities: pl.DataFrame = field(default_factory=lambda: empty(Table.ACTIVITIES))
    contacts: pl.DataFrame = field(default_factory=lambda: empty(Table.CONTACTS))
    accounts: pl.DataFrame = field(default_factory=lambda: empty(Table.ACCOUNTS))
    signals: pl.DataFrame = field(default_factory=lambda: empty(Table.SIGNALS))
    history: pl.DataFrame = field(default_factory=lambda: empty(Table.HISTORY))
    dead_letters: pl.DataFrame = field(default_factory=dead_letters)
    findings: tuple[Finding, ...] = ()
    readings: Mapping[Table, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    @property
    def deal_letters(self) -> int:
        """The number of deal records that were set aside."""
        return self.dead_letters.filter(pl.col("table") == str(Table.DEALS)).height

    def in_memory(self) -> Snapshot:
        """Return the same snapshot with all its deals in memory."""
        return self

    def narrowed_to(self, *columns: str) -> Snapshot:
        """Return the snapshot with these columns of the deals, as far as they are there."""
        return replace(self, deals=self.deals.select(_any_of(columns)))


class SnapshotInSlices(Snapshot):
    """A snapshot with more deals than memory holds: they lie on a shelf, in slices. `deals` reads all of them anew."""

    __slots__ = ("slices",)
    slices: Sequence[pl.LazyFrame]

    def __init__(self, rest: Snapshot, slices: Sequence[pl.LazyFrame]) -> None:
        for one in fields(Snapshot):
            if one.name != "deals":
                object.__setattr__(self, one.name, getattr(rest, one.name))
        object.__setattr__(self, "slices", tuple(slices))

    @property
    def deals(self) -> pl.DataFrame:
        return together(self.slices).collect()

    def in_memory(self) -> Snapshot:
        return Snapshot(deals=self.deals, **self._others())

    def narrowed_to(self, *columns: str) -> SnapshotInSlices:
        return SnapshotInSlices(self, [part.select(_any_of(columns)) for part in self.slices])

    def _others(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(Snapshot) if one.name != "deals"}

    def each(self, *columns: str) -> Iterator[Snapshot]:
        """Yield one snapshot for each slice: its deals, with all or some of their columns, beside all other tables."""
        for part in self.slices:
            chosen = part.select(_any_of(columns)) if columns else part
            yield Snapshot(deals=chosen.collect(), **self._others())


def _any_of(columns: Sequence[str]) -> pl.Expr:
    return pl.col("^(" + "|".join(columns) + ")$")

"""What a reader is told of a column, and what it answers: a value or a reason for each distinct text."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from recyclekit.models.field_map import FieldSpec
from recyclekit.models.snapshot import Finding
from recyclekit.models.tables import Table

EXCERPT = 40
"""A dead letter shows at most this many characters of a value."""
FEW = 3
SHARE = 0.95
"""A reading counts for a column if all but FEW values, or this share of them, bear it out."""
HOPELESS = 20
"""From this many values on, a column in which not one can be read is an error of the map, not of the rows."""

ANSWER = {"raw": pl.String, "code": pl.String, "why": pl.String}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One canonical column to be read from one of the system's.

    Attributes:
        source: the system's column, or the canonical name where a constant fills it.
        zone: IANA name for times written without one; `declared_zone`: whether the map says so.
        business: IANA name of the business zone, which decides the date of a moment.
    """

    table: Table
    name: str
    source: str
    dtype: pl.DataType
    spec: FieldSpec
    business: str

    @property
    def zone(self) -> str:
        return self.spec.timezone or self.business

    @property
    def formats(self) -> tuple[str, ...]:
        """The declared formats; empty where none are."""
        declared = self.spec.format
        return () if declared is None else (declared,) if isinstance(declared, str) else tuple(declared)

    @property
    def where(self) -> str:
        return f"{self.table}.{self.name} ({self.source})"

    def note(self, what: str, fix: str = "") -> Finding:
        """Return a note on this column."""
        return Finding(level="note", where=self.where, what=what, fix=fix)

    def line_for(self, format: str | tuple[str, ...]) -> str:  # noqa: A002  # the word of the field map
        """Return the line of the project file that declares this format."""
        many = isinstance(format, tuple) and len(format) > 1
        shown = (
            f"[{', '.join(map(_quoted, format))}]"
            if many
            else _quoted(format if isinstance(format, str) else format[0])
        )
        return f"{self.name}: {{column: {_quoted(self.source)}, format: {shown}}}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A column's distinct texts, read. `answers`: raw, value (the column's type), code and why (null where read).

    `formats` declares what was found, so that a few rows can later be read the same way without their column.
    """

    answers: pl.DataFrame
    findings: tuple[Finding, ...] = ()
    formats: tuple[str, ...] = field(default=())


def shown(text: str) -> pl.Expr:
    """Return a column of texts as quoted excerpts."""
    long = pl.col(text).str.len_chars() > EXCERPT
    return pl.format("'{}'", pl.when(long).then(pl.col(text).str.head(EXCERPT - 1) + "…").otherwise(pl.col(text)))


def few(count: int, total: int) -> bool:
    """Whether so many of the total are exceptions that may be set aside without doubting the rest."""
    return count <= FEW or count <= (1 - SHARE) * total

"""What a statement says, as plain data: the tree that the parser builds and the evaluator walks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Path:
    """A field, perhaps of a parent: `Account.Owner.Name` is three names."""

    names: tuple[str, ...]
    place: int

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class Relative:
    """A date literal: TODAY, LAST_N_DAYS:30."""

    name: str
    count: int | None = None


Value = str | int | float | bool | date | datetime | Relative | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field and a value, or values. Operators: = != < <= > >= LIKE, IN and NOT IN."""

    path: Path
    operator: str
    value: Value | tuple[Value, ...] | Query


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Both:
    """All of them (AND), or any of them (OR)."""

    operator: str
    conditions: tuple[Condition, ...]


Condition = Comparison | Not | Both


@dataclass(frozen=True, slots=True)
class Call:
    """A function of a field. COUNT() has no path."""

    function: str
    path: Path | None
    alias: str | None
    place: int


@dataclass(frozen=True, slots=True)
class Order:
    """One field to sort by."""

    path: Path
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A whole statement, or one in parentheses. `source` is where it stands, for messages."""

    statement: str
    select: tuple[Path | Call | Query, ...]
    source: Path
    alias: str | None = None
    where: Condition | None = None
    group_by: tuple[Path, ...] = ()
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0

    @property
    def counts_only(self) -> bool:
        """Whether it is SELECT COUNT()."""
        first = self.select[0]
        return isinstance(first, Call) and first.path is None

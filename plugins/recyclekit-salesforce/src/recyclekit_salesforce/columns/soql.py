"""SOQL, built only from names that describe gave and values that are quoted here. Nothing else makes a query."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_]*$")
_ESCAPES = {
    "\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f",
}  # fmt: skip
_TABLE = str.maketrans(_ESCAPES)
LONGEST_URL = 12_000
"""Characters of a query in an address; Salesforce takes 16,384 bytes with all headers."""


def name(text: str) -> str:
    """Return a field's or object's name, after making sure that it is nothing but a name."""
    if not _NAME.match(text):
        raise ValueError(f"{text!r} is not an API name")
    return text


def literal(value: str | datetime | bool | None) -> str:
    """Return a value as SOQL writes it: a text quoted and escaped, a moment in UTC to the second, true, false, null."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S") + (
            f".{moment.microsecond // 1000:03}Z" if moment.microsecond else "Z"
        )
    return f"'{value.translate(_TABLE)}'"


@dataclass(frozen=True, slots=True)
class Where:
    """A condition, only ever made by the functions below."""

    text: str

    def __and__(self, other: Where) -> Where:
        return Where(f"{self.text} AND {other.text}")

    def __or__(self, other: Where) -> Where:
        return Where(f"({self.text} OR {other.text})")


def compare(field: str, operator: str, value: str | datetime | bool | None) -> Where:
    """Return `field operator value`."""
    if operator not in {"=", "!=", "<", ">", "<=", ">="}:
        raise ValueError(f"{operator!r} is not an operator")
    return Where(f"{name(field)} {operator} {literal(value)}")


def flag(field: str, *, is_set: bool) -> Where:
    """Return the condition that a checkbox is ticked, or not."""
    return Where(f"{name(field)} = {literal(is_set)}")


def among(field: str, values: Iterable[str]) -> Where:
    """Return `field IN (…)`; an empty list is refused, since SOQL has none."""
    listed = ",".join(literal(value) for value in values)
    if not listed:
        raise ValueError(f"no values for {field}")
    return Where(f"{name(field)} IN ({listed})")


def behind(stamp: str, at: datetime, record: str) -> Where:
    """Return the condition for what comes behind a record in the order of stamp and id."""
    later, same = compare(stamp, ">", at), compare(stamp, "=", at)
    return Where(f"({later.text} OR ({same.text} AND {compare('Id', '>', record).text}))")


def select(
    fields: Sequence[str],
    table: str,
    where: Where | None = None,
    *,
    order: Sequence[str] = (),
    children: str = "",
    limit: int | None = None,
) -> str:
    """Return a query. `children` is a subquery made by `child`."""
    listed = [*map(_path, fields), *([children] if children else [])]
    parts = [f"SELECT {', '.join(listed)} FROM {name(table)}"]
    if where is not None:
        parts.append(f"WHERE {where.text}")
    if order:
        parts.append(f"ORDER BY {', '.join(map(name, order))}")
    if limit is not None:
        parts.append(f"LIMIT {int(limit)}")
    return " ".join(parts)


def child(fields: Sequence[str], relationship: str) -> str:
    """Return the subquery of a parent's child records."""
    return f"(SELECT {', '.join(map(name, fields))} FROM {name(relationship)})"


def in_parts(values: Sequence[str], rest: str) -> Iterator[Sequence[str]]:
    """Yield the values in parts, so that a query with each part's IN list still fits into an address."""
    room = LONGEST_URL - len(quote(rest))
    part: list[str] = []
    taken = 0
    for value in values:
        size = len(quote(literal(value))) + 3
        if part and taken + size > room:
            yield part
            part, taken = [], 0
        part.append(value)
        taken += size
    if part:
        yield part


def _path(text: str) -> str:
    return ".".join(name(part) for part in text.split("."))

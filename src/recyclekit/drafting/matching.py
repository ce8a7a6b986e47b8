"""Which headings mean which of our columns, and which file lists what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from recyclekit.drafting.exports import Export
from recyclekit.drafting.reading import Tried, try_column
from recyclekit.models.heading_words import USUAL
from recyclekit.models.headings import ranked, signs, table_in_name
from recyclekit.models.tables import SCHEMAS, Table

_NAMED, _INSIDE, _SIGN = 3.0, 0.6, 1.0  # what a file's name, a part of a heading, and a telling heading weigh
_NEEDED: Mapping[Table, tuple[tuple[str, ...], ...]] = {
    Table.DEALS: (("deal_stage", "crm_state"), ("deal_id", "name", "amount", "closed_on", "lost_reason")),
    Table.ACTIVITIES: (("at",), ("deal_id", "contact_id")),
    Table.CONTACTS: (("contact_id",),),
    Table.ACCOUNTS: (("account_id",),),
    Table.SIGNALS: (("at",), ("kind",), ("deal_id", "contact_id")),
    Table.HISTORY: (("deal_id",), ("field",), ("at",)),
}
"""What a file must seem to hold to be taken for a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """One line of the field map: which heading fills our column, how it is read, why that is thought, what is asked."""

    name: str
    heading: str
    inside: bool = False
    tried: Tried = field(default_factory=Tried)
    values: Mapping[str, str] | None = None
    why: str = ""
    asked: str = ""


Columns = dict[str, Drafted]


def columns_of(table: Table, headings: Sequence[str]) -> Columns:
    """Return our columns that the headings alone speak of, each heading once; whole headings come before parts."""
    found: Columns = {}
    used: set[str] = set()
    offers = {name: ranked(table, name, headings) for name in USUAL[table] if name in SCHEMAS[table].column_names()}
    for inside in (False, True):
        for name, offered in offers.items():
            if name in found:
                continue
            heading = next((one for one, part in offered.items() if part == inside and one not in used), None)
            if heading is not None:
                found[name] = Drafted(name=name, heading=heading, inside=inside)
                used.add(heading)
    return in_order(table, found)


def in_order(table: Table, columns: Columns) -> Columns:
    """Return the columns in the order in which our table declares them."""
    return {name: columns[name] for name in SCHEMAS[table].column_names() if name in columns}


def tables_of(exports: Sequence[Export], named: Mapping[str, Table]) -> dict[Table, list[Export]]:
    """Return the files that each table might be read from, the likeliest first; `named` says what a person said."""
    found: dict[Table, list[tuple[float, str, Export]]] = {}
    for export in exports:
        table, weight = (named[export.path], 1e9) if export.path in named else _table_of(export)
        if table is not None:
            found.setdefault(table, []).append((weight, export.name, export))
    # Of two that are as likely, the last by name: exports are often named by their dates.
    return {t: [e for *_, e in sorted(found[t], key=lambda one: one[:2], reverse=True)] for t in Table if t in found}


def read_columns(table: Table, export: Export, zone: ZoneInfo) -> tuple[Columns, list[str]]:
    """Return the columns whose values can be what their headings say, and what is to be told of the others."""
    headings, told = list(export.headings), list[str]()
    while True:
        columns = {name: _tried(table, one, export, zone) for name, one in columns_of(table, headings).items()}
        wrong = [one for one in columns.values() if one.tried.refused]
        if not wrong:
            return columns, told
        for one in wrong:
            headings.remove(one.heading)
            told.append(f'"{one.heading}" is not {one.name}: {one.tried.refused}')


def _tried(table: Table, one: Drafted, export: Export, zone: ZoneInfo) -> Drafted:
    return replace(one, tried=try_column(table, one.name, one.heading, export.rows[one.heading], zone))


def _table_of(export: Export) -> tuple[Table | None, float]:
    """Return the table that a file's headings and name speak of most, and how much; None where of none."""
    stem = Path(export.name).stem
    weights = {table: _weight(table, export, stem) for table in Table}
    best = max(weights, key=lambda table: weights[table])
    return (best, weights[best]) if weights[best] > 1 else (None, 0.0)


def _weight(table: Table, export: Export, stem: str) -> float:
    columns = columns_of(table, export.headings)
    telling = signs(table, export.headings)
    if any(not columns.keys() & group for group in map(set, _NEEDED[table])):
        return 0.0
    if table in (Table.CONTACTS, Table.ACCOUNTS) and len(columns) + telling < 2:
        return 0.0  # a list of ids alone may be of anything: of members, of merges
    weight = sum(_INSIDE if one.inside else 1.0 for one in columns.values())
    return weight + _SIGN * telling + (_NAMED if table_in_name(stem) is table else 0.0)

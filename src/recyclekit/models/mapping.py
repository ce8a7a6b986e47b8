"""What is wrong with a field map, before a single record is read: unknown names, missing columns, what is required."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from recyclekit.errors import InputError
from recyclekit.models.field_map import FieldSpec, Mapped
from recyclekit.models.headings import likely
from recyclekit.models.parsing import numbers
from recyclekit.models.parsing.column import Column
from recyclekit.models.parsing.date_formats import check_format
from recyclekit.models.snapshot import Finding
from recyclekit.models.tables import OWN_FIELDS, SCHEMAS, Table

_NEEDED: Mapping[Table, tuple[tuple[str, ...], ...]] = {
    Table.DEALS: (("deal_id",), ("deal_stage", "crm_state")),
    Table.ACTIVITIES: (("at",), ("deal_id", "contact_id")),
    Table.CONTACTS: (("contact_id",),),
    Table.ACCOUNTS: (("account_id",),),
    Table.SIGNALS: (("at",), ("kind",), ("deal_id", "contact_id")),
    Table.HISTORY: (("deal_id",), ("field",), ("at",)),
}
"""Of each group of columns at least one must be mapped."""
_LISTED = 30


def check_mapping(mapped: Mapped, columns_by_table: Mapping[Table, Collection[str]]) -> list[Finding]:
    """Return what stands in the way of reading by this map.

    Args:
        mapped: the field map, over the connector's defaults.
        columns_by_table: the system's columns of each table that the source has.

    Returns:
        Findings of level error (reading would fail or miss what was asked for) and warning.
    """
    found = [finding for table, specs in mapped.fields.items() for finding in _table(table, specs, columns_by_table)]
    deals = mapped.fields.get(Table.DEALS, {})
    if not deals:
        found += _missing(Table.DEALS, deals)
    if "crm_state" not in deals and "deal_stage" in deals and not (mapped.stages.won or mapped.stages.lost):
        found.append(
            Finding(
                level="warning",
                where="stages",
                what="No deal stage is known to mean won or lost, so every deal counts as open.",
                fix="Name them: stages: {won: [...], lost: [...]}",
            )
        )
    return found


def _table(
    table: Table, specs: Mapping[str, FieldSpec], columns_by_table: Mapping[Table, Collection[str]]
) -> Iterator[Finding]:
    if not specs:
        return
    offered = columns_by_table.get(table)
    if offered is None:
        there = ", ".join(columns_by_table) or "none"
        yield _error(str(table), f"The source has no {table}.", f"It has: {there}.")
        return
    known = SCHEMAS[table].column_names()
    yield from _absent(table, specs, offered)
    for name, spec in specs.items():
        where = f"{table}.{name}"
        if name not in known:
            yield _error(where, f"There is no column '{name}' in {table}.", _nearest(name, known))
            continue
        if spec.const is None and spec.column is None:
            yield _error(where, "Neither a column nor a constant is given.", "Write the name of the system's column.")
        yield from _spec(table, name, spec)
    yield from _missing(table, specs)


def _absent(table: Table, specs: Mapping[str, FieldSpec], offered: Collection[str]) -> Iterator[Finding]:
    """Name the columns that are not there: one by one where a heading comes near, the others together."""
    wanted = {n: s.column for n, s in specs.items() if s.column and s.const is None and n in SCHEMAS[table].columns()}
    there = [heading for heading in offered if heading not in OWN_FIELDS]
    free = [heading for heading in there if heading not in wanted.values()]
    lost, guesses = [], set[str]()
    for name, column in wanted.items():
        if column in offered:
            continue
        near = likely(table, name, column, there) or []
        if near:
            guesses.update(near)
            yield _error(f"{table}.{name}", f"The source's {table} have no column '{column}'.", _meant(near))
        else:
            lost.append(f"'{column}' ({name})")
    if lost:
        left = [heading for heading in free if heading not in guesses]
        more = f" Headings that are not used yet: {_listed(left)}." if left else ""
        what = f"The source's {table} have no column {', '.join(lost)}."
        yield _error(str(table), what, f"Write the headings as they stand there, or leave these lines out.{more}")


def _meant(near: Collection[str]) -> str:
    return f"Did you mean {' or '.join(repr(one) for one in near)}?"


def _listed(names: Collection[str]) -> str:
    shown = sorted(names)[:_LISTED]
    return ", ".join(shown) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


def _spec(table: Table, name: str, spec: FieldSpec) -> Iterator[Finding]:
    where, dtype = f"{table}.{name}", SCHEMAS[table].columns()[name].dtype
    column = Column(table=table, name=name, source=spec.column or name, dtype=dtype, spec=spec, business="UTC")
    try:
        if dtype.is_temporal():
            for one in column.formats:
                check_format(one)
        elif dtype.is_numeric():
            numbers.check_format(column)
        elif column.formats:
            yield Finding(level="warning", where=where, what="A format means nothing here.", fix="Leave it out.")
    except InputError as fault:
        yield _error(where, f"{fault.what} {fault.why}".strip(), fault.fix)
    if spec.timezone is not None:
        try:
            ZoneInfo(spec.timezone)
        except (ValueError, OSError, KeyError):
            yield _error(where, f"There is no time zone '{spec.timezone}'.", "Write an IANA name such as Asia/Tokyo.")


def _missing(table: Table, specs: Mapping[str, FieldSpec]) -> Iterator[Finding]:
    for group in _NEEDED[table]:
        if not set(group) & set(specs):
            yield _error(
                str(table), f"{' or '.join(f'{table}.{name}' for name in group)} is not mapped.", "It is required."
            )


def _nearest(name: str, known: Collection[str]) -> str:
    folded = {one.casefold(): one for one in known}
    close = [folded[one] for one in get_close_matches(name.casefold(), list(folded), n=2, cutoff=0.7)]
    return _meant(close) if close else f"There is: {_listed(known)}."


def _error(where: str, what: str, fix: str) -> Finding:
    return Finding(level="error", where=where, what=what, fix=fix)

"""Which readers a table needs: its mapped and wanted columns, each with what its type asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from recyclekit.models.field_map import FieldSpec, Mapped
from recyclekit.models.parsing import choices, numbers
from recyclekit.models.parsing.column import Column
from recyclekit.models.parsing.date_formats import check_format
from recyclekit.models.parsing.readers import Reader
from recyclekit.models.tables import SCHEMAS, Table

STATE = "crm_state"


def required(table: Table) -> tuple[str, ...]:
    """Return the columns without which a record of the table means nothing, the key first."""
    return tuple(name for name, column in SCHEMAS[table].columns().items() if not column.nullable)


def key_of(table: Table) -> str | None:
    """Return the column that tells the table's records apart, None where any may repeat."""
    keys = SCHEMAS[table].primary_key()
    return keys[0] if keys else None


def readers_for(
    table: Table, mapped: Mapped, wanted: Collection[str] | None, offered: Collection[str], business: str
) -> list[Reader]:
    """Return the readers of a table's columns that are mapped, wanted (None: all) and offered, in declared order.

    A table's required columns are always wanted. `crm_state` is read from its own column where that is mapped, else
    from the deal's stage.

    Raises:
        InputError: a declared format cannot be used.
    """
    specs = _specs(table, mapped)
    found = []
    for name, declared in SCHEMAS[table].columns().items():
        spec = specs.get(name)
        if spec is None or (wanted is not None and name not in wanted and name not in required(table)):
            continue
        if spec.const is None and spec.column not in offered:
            continue
        column = Column(
            table=table, name=name, source=spec.column or name, dtype=declared.dtype, spec=spec, business=business
        )
        found.append(_reader(column, mapped))
    return found


def _specs(table: Table, mapped: Mapped) -> Mapping[str, FieldSpec]:
    specs = dict(mapped.fields.get(table, {}))
    if table is Table.DEALS and STATE not in specs and "deal_stage" in specs:
        specs[STATE] = specs["deal_stage"]
    return specs


def _reader(column: Column, mapped: Mapped) -> Reader:
    if column.dtype == pl.Boolean:
        return Reader(column=column, choose=choices.flag_of, code="bad_flag", what=" is neither yes nor no")
    if column.name == STATE:
        own = STATE in mapped.fields.get(column.table, {})
        what = " is neither won, lost nor open" if own else " is a deal stage that the stage map does not name"
        choose = choices.state_of if own else choices.by_stage(mapped.stages)
        return Reader(column=column, choose=choose, code="unknown_stage", what=what)
    if isinstance(column.dtype, pl.Enum):
        return Reader(column=column, choose=choices.kind_of)
    if column.dtype.is_temporal():
        for name in column.formats:
            check_format(name)
    elif column.dtype.is_numeric():
        numbers.check_format(column)
    return Reader(column=column)

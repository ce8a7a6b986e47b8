"""What a batch of actions does to our own tables, worked out in memory: rows by key, receipts, three-way checks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import polars as pl

from recyclekit.connectors.csv.own_tables import COLUMNS, ENROLMENTS, FIELDS, TASKS, OwnTables
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.tables import OWN_FIELDS

Row: TypeAlias = dict[str, str | None]
_ID = {FIELDS: "deal_id", TASKS: "key", ENROLMENTS: "key"}
_TABLE = {
    ActionKind.SET_FIELDS: FIELDS,
    ActionKind.RESTORE_FIELDS: FIELDS,
    ActionKind.CREATE_TASK: TASKS,
    ActionKind.REMOVE_TASK: TASKS,
    ActionKind.ENROL: ENROLMENTS,
    ActionKind.UNENROL: ENROLMENTS,
}
_FIRST_STATUS = {TASKS: "open", ENROLMENTS: "enrolled"}


class Edits:
    """The rows that one batch touches, as they are and as they will be; the tables' other rows stay in Polars."""

    def __init__(self, own: OwnTables) -> None:
        self._own = own
        self._rows: dict[str, dict[str, Row]] = {}  # by table and id, what the tables hold or will hold
        self._touched: dict[str, dict[str, Row | None]] = {}  # None: the row goes
        self._there: dict[str, frozenset[str]] = {}  # ids of rows that the tables held before

    def apply(self, actions: Sequence[Action]) -> list[Receipt]:
        """Carry out the actions in order; return a receipt each."""
        self._load(actions)
        carry_out: dict[ActionKind, Callable[[Action], Receipt]] = {
            ActionKind.SET_FIELDS: self._set_fields,
            ActionKind.RESTORE_FIELDS: self._restore_fields,
            ActionKind.CREATE_TASK: self._add,
            ActionKind.ENROL: self._add,
            ActionKind.REMOVE_TASK: self._remove,
            ActionKind.UNENROL: self._remove,
        }
        return [carry_out[action.kind](action) for action in actions]

    def find(self, actions: Sequence[Action]) -> list[Receipt]:
        """Tell for each action whether its effect is in the tables."""
        self._load(actions)
        return [
            self._done(action) if self._is_done(action) else Receipt(key=action.key, state=ReceiptState.PLANNED)
            for action in actions
        ]

    def changed(self) -> Mapping[str, pl.DataFrame]:
        """Return the tables that changed, whole: rows kept in their order, new ones at the end."""
        return {name: self._merged(name, touched) for name, touched in self._touched.items() if touched}

    # -- rows

    def _load(self, actions: Sequence[Action]) -> None:
        """Take the rows that these actions concern out of the tables."""
        wanted: dict[str, set[str]] = {}
        for action in actions:
            wanted.setdefault(_TABLE[action.kind], set()).add(_row_id(action))
        for name, ids in wanted.items():
            asked = pl.Series(list(ids), dtype=pl.String)
            found = self._own.table(name).filter(pl.col(_ID[name]).is_in(asked.implode()))
            self._rows[name] = {row[_ID[name]]: row for row in found.iter_rows(named=True)}
            self._there[name] = frozenset(self._rows[name])
            self._touched[name] = {}

    def _put(self, name: str, row_id: str, row: Row | None) -> None:
        self._touched[name][row_id] = row
        if row is None:
            self._rows[name].pop(row_id, None)
        else:
            self._rows[name][row_id] = row

    def _merged(self, name: str, touched: Mapping[str, Row | None]) -> pl.DataFrame:
        table = self._own.table(name)
        schema = dict.fromkeys(table.columns, pl.String)
        new = pl.DataFrame([row for row in touched.values() if row is not None], schema=schema, orient="row")
        if not self._there[name].intersection(touched):
            return pl.concat([table, new], how="vertical")
        gone = pl.Series([row_id for row_id, row in touched.items() if row is None], dtype=pl.String)
        kept = table.filter(~pl.col(_ID[name]).is_in(gone.implode())) if len(gone) else table
        # Rows written by hand may share an id; the batch's row takes the place of the first.
        order = kept.with_row_index("\0at").join(new.select(_ID[name]), on=_ID[name], how="anti")
        placed = new.join(
            kept.with_row_index("\0at").unique(_ID[name], keep="first").select(_ID[name], "\0at"),
            on=_ID[name],
            how="left",
        )
        both = pl.concat([order, placed.select(order.columns)], how="vertical")
        return both.sort("\0at", nulls_last=True, maintain_order=True).drop("\0at")

    # -- fields

    def _set_fields(self, action: Action) -> Receipt:
        if self._is_done(action):
            return self._done(action)
        unknown = [field for field in action.payload if field not in OWN_FIELDS]
        if unknown:
            return Receipt(
                key=action.key,
                state=ReceiptState.FAILED,
                code="unknown_field",
                field=unknown[0],
                reason=f"'{unknown[0]}' is not a field of ours.",
            )
        self._write_fields(action, {field: _text(value) for field, value in action.payload.items()})
        return self._done(action)

    def _restore_fields(self, action: Action) -> Receipt:
        """Put values back only if every field still holds ours (or already holds the value to put back)."""
        if self._is_done(action):
            return self._done(action)
        row = self._rows[FIELDS].get(action.deal_id, {})
        expect = action.payload.get("expect")
        expected = {field: _text(value) for field, value in expect.items()} if isinstance(expect, Mapping) else {}
        back = {field: _text(value) for field, value in action.payload.items() if field in OWN_FIELDS}
        for field, value in back.items():
            if field in expected and row.get(field) not in (expected[field], value):
                return _skipped(action, field, f"A person changed {field} since; it stays as it is.")
        self._write_fields(action, back)
        return self._done(action)

    def _write_fields(self, action: Action, values: Row) -> None:
        empty: Row = dict.fromkeys(COLUMNS[FIELDS])
        row = self._rows[FIELDS].get(action.deal_id, empty)
        keys = json.dumps([*_keys(row), action.key], ensure_ascii=False)
        self._put(FIELDS, action.deal_id, {**row, "deal_id": action.deal_id, **values, "keys": keys})

    # -- tasks and enrolments

    def _add(self, action: Action) -> Receipt:
        name = _TABLE[action.kind]
        if not self._is_done(action):
            named = {column: _text(action.payload[column]) for column in COLUMNS[name] if column in action.payload}
            further = {field: value for field, value in action.payload.items() if field not in COLUMNS[name]}
            row: Row = dict.fromkeys(COLUMNS[name])
            row |= {**named, "key": action.key, "deal_id": action.deal_id, "status": _FIRST_STATUS[name]}
            row["further"] = json.dumps(further, ensure_ascii=False, sort_keys=True) if further else None
            self._put(name, action.key, {**row, "seal": _seal(name, row)})
        return self._done(action)

    def _remove(self, action: Action) -> Receipt:
        name, row_id = _TABLE[action.kind], _row_id(action)
        row = self._rows[name].get(row_id)
        if row is None:
            return self._done(action)
        if row["status"] != _FIRST_STATUS[name]:
            return _skipped(action, "status", f"It is not {_FIRST_STATUS[name]} any more but '{row['status'] or ''}'.")
        if row["seal"] != _seal(name, row):
            return _skipped(action, "", "A person changed it since; it stays as it is.")
        self._put(name, row_id, None)
        return self._done(action)

    # -- receipts

    def _is_done(self, action: Action) -> bool:
        name = _TABLE[action.kind]
        row = self._rows[name].get(_row_id(action))
        if name == FIELDS:
            return row is not None and action.key in _keys(row)
        return (row is not None) == (action.kind in (ActionKind.CREATE_TASK, ActionKind.ENROL))

    def _done(self, action: Action) -> Receipt:
        name = _TABLE[action.kind]
        proof = f"{name}.csv: {_ID[name]} {_row_id(action)}"
        return Receipt(key=action.key, state=ReceiptState.DONE, remote_id=_row_id(action), proof=proof)


def _row_id(action: Action) -> str:
    """Return what finds the row: the deal for fields; for the rest the key that the row was created under."""
    if _TABLE[action.kind] == FIELDS:
        return action.deal_id
    if action.kind in (ActionKind.CREATE_TASK, ActionKind.ENROL):
        return action.key
    return action.remote_id or str(action.payload.get("key") or action.key)


def _keys(row: Row) -> list[str]:
    """Return the keys of the writes that touched a deal; none where a person emptied or broke the cell."""
    try:
        keys = json.loads(row["keys"] or "[]")
    except ValueError:
        return []
    return [str(key) for key in keys] if isinstance(keys, list) else []


def _seal(name: str, row: Row) -> str:
    """Hash the cells that we wrote, so that a person's edit of any of them is noticed."""
    cells = [row.get(column) or "" for column in COLUMNS[name] if column != "seal"]
    return hashlib.sha256("\0".join(cells).encode()).hexdigest()[:16]


def _text(value: object) -> str | None:
    """Return a payload's value as a cell; an empty text is no value, and a file of text holds no NUL."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.replace("\0", "") or None
    return json.dumps(value, ensure_ascii=False, default=str).strip('"')


def _skipped(action: Action, field: str, reason: str) -> Receipt:
    return Receipt(
        key=action.key,
        state=ReceiptState.SKIPPED,
        remote_id=action.remote_id,
        code="changed",
        field=field,
        reason=reason,
    )

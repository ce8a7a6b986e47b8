"""One person, two ids: ours in the project file, the system's in its records. Translated at the doors, both ways. Pure.

With it the same roster and the same decisions hold on every system that a person works in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from recyclekit.models.field_map import Mapped
from recyclekit.models.plan import Action
from recyclekit.models.tables import Table

OwnerIds = Mapping[str, str]
"""Our id → the system's. One to one; an id that is not in it is the same on both sides."""

READ = ("owner", "approach_person", "recycle_owner")
"""The deal's columns that hold a person's id."""

_WRITTEN = ("owner", "recycle_owner")


def reading(mapped: Mapped, ids: OwnerIds) -> Mapped:
    """Return the field map that also turns the system's ids into ours, wherever a deal names a person."""
    ours = {theirs: own for own, theirs in ids.items()}
    deals = {
        name: spec.model_copy(update={"values": {**ours, **(spec.values or {})}}) if name in READ else spec
        for name, spec in mapped.fields.get(Table.DEALS, {}).items()
    }
    return mapped.model_copy(update={"fields": {**mapped.fields, Table.DEALS: deals}}) if ours else mapped


def writing(action: Action, ids: OwnerIds) -> Action:
    """Return the action as the system is to receive it: with its own ids of persons."""
    if not ids:
        return action
    before = None if action.before is None else _translated(action.before, ids)
    return replace(action, payload=_translated(action.payload, ids), before=before)


def _translated(values: Mapping[str, object], ids: OwnerIds) -> dict[str, object]:
    return {name: _theirs(name, value, ids) for name, value in values.items()}


def _theirs(name: str, value: object, ids: OwnerIds) -> object:
    if isinstance(value, Mapping):  # restore_fields: what must still stand there
        return _translated(value, ids)
    return ids.get(value, value) if name in _WRITTEN and isinstance(value, str) else value

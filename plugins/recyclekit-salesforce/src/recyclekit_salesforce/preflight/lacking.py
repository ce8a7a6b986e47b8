"""The fields that our writes need and an org lacks: listed, and created once somebody agreed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recyclekit.errors import RefusedError
from recyclekit.models.plan import ActionKind
from recyclekit.models.snapshot import Finding
from recyclekit_salesforce.answers import DUPLICATE, garbled
from recyclekit_salesforce.columns import soql
from recyclekit_salesforce.columns.catalogue import Catalogue, query
from recyclekit_salesforce.field_map import KEY_METADATA, OWN, own_names
from recyclekit_salesforce.settings import SalesforceSettings
from recyclekit_salesforce.transport import Transport

PERMISSION_SET = "Recyclekit"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A field that we write, as an administrator would create it; tasks' own fields belong to Activity."""

    table: str
    name: str
    metadata: Mapping[str, Any]
    kind: str
    types: frozenset[str]

    @property
    def home(self) -> str:
        """The object under which the field is created."""
        return "Activity" if self.table == "Task" else self.table


def wanted_fields(settings: SalesforceSettings, kinds: Collection[ActionKind]) -> list[Wanted]:
    """Return the fields of ours that these kinds of action cannot do without."""
    found: list[Wanted] = []
    if ActionKind.SET_FIELDS in kinds:
        names = own_names(settings.own_fields)
        found += [Wanted("Opportunity", names[ours], own.metadata, own.kind, own.types) for ours, own in OWN.items()]
    if ActionKind.CREATE_TASK in kinds:
        kind = "Text(255), External ID, unique"
        found.append(Wanted("Task", settings.key_field, KEY_METADATA, kind, frozenset({"string"})))
    return found


def missing(catalogue: Catalogue, settings: SalesforceSettings, kinds: Collection[ActionKind]) -> list[Finding]:
    """Return the fields that are not there (or hidden from our user) and that `set_up` would create."""
    return [told(one) for one in _lacking(catalogue, settings, kinds)]


def told(one: Wanted) -> Finding:
    """Return the finding that a field is not there."""
    what = f"The field {one.name} ({one.kind}) on {one.table} is not there, or hidden from the integration's user."
    fix = "recyclekit check --fix creates it and gives access; or an administrator does."
    return Finding(level="error", where=one.table, what=what, fix=fix)


def _lacking(catalogue: Catalogue, settings: SalesforceSettings, kinds: Collection[ActionKind]) -> list[Wanted]:
    return [one for one in wanted_fields(settings, kinds) if not catalogue.get(one.table).has(one.name)]


def set_up(
    transport: Transport, catalogue: Catalogue, settings: SalesforceSettings, kinds: Collection[ActionKind]
) -> list[Finding]:
    """Create the missing fields, then give access to all of ours through a permission set of our own.

    A field made through the API is visible to nobody at first, not even to whoever made it.
    """
    lacking = _lacking(catalogue, settings, kinds)
    made = [
        _note(one.table, f"The field {one.name} ({one.kind}) was created.")
        for one in lacking
        if _create_field(transport, one)
    ]
    if lacking:
        made += _give_access(transport, wanted_fields(settings, kinds))
    catalogue.forget()
    return made


def _create_field(transport: Transport, one: Wanted) -> bool:
    body = {"FullName": f"{one.home}.{one.name}", "Metadata": dict(one.metadata)}
    try:
        answer = transport.write_json("POST", "tooling/sobjects/CustomField", body)
    except RefusedError as error:
        if error.code in {"DUPLICATE_DEVELOPER_NAME", DUPLICATE}:
            return False  # there, but hidden: access is what it lacks
        raise
    _created(answer, "CustomField")
    return True


def _give_access(transport: Transport, fields: Sequence[Wanted]) -> Iterator[Finding]:
    where = soql.compare("Name", "=", PERMISSION_SET)
    found = query(transport, soql.select(["Id"], "PermissionSet", where))
    body = {"Name": PERMISSION_SET, "Label": "recyclekit"}
    set_id = str(found[0]["Id"]) if found else _inserted(transport, "PermissionSet", body)
    for one in fields:
        field = f"{one.table}.{one.name}"
        access: dict[str, object] = {"ParentId": set_id, "SobjectType": one.table, "Field": field}
        _inserted(transport, "FieldPermissions", access | {"PermissionsRead": True, "PermissionsEdit": True})
    yield _note("PermissionSet", f"The permission set {PERMISSION_SET} gives access to {len(fields)} fields.")
    user = transport.user
    if user is None:
        what = (
            f"Assign the permission set {PERMISSION_SET} to the integration's user: signing in did not tell who it is."
        )
        yield Finding(level="warning", where="PermissionSet", what=what)
        return
    _inserted(transport, "PermissionSetAssignment", {"PermissionSetId": set_id, "AssigneeId": user})
    yield _note("PermissionSet", "It was assigned to the integration's user.")


def _inserted(transport: Transport, table: str, body: Mapping[str, object]) -> str:
    """Insert a record and return its id; one that is there already is left alone."""
    try:
        return _created(transport.write_json("POST", f"sobjects/{table}", dict(body)), table)
    except RefusedError as error:
        if error.code in {DUPLICATE, "DUPLICATE_DEVELOPER_NAME"}:
            return ""
        raise


def _created(answer: object, table: str) -> str:
    if not isinstance(answer, Mapping) or answer.get("success") is not True or not answer.get("id"):
        raise garbled(f"POST {table}", writes=True)
    return str(answer["id"])


def _note(where: str, what: str) -> Finding:
    return Finding(level="note", where=where, what=what)

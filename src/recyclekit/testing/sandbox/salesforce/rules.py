"""What the org checks before it writes a record: fields, rights, required and unique values, picklists, references."""

from __future__ import annotations

import re
from typing import Any

from recyclekit.testing.sandbox.salesforce.fields import Field
from recyclekit.testing.sandbox.salesforce.objects import ObjectType
from recyclekit.testing.sandbox.salesforce.org import Org
from recyclekit.testing.sandbox.salesforce.refusals import RowRefusedError
from recyclekit.testing.sandbox.salesforce.store import Record
from recyclekit.testing.sandbox.salesforce.values import stored

_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def read(org: Org, type_: ObjectType, values: dict[str, Any], *, creating: bool) -> dict[str, Any]:
    """Return a record's values, by the fields' own names, as they are stored.

    Raises:
        RequestRefusedError: JSON of a wrong type.
        RowRefusedError: a field that is not there, not to be seen or not to be written.
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name in {"attributes", "Id", "id"}:
            continue
        known = type_.find(name)
        if known is None:
            raise RowRefusedError("INVALID_FIELD", f"No such column '{name}' on sobject of type {type_.name}", [name])
        forbidden = (type_.name, known.name) in org.locked | org.hidden
        if forbidden or not (known.create if creating else known.update):
            raise RowRefusedError(
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                f"Unable to create/update fields: {known.name}. Please check the security settings of this field and "
                "verify that it is read/write for your profile or permission set.",
                [known.name],
            )
        found[known.name] = stored(known, value)
    return found


def check(org: Org, type_: ObjectType, values: dict[str, Any], record: Record | None) -> None:
    """Refuse values that the org does not take; `record` is the one to be changed, or None for a new one.

    Raises:
        RowRefusedError: for the first thing that is wrong.
    """
    _required(type_, values, record)
    for name, value in values.items():
        field = type_.find(name)
        if field is not None and value is not None:
            _one(org, type_, field, value, record)
    for validation in org.validations:
        refusal = validation(type_.name, values)
        if refusal:
            raise RowRefusedError("FIELD_CUSTOM_VALIDATION_EXCEPTION", refusal[1], [refusal[0]])


def _required(type_: ObjectType, values: dict[str, Any], record: Record | None) -> None:
    missing = [
        field.name
        for field in type_
        if field.required and (values[field.name] is None if field.name in values else record is None)
    ]
    if missing:
        names = ", ".join(missing)
        raise RowRefusedError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{names}]", missing)


def _one(org: Org, type_: ObjectType, field: Field, value: Any, record: Record | None) -> None:
    if field.type in {"string", "textarea", "email", "phone", "url"} and len(value) > field.length:
        raise RowRefusedError(
            "STRING_TOO_LONG",
            f"{field.title}: data value too large: {value[:80]} (max length={field.length})",
            [field.name],
        )
    if field.type == "email" and not _MAIL.fullmatch(value):
        raise RowRefusedError("INVALID_EMAIL_ADDRESS", f"{field.title}: invalid email address: {value}", [field.name])
    if field.restricted and value not in field.values:
        raise RowRefusedError(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"{field.title}: bad value for restricted picklist field: {value}",
            [field.name],
        )
    if field.type == "reference":
        _reference(org, type_, field, value)
    if field.unique:
        _unique(org, type_, field, value, record)


def _reference(org: Org, type_: ObjectType, field: Field, value: str) -> None:
    known = [name for name in field.refers_to if name in org.store.types]
    found = next((each for name in known if (each := org.store.find(name, value))), None)
    if found is None:
        if not any(value.startswith(org.store.types[name].prefix) for name in known):
            raise RowRefusedError("MALFORMED_ID", f"{field.title}: id value of incorrect type: {value}", [field.name])
        raise RowRefusedError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    if found.deleted:
        raise RowRefusedError("ENTITY_IS_DELETED", "entity is deleted")
    if field.name == "OwnerId" and found.type == "User" and not found.get("IsActive"):
        raise RowRefusedError(
            "INACTIVE_OWNER_OR_USER",
            f"operation performed with inactive user [{value}] as owner of {type_.name.lower()}",
        )


def _unique(org: Org, type_: ObjectType, field: Field, value: object, record: Record | None) -> None:
    holder = org.store.holder(type_.name, field.name, value)
    if holder is not None and holder is not record:
        raise RowRefusedError(
            "DUPLICATE_VALUE",
            f"duplicate value found: {field.name} duplicates value on record with id: {holder.id}",
        )

"""Creating, changing, upserting and deleting one record, with every check and consequence that the org has."""

from __future__ import annotations

from typing import Any

from recyclekit.testing.sandbox.salesforce import effects, ids, rules
from recyclekit.testing.sandbox.salesforce.fields import Field
from recyclekit.testing.sandbox.salesforce.objects import ObjectType
from recyclekit.testing.sandbox.salesforce.org import Org
from recyclekit.testing.sandbox.salesforce.refusals import RowRefusedError, not_found
from recyclekit.testing.sandbox.salesforce.store import Record


def create(org: Org, type_: ObjectType, values: dict[str, Any], *, by: str | None = None) -> Record:
    """Add a record.

    Args:
        org: where.
        type_: of which object.
        values: field → value as in JSON.
        by: the user who writes; the integration's own where left out.

    Raises:
        RequestRefusedError: JSON of a wrong type.
        RowRefusedError: the org does not take it.
    """
    new = _with_defaults(org, type_, rules.read(org, type_, values, creating=True), by)
    rules.check(org, type_, new, None)
    new |= effects.derived(org, type_.name, new, None)
    record = org.put(type_.name, **{**new, "CreatedById": by or org.robot, "LastModifiedById": by or org.robot})
    effects.follow(org, record, None)
    return record


def change(org: Org, record: Record, values: dict[str, Any], *, by: str | None = None) -> None:
    """Change a record's fields; null empties one, what is left out stays.

    Raises:
        RequestRefusedError: JSON of a wrong type.
        RowRefusedError: the org does not take it.
    """
    type_ = org.store.types[record.type]
    if record.deleted:
        raise RowRefusedError("ENTITY_IS_DELETED", "entity is deleted")
    new = rules.read(org, type_, values, creating=False)
    rules.check(org, type_, new, record)
    new |= effects.derived(org, type_.name, new, record)
    before = {name: record.get(name) for name in new}
    now = org.now()
    stamps = {"LastModifiedDate": now, "SystemModstamp": now, "LastModifiedById": by or org.robot}
    org.store.change(record, {**new, **stamps})
    effects.follow(org, record, before)


def delete(org: Org, record: Record) -> None:
    """Put a record into the recycle bin, its children with it where they cannot live without it.

    Raises:
        RowRefusedError: it lies there already.
    """
    if record.deleted:
        raise RowRefusedError("ENTITY_IS_DELETED", "entity is deleted")
    now = org.now()
    org.store.change(record, {"IsDeleted": True, "SystemModstamp": now, "LastModifiedDate": now})
    for child_type, field in (("OpportunityContactRole", "OpportunityId"), ("CampaignMember", "CampaignId")):
        if field.removesuffix("Id") == record.type:
            for child in org.store.children(child_type, field, record.id):
                if not child.deleted:
                    org.store.change(child, {"IsDeleted": True, "SystemModstamp": now})
    effects.follow(org, record, {})


def upsert(org: Org, type_: ObjectType, key: Field, values: dict[str, Any]) -> tuple[Record, bool]:
    """Create the record of this external id, or change it where it is there; returns it and whether it is new.

    Raises:
        RequestRefusedError: JSON of a wrong type.
        RowRefusedError: no value of the external id is given, or the org does not take the record.
    """
    given = {name.lower(): value for name, value in values.items()}
    wanted = given.get(key.name.lower())
    if wanted in (None, ""):
        raise RowRefusedError("MISSING_ARGUMENT", f"{key.name} not specified")
    if key.type == "id":
        record = located(org, type_, str(wanted))
        change(org, record, values)
        return record, False
    found = matching(org, type_, key, wanted)
    if len(found) > 1:
        raise RowRefusedError("DUPLICATE_EXTERNAL_ID", f"{key.name}: more than one record found for external id field")
    if not found:
        return create(org, type_, values), True
    change(org, found[0], {name: value for name, value in values.items() if name.lower() != key.name.lower()})
    return found[0], False


def matching(org: Org, type_: ObjectType, key: Field, value: object) -> list[Record]:
    """Return the living records of an external id; more than one where the field is not unique."""
    if key.type == "id":
        found = org.store.find(type_.name, ids.full(str(value)) or "")
        return [found] if found and not found.deleted else []
    if key.unique:
        holder = org.store.holder(type_.name, key.name, value)
        return [holder] if holder else []
    wanted = str(value).lower()
    return [record for record in org.store.living(type_.name) if str(record.get(key.name) or "").lower() == wanted]


def located(org: Org, type_: ObjectType, record_id: str, *, missing: str = "INVALID_CROSS_REFERENCE_KEY") -> Record:
    """Return the record of an id of 15 or 18 characters; `missing` is what the vendor calls an id of nothing here.

    Raises:
        RowRefusedError: there is none of this object, or it is deleted.
    """
    whole = ids.full(record_id)
    record = org.store.find(type_.name, whole) if whole else None
    if whole is None and missing == "NOT_FOUND":
        raise RowRefusedError(missing, f"Provided external ID field does not exist or is not accessible: {record_id}")
    if whole is None or not (whole.startswith(type_.prefix) or missing == "NOT_FOUND"):
        raise RowRefusedError("MALFORMED_ID", f"{type_.name} ID: id value of incorrect type: {record_id}", ["Id"])
    if record is None:
        text = "The requested resource does not exist" if missing == "NOT_FOUND" else "invalid cross reference id"
        raise RowRefusedError(missing, text)
    if record.deleted:
        raise RowRefusedError("ENTITY_IS_DELETED", "entity is deleted")
    return record


def external_key(org: Org, type_: ObjectType, name: str) -> Field:
    """Return the field by which a record may be upserted.

    Raises:
        RequestRefusedError: it is not there, not to be seen, or no external id.
    """
    known = org.visible(type_, name)
    if known is None or not (known.external_id or known.type == "id"):
        raise not_found(f"Provided external ID field does not exist or is not accessible: {name}")
    return known


def _with_defaults(org: Org, type_: ObjectType, values: dict[str, Any], by: str | None) -> dict[str, Any]:
    defaults = {each.name: each.default for each in type_ if each.default is not None and each.create}
    if type_.find("OwnerId") is not None:
        defaults["OwnerId"] = by or org.robot
    return {**defaults, **values}

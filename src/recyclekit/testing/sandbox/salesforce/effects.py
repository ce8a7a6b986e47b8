"""What the system writes by itself when a record is written: stage flags, names, roles, roll-ups of activities."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from recyclekit.testing.sandbox.salesforce.org import Org
from recyclekit.testing.sandbox.salesforce.refusals import RowRefusedError
from recyclekit.testing.sandbox.salesforce.store import Record

_IN_HISTORY = ("StageName", "Amount", "Probability", "CloseDate")
_ARCHIVED_AFTER = timedelta(days=365)
ROLLED_UP = ("Opportunity", "Account", "Contact", "Lead")

# -- in the same write ------------------------------------------------------------------------------------------------


def derived(org: Org, type_name: str, values: dict[str, Any], record: Record | None) -> dict[str, Any]:
    """Return what the system adds to the values of a write.

    Raises:
        RowRefusedError: the object's own rules refuse the values.
    """
    rule = _DERIVED.get(type_name)
    return rule(org, values, record) if rule else {}


def _opportunity(org: Org, values: dict[str, Any], record: Record | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "StageName" in values and (record is None or record.get("StageName") != values["StageName"]):
        stage = org.stages().get(values["StageName"])
        found["IsClosed"] = bool(stage and stage.get("IsClosed"))
        found["IsWon"] = bool(stage and stage.get("IsWon"))
        found["LastStageChangeDate"] = org.now()
        if stage:
            found["ForecastCategoryName"] = stage.get("ForecastCategoryName")
            found.setdefault("Probability", values.get("Probability") or stage.get("DefaultProbability"))
    if record is not None and record.get("HasOpportunityLineItem") and "Amount" in values:
        found["Amount"] = record.get("Amount")  # written without a word, and without an effect
    return found


def _task(org: Org, values: dict[str, Any], record: Record | None) -> dict[str, Any]:
    found = _of_account(org, values, record)
    if "Status" in values:
        closed = {each.get("ApiName") for each in org.store.living("TaskStatus") if each.get("IsClosed")}
        found["IsClosed"] = values["Status"] in closed
        found["CompletedDateTime"] = org.now() if found["IsClosed"] else None
    return found


def _event(org: Org, values: dict[str, Any], record: Record | None) -> dict[str, Any]:
    found = _of_account(org, values, record)
    start = values.get("ActivityDateTime") or values.get("StartDateTime")
    if start:
        found |= {"ActivityDate": start[:10], "ActivityDateTime": start, "StartDateTime": start}
    return found


def _of_account(org: Org, values: dict[str, Any], record: Record | None) -> dict[str, Any]:
    what = values.get("WhatId", record.get("WhatId") if record else None)
    parent = org.store.anywhere(what) if what else None
    if parent is None:
        return {}
    return {"AccountId": parent.id if parent.type == "Account" else parent.get("AccountId")}


def _person(_: Org, values: dict[str, Any], record: Record | None) -> dict[str, Any]:
    names = (values.get(part, record.get(part) if record else None) for part in ("FirstName", "LastName"))
    return {"Name": " ".join(name for name in names if name)}


def _member(org: Org, values: dict[str, Any], record: Record | None) -> dict[str, Any]:
    campaign = str(values.get("CampaignId") or (record.get("CampaignId") if record else ""))
    person = values.get("ContactId") or values.get("LeadId")
    if record is None and not person:
        raise RowRefusedError("REQUIRED_FIELD_MISSING", "Required fields are missing: [ContactId]", ["ContactId"])
    if record is None:
        for field in ("ContactId", "LeadId"):
            members = org.store.children("CampaignMember", field, person) if person else []
            if any(each.get("CampaignId") == campaign and not each.deleted for each in members):
                raise RowRefusedError("DUPLICATE_VALUE", "Already a campaign member.")
    statuses = [each for each in org.store.children("CampaignMemberStatus", "CampaignId", campaign) if not each.deleted]
    default = next((each.get("Label") for each in statuses if each.get("IsDefault")), "Sent")
    status = values.get("Status") or (record.get("Status") if record else default)
    known = {each.get("Label"): bool(each.get("HasResponded")) for each in statuses}
    if statuses and status not in known:
        status = default  # the vendor takes the default for a status that this campaign does not have
    return {"Status": status, "HasResponded": known.get(status, status == "Responded")}


_DERIVED: dict[str, Callable[[Org, dict[str, Any], Record | None], dict[str, Any]]] = {
    "Opportunity": _opportunity,
    "Task": _task,
    "Event": _event,
    "Contact": _person,
    "Lead": _person,
    "User": _person,
    "CampaignMember": _member,
}


def archived(org: Org, type_name: str, values: dict[str, Any]) -> bool:
    """Whether an activity is so old that only queryAll shows it: done, and due a year ago or more."""
    due, done = values.get("ActivityDate"), type_name == "Event" or values.get("IsClosed")
    return bool(done and due and due <= (org.today() - _ARCHIVED_AFTER).isoformat())


# -- in other records -------------------------------------------------------------------------------------------------


def follow(org: Org, record: Record, before: dict[str, Any] | None) -> None:
    """Carry a write on to other records; `before` holds the old values of what changed, None for a new record."""
    if record.type == "Opportunity":
        _write_history(org, record, before)
        if before is None and record.get("ContactId"):
            org.put(
                "OpportunityContactRole", OpportunityId=record.id, ContactId=record.get("ContactId"), IsPrimary=True
            )
    elif record.type == "OpportunityContactRole":
        _one_primary(org, record)
    elif record.type in {"Task", "Event"}:
        roll_up(org, _parents(record, before))
    elif record.type == "FieldPermissions":
        _grant(org, record)
    elif record.type == "Campaign" and before is None:
        for n, (label, responded) in enumerate((("Sent", False), ("Responded", True)), 1):
            org.put("CampaignMemberStatus", CampaignId=record.id, Label=label, HasResponded=responded, IsDefault=n == 1,
                    SortOrder=n)  # fmt: skip


def _one_primary(org: Org, role: Record) -> None:
    """Let the newest primary role be the only one, and its person the opportunity's contact."""
    roles = org.store.children(role.type, "OpportunityId", role.get("OpportunityId"))
    if role.get("IsPrimary") and not role.deleted:
        for other in roles:
            if other is not role and other.get("IsPrimary"):
                org.store.change(other, {"IsPrimary": False})
    deal = org.store.find("Opportunity", role.get("OpportunityId"))
    people = [each.get("ContactId") for each in roles if each.get("IsPrimary") and not each.deleted]
    if deal is not None:
        org.store.change(deal, {"ContactId": people[0] if people else None})


def _write_history(org: Org, record: Record, before: dict[str, Any] | None) -> None:
    if before is None or any(name in before and before[name] != record.get(name) for name in _IN_HISTORY):
        org.put("OpportunityHistory", OpportunityId=record.id, **{name: record.get(name) for name in _IN_HISTORY})


def _parents(record: Record, before: dict[str, Any] | None) -> set[str]:
    old = before or {}
    return {
        parent
        for name in ("WhatId", "WhoId", "AccountId")
        for parent in (record.get(name), old.get(name))
        if parent is not None
    }


def roll_up(org: Org, parents: Iterable[str]) -> None:
    """Compute LastActivityDate and the flags on open activities of these records anew.

    SystemModstamp moves with them, LastModifiedDate does not: nobody edited the record.
    """
    for parent_id in parents:
        parent = org.store.anywhere(parent_id)
        if parent is None or parent.type not in ROLLED_UP:
            continue
        new = activity_fields(org, parent)
        if any(parent.get(name) != value for name, value in new.items()):
            org.store.change(parent, {**new, "SystemModstamp": org.now()})


def activity_fields(org: Org, parent: Record) -> dict[str, Any]:
    """Return what the activities of a record roll up to; a future date counts, an open task's does not."""
    link = {"Contact": "WhoId", "Lead": "WhoId", "Account": "AccountId"}.get(parent.type, "WhatId")
    tasks = [each for each in org.store.children("Task", link, parent.id) if not each.deleted]
    events = [each for each in org.store.children("Event", link, parent.id) if not each.deleted]
    closed = [each for each in tasks if each.get("IsClosed")]
    days = [day for each in (*closed, *events) if (day := each.get("ActivityDate"))]
    new: dict[str, Any] = {"LastActivityDate": max([*days, *filter(None, [parent.activity_floor])], default=None)}
    if parent.type == "Opportunity":
        due = [each.get("ActivityDate") for each in tasks if not each.get("IsClosed")]
        new["HasOpenActivity"] = bool(due)
        new["HasOverdueTask"] = any(day and day < org.today().isoformat() for day in due)
    return new


def _grant(org: Org, record: Record) -> None:
    """A permission set of the integration's user lets it see and write a field."""
    sets = {
        each.get("PermissionSetId") for each in org.store.children("PermissionSetAssignment", "AssigneeId", org.robot)
    }
    type_name, _, field = str(record.get("Field")).partition(".")
    if record.get("ParentId") not in sets:
        return
    if record.get("PermissionsRead") or record.get("PermissionsEdit"):
        org.hidden.discard((type_name, field))
    if record.get("PermissionsEdit"):
        org.locked.discard((type_name, field))
    else:
        org.locked.add((type_name, field))

"""What stands in the way of our writes, found by reading; and, once somebody agreed, the fields that are missing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recyclekit.errors import QuotaError, RefusedError, RemoteError, SignInError
from recyclekit.models.plan import ActionKind
from recyclekit.models.snapshot import Finding
from recyclekit_salesforce.answers import DUPLICATE, garbled
from recyclekit_salesforce.auth import legacy
from recyclekit_salesforce.columns import soql
from recyclekit_salesforce.columns.catalogue import Among, Catalogue, Described, query, query_among
from recyclekit_salesforce.field_map import KEY_METADATA, OWN, own_names
from recyclekit_salesforce.settings import SalesforceSettings
from recyclekit_salesforce.transport import Transport

if TYPE_CHECKING:
    from recyclekit_salesforce.source import SalesforceSource

PERMISSION_SET = "Recyclekit"
_LISTED = 12


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


def findings(source: SalesforceSource, kinds: Collection[ActionKind]) -> list[Finding]:
    """Return what a person should know before a run writes these kinds of action."""
    settings, catalogue = source.settings, source.catalogue
    asks: list[Callable[[], Iterator[Finding]]] = [
        lambda: iter(legacy(settings)),
        lambda: _fields(catalogue, settings, kinds),
        lambda: _quota(source.transport),
    ]
    if ActionKind.CREATE_TASK in kinds:
        asks += [lambda: _task_values(catalogue, settings), lambda: _fallback(source.transport, settings)]
    if ActionKind.ENROL in kinds:
        asks.append(lambda: _campaigns(source.transport, catalogue, settings))
    asks.append(lambda: _reasons(source))
    found: list[Finding] = []
    for ask in asks:
        try:
            found += ask()
        except RemoteError as error:
            what = f"{error.what} {error.why}".strip()
            found.append(Finding(level="error", where="salesforce", what=what, fix=error.fix))
            if isinstance(error, SignInError):
                break  # everything else would say the same
    return found


def missing(catalogue: Catalogue, settings: SalesforceSettings, kinds: Collection[ActionKind]) -> list[Finding]:
    """Return the fields that are not there and that `set_up` would create."""
    fix = "recyclekit check --fix creates it (it takes the permission Customize Application), or an administrator does."
    return [
        Finding(level="error", where=one.table, what=f"The field {one.name} ({one.kind}) on {one.table}.", fix=fix)
        for one in _lacking(catalogue, settings, kinds)
    ]


def _lacking(catalogue: Catalogue, settings: SalesforceSettings, kinds: Collection[ActionKind]) -> list[Wanted]:
    return [one for one in wanted_fields(settings, kinds) if not catalogue.get(one.table).has(one.name)]


def _fields(catalogue: Catalogue, settings: SalesforceSettings, kinds: Collection[ActionKind]) -> Iterator[Finding]:
    for one in wanted_fields(settings, kinds):
        described = catalogue.get(one.table)
        if not described.has(one.name):
            what = f"The field {one.name} ({one.kind}) is not there, or hidden from the integration's user."
            fix = "Create it (recyclekit check --fix can) and give the user read and edit access to it."
            yield Finding(level="error", where=one.table, what=what, fix=fix)
        else:
            yield from _rights(described, one)
    if ActionKind.ENROL in kinds:
        yield from _member_rights(catalogue)


def _rights(described: Described, one: Wanted) -> Iterator[Finding]:
    field, where = described.fields[one.name], f"{one.table}.{one.name}"
    if not field.get("updateable") or (one.table == "Task" and not field.get("createable")):
        what = "The integration's user may read it, but not write it."
        yield Finding(level="error", where=where, what=what, fix="Give edit access to the field (a permission set).")
    if field.get("type") not in one.types:
        what = f"It is of the type {field.get('type')}; {one.kind} is needed."
        yield Finding(level="error", where=where, what=what, fix="Create another field, and name it in `own_fields`.")
    if field.get("restrictedPicklist"):
        what = "It is a restricted picklist: values that it does not list will be refused."
        yield Finding(level="warning", where=where, what=what, fix=f"Make it {one.kind}.")
    if one.table == "Task" and not (field.get("externalId") and field.get("unique")):
        what = "It is not a unique External ID, so a task could be made twice."
        yield Finding(level="error", where=where, what=what, fix=f"Create it as {one.kind}.")


def _member_rights(catalogue: Catalogue) -> Iterator[Finding]:
    described = catalogue.find("CampaignMember")
    if described is None or not described.answer.get("createable", True):
        what = "The integration's user may not add members to campaigns."
        fix = "It needs Marketing User, and create access to Campaign Member."
        yield Finding(level="error", where="CampaignMember", what=what, fix=fix)


def _task_values(catalogue: Catalogue, settings: SalesforceSettings) -> Iterator[Finding]:
    task = catalogue.get("Task")
    for name, value in (("Status", settings.task_status), ("Priority", settings.task_priority)):
        listed = task.values(name)
        if listed and not listed.get(value):
            level = "error" if task.fields[name].get("restrictedPicklist") else "warning"
            there = ", ".join(one for one, active in listed.items() if active)
            what = f"'{value}' is no active value of {name}; there are: {there}."
            yield Finding(level=level, where=f"Task.{name}", what=what, fix=f"Set task_{name.lower()} to one of them.")


def _fallback(transport: Transport, settings: SalesforceSettings) -> Iterator[Finding]:
    if settings.fallback_owner is None:
        return
    asked = Among(fields=["Id", "IsActive"], table="User", column="Id")
    users = query_among(transport, asked, [settings.fallback_owner])
    if not users or not users[0]["IsActive"]:
        what = "The fallback_owner is no active user of this org."
        yield Finding(level="error", where="settings.fallback_owner", what=what, fix="Name an active user.")


def _campaigns(transport: Transport, catalogue: Catalogue, settings: SalesforceSettings) -> Iterator[Finding]:
    where = "settings.campaigns"
    if not settings.campaigns:
        what = "No campaign is named, so nobody can be enrolled."
        fix = "Name campaigns by list or track (or one as `default`), or take the newsletter steps out of the policy."
        yield Finding(level="error", where=where, what=what, fix=fix)
        return
    if catalogue.find("Campaign") is None:
        yield Finding(level="error", where=where, what="Campaigns are hidden from the integration's user.")
        return
    asked = Among(fields=["Id", "IsActive"], table="Campaign", column="Id")
    there = {str(one["Id"])[:15]: bool(one["IsActive"]) for one in query_among(transport, asked, _ids(settings))}
    for name, campaign in settings.campaigns.items():
        if campaign[:15] not in there:
            what = f"There is no campaign {campaign} (for '{name}')."
            yield Finding(level="error", where=where, what=what, fix="Check the id.")
        elif not there[campaign[:15]]:
            what = f"The campaign for '{name}' is not active."
            yield Finding(level="warning", where=where, what=what, fix="Activate it, or name another one.")
    yield from _member_status(transport, catalogue, settings)


def _member_status(transport: Transport, catalogue: Catalogue, settings: SalesforceSettings) -> Iterator[Finding]:
    if settings.member_status is None or catalogue.find("CampaignMemberStatus") is None:
        return
    asked = Among(fields=["CampaignId", "Label"], table="CampaignMemberStatus", column="CampaignId")
    found = query_among(transport, asked, _ids(settings))
    for name, campaign in settings.campaigns.items():
        labels = [str(one["Label"]) for one in found if str(one["CampaignId"])[:15] == campaign[:15]]
        if labels and settings.member_status not in labels:
            what = (
                f"The campaign for '{name}' has no status '{settings.member_status}'; there are: {', '.join(labels)}."
            )
            yield Finding(level="error", where="settings.member_status", what=what, fix="Choose one of them.")


def _ids(settings: SalesforceSettings) -> list[str]:
    return list(settings.campaigns.values())


def _reasons(source: SalesforceSource) -> Iterator[Finding]:
    if not source.loss_reasons:
        what = "No field looks like a loss reason; Salesforce has none of its own."
        fix = "Map lost_reason under `fields.deals`: reasons decide what becomes of a lost deal."
        yield Finding(level="note", where="Opportunity", what=what, fix=fix)
        return
    name = source.loss_reasons[0]
    values = list(source.catalogue.get("Opportunity").values(name))
    if values:
        more = f" and {len(values) - _LISTED} more" if len(values) > _LISTED else ""
        what = f"Its values: {', '.join(values[:_LISTED])}{more}."
        yield Finding(level="note", where=f"Opportunity.{name}", what=what, fix="Map those that `reasons` lacks.")


# -- quota -----------------------------------------------------------------------------------------------------------


def calls_left(transport: Transport) -> int | None:
    """Return the API calls that are left of the last 24 hours' quota, after the share that is kept for others."""
    try:
        limits = transport.read_json("limits", right=lambda body: isinstance(body, Mapping))
    except SignInError:
        return transport.meter.left  # the limits are hidden; the header of that answer told
    daily = limits.get("DailyApiRequests")
    left = daily.get("Remaining") if isinstance(daily, Mapping) else None
    if not isinstance(daily, Mapping) or not isinstance(left, int):
        return transport.meter.left
    return max(left - int(int(daily.get("Max") or 0) * transport.settings.keep_calls), 0)


def _quota(transport: Transport) -> Iterator[Finding]:
    try:
        left = calls_left(transport)
    except QuotaError as error:
        left, why = 0, error.what
    else:
        why = ""
    if left == 0:
        what = f"No API calls are left for us. {why}".strip()
        yield Finding(level="error", where="limits", what=what, fix="Wait, or lower keep_calls.")


# -- set-up ----------------------------------------------------------------------------------------------------------


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

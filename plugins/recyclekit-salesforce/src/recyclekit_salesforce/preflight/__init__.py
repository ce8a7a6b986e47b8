"""What stands in the way of our writes, found by reading."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from recyclekit.errors import QuotaError, RemoteError, SignInError
from recyclekit.models.plan import ActionKind
from recyclekit.models.snapshot import Finding
from recyclekit_salesforce.auth import legacy
from recyclekit_salesforce.columns.catalogue import Among, Catalogue, Described, query_among
from recyclekit_salesforce.preflight.lacking import Wanted, told, wanted_fields
from recyclekit_salesforce.settings import SalesforceSettings
from recyclekit_salesforce.transport import Transport

if TYPE_CHECKING:
    from recyclekit_salesforce.source import SalesforceSource

_LISTED = 12


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


def _fields(catalogue: Catalogue, settings: SalesforceSettings, kinds: Collection[ActionKind]) -> Iterator[Finding]:
    for one in wanted_fields(settings, kinds):
        described = catalogue.get(one.table)
        if not described.has(one.name):
            yield told(one)
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

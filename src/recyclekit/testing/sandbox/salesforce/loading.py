"""Data in the shape of the canonical tables put into the org, as if it had lived there: with old dates, unchecked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, Union

from recyclekit.models.tables import Table
from recyclekit.testing.sandbox.loaded import Loaded
from recyclekit.testing.sandbox.salesforce import effects
from recyclekit.testing.sandbox.salesforce.custom import EXTERNAL, KEY, OWN, SALES
from recyclekit.testing.sandbox.salesforce.fields import NUMBERS, pick, text
from recyclekit.testing.sandbox.salesforce.org import Org
from recyclekit.testing.sandbox.salesforce.store import Record
from recyclekit.testing.sandbox.salesforce.values import instant

if TYPE_CHECKING:
    import polars as pl

Row = Mapping[str, Any]
Rows = Union["pl.DataFrame", Iterable[Row]]
_CATEGORY = {"won": "Closed", "lost": "Omitted", "open": "Pipeline"}
_PROBABILITY = {"won": 100, "lost": 0, "open": 50}
_STAGE = {"won": "Closed Won", "lost": "Closed Lost", "open": "Prospecting"}
_LONGEST_PICKED = 40
_SUBTYPE = {"call": "Call", "email": "Email", "message": "LinkedIn"}


def load(org: Org, *, deals: Rows, contacts: Rows, accounts: Rows, activities: Rows, signals: Rows) -> Loaded:
    """Load the tables; a deal's, contact's or activity's references are to ids of the same call, or of this org."""
    loader = _Loader(org)
    for row in _each(accounts):
        loader.account(row)
    for row in _each(contacts):
        loader.contact(row)
    for row in _each(deals):
        loader.deal(row)
    parents = {parent for row in _each(activities) for parent in loader.activity(row)}
    for parent_id in parents:
        parent = org.store.anywhere(parent_id)
        if parent is not None and parent.type in effects.ROLLED_UP:
            org.store.change(parent, effects.activity_fields(org, parent))
    loader.loaded.signals = sum(1 for _ in _each(signals))
    return loader.loaded


def _each(rows: Rows) -> Iterator[Row]:
    named = getattr(rows, "iter_rows", None)
    yield from named(named=True) if named else rows  # type: ignore[misc]  # a frame's rows, or dicts


class _Loader:
    """One load: what it made so far, and the users, stages and record types that the data speaks of."""

    def __init__(self, org: Org) -> None:
        self._org, self.loaded = org, Loaded()
        self._stages: dict[tuple[str, str], str] = {}
        self._reasons = org.type("Opportunity").find("Loss_Reason__c")

    def account(self, row: Row) -> None:
        values = {"Name": row.get("name") or row["account_id"], EXTERNAL: row["account_id"]}
        made = self._put("Account", {**values, **self._custom(Table.ACCOUNTS, row)})
        self.loaded.accounts[row["account_id"]] = made.id

    def contact(self, row: Row) -> None:
        name = str(row.get("name") or row["contact_id"])
        values: dict[str, Any] = {
            "LastName": name, "Name": name, EXTERNAL: row["contact_id"],
            "AccountId": self._known("Account", self.loaded.accounts, row.get("account_id")),
            "HasOptedOutOfEmail": bool(row.get("opted_out")),
        }  # fmt: skip
        if row.get("bounced"):
            values |= {"EmailBouncedDate": self._org.now(), "EmailBouncedReason": "550 no such user"}
        self.loaded.contacts[row["contact_id"]] = self._put("Contact", values).id

    def deal(self, row: Row) -> None:
        state = row.get("crm_state") or "open"
        contact = self._known("Contact", self.loaded.contacts, row.get("contact_id"))
        created = _instant(row.get("created_on"), self._org)
        activity = _instant(row.get("last_activity_at"), self._org)
        stamp = min(max(filter(None, [created, activity]), default=self._org.now()), self._org.now())
        values = {
            "Name": row.get("name") or row["deal_id"],
            EXTERNAL: row.get("external_id") or row["deal_id"],
            "AccountId": self._known("Account", self.loaded.accounts, row.get("account_id")),
            "ContactId": contact, "StageName": self._stage(row.get("deal_stage") or _STAGE[state], state),
            "IsClosed": state != "open", "IsWon": state == "won", "ForecastCategoryName": _CATEGORY[state],
            "Probability": float(_PROBABILITY[state]), "Amount": row.get("amount"),
            "CurrencyIsoCode": self._currency(row.get("currency")), "OwnerId": self._owner(row.get("owner")),
            "RecordTypeId": self._record_type(row.get("deal_pipeline")),
            "CloseDate": _day(row.get("closed_on") or row.get("created_on") or self._org.today(), self._org),
            "LastActivityDate": _day(row.get("last_activity_at"), self._org),
            "CreatedDate": created, "LastModifiedDate": stamp, "SystemModstamp": stamp,
        }  # fmt: skip
        own = {OWN[name].name: _plain(row[name]) for name in OWN if row.get(name) is not None}
        made = self._put("Opportunity", {**values, **self._custom(Table.DEALS, row), **own})
        made.activity_floor = values["LastActivityDate"]
        self.loaded.deals[row["deal_id"]] = made.id
        if contact:
            self._org.put(
                "OpportunityContactRole", OpportunityId=made.id, ContactId=contact, IsPrimary=True, SystemModstamp=stamp
            )

    def activity(self, row: Row) -> list[str]:
        """Load one activity and return whom it belongs to."""
        kind, done = row["kind"], row.get("done") is not False
        at = _instant(row["at"], self._org)
        links = {
            "WhatId": self._known("Opportunity", self.loaded.deals, row.get("deal_id")),
            "WhoId": self._known("Contact", self.loaded.contacts, row.get("contact_id")),
        }
        written = min(at or "", self._org.now())
        values: dict[str, Any] = {
            "Subject": kind, **links, "ActivityDate": _day(row["at"], self._org),
            "OwnerId": self._owner(row.get("owner")), "AccountId": self._account_of(links), KEY: row.get("key"),
            "CreatedDate": written, "LastModifiedDate": written, "SystemModstamp": written,
        }  # fmt: skip
        if kind == "meeting":
            made = self._put("Event", {**values, "ActivityDateTime": at, "StartDateTime": at, "EventSubtype": "Event"})
        else:
            status = {"Status": "Completed" if done else "Not Started", "IsClosed": done}
            more = {"Priority": "Normal", "TaskSubtype": _subtype(row), "CompletedDateTime": at if done else None}
            made = self._put("Task", {**values, **status, **more})
        self.loaded.activities[str(row.get("activity_id") or made.id)] = made.id
        return [parent for parent in (*links.values(), values["AccountId"]) if parent]

    # -- pieces -----------------------------------------------------------------------------------------------------

    def _put(self, type_name: str, values: dict[str, Any]) -> Record:
        type_ = self._org.type(type_name)
        if type_name in {"Task", "Event"}:
            values["IsArchived"] = effects.archived(self._org, type_name, values)
        values.setdefault("OwnerId", self._org.person)
        return self._org.put(
            type_name, **{name: value for name, value in values.items() if type_.find(name) is not None}
        )

    def _known(self, type_name: str, loaded: Mapping[str, str], given: str | None) -> str | None:
        """Return the id here of what the data calls so: loaded now or before, or an id of this org; else None."""
        if not given:
            return None
        if given in loaded:
            return loaded[given]
        held = self._org.store.holder(type_name, EXTERNAL, given) or self._org.store.find(type_name, given)
        return held.id if held else None

    def _custom(self, table: Table, row: Row) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for column, known in SALES[table].items():
            value = row.get(column)
            if column != "external_id" and value is not None:
                found[known.name] = float(value) if known.type in NUMBERS else _plain(value)
        self._offer(found.get("Loss_Reason__c"))
        return found

    def _offer(self, reason: str | None) -> None:
        """Let the picklist of loss reasons offer a value; what is long was typed, not picked."""
        known = self._reasons
        if reason and known and len(reason) <= _LONGEST_PICKED and reason not in known.values:
            self._reasons = pick(known.name, *known.values, reason, label=known.label)
            self._org.type("Opportunity").add(self._reasons)

    def _stage(self, label: str, state: str) -> str:
        """Return the stage of this label and state; a label that stands for two states is two stages."""
        if (label, state) not in self._stages:
            known = self._org.stages().get(label)
            fits = known is None or known.get("ForecastCategoryName") == _CATEGORY[state]
            name = label if fits else f"{label} ({state})"
            if name not in self._org.stages():
                self._org.add_stage(name, probability=_PROBABILITY[state], category=_CATEGORY[state])
            self._stages[label, state] = name
        return self._stages[label, state]

    def _owner(self, owner: str | None) -> str:
        if not owner:
            return self._org.person
        if owner not in self.loaded.owners:
            known = self._org.store.find("User", owner)
            self.loaded.owners[owner] = known.id if known else self._org.add_user(owner)
        return self.loaded.owners[owner]

    def _record_type(self, pipeline: str | None) -> str | None:
        if not pipeline:
            return None
        if pipeline not in self.loaded.pipelines:
            made = self._org.put(
                "RecordType", Name=pipeline, DeveloperName=pipeline, SobjectType="Opportunity", IsActive=True
            )
            self.loaded.pipelines[pipeline] = made.id
        return self.loaded.pipelines[pipeline]

    def _currency(self, code: str | None) -> str | None:
        """The field exists only in orgs with several currencies: this org becomes one."""
        if code and self._org.type("Opportunity").find("CurrencyIsoCode") is None:
            self._org.add_field("Opportunity", text("CurrencyIsoCode", 3, label="Currency"))
        return code

    def _account_of(self, links: Mapping[str, str | None]) -> str | None:
        for type_name, link in (("Opportunity", "WhatId"), ("Contact", "WhoId")):
            parent = self._org.store.find(type_name, links[link] or "")
            if parent is not None and parent.get("AccountId"):
                account: str = parent.get("AccountId")
                return account
        return None


def _subtype(row: Row) -> str:
    if row.get("bulk"):
        return "ListEmail"
    return "Cadence" if row.get("automatic") else _SUBTYPE.get(row["kind"], "Task")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, bool | int | float) else str(value)


def _instant(value: date | datetime | None, org: Org) -> str | None:
    """A date without time begins at midnight in the org's zone."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return instant(value if value.tzinfo else value.replace(tzinfo=org.timezone))
    return instant(datetime.combine(value, time(), org.timezone).astimezone(UTC))


def _day(value: date | datetime | None, org: Org) -> str | None:
    if isinstance(value, datetime):
        return (
            (value if value.tzinfo else value.replace(tzinfo=org.timezone)).astimezone(org.timezone).date().isoformat()
        )
    return value.isoformat() if value else None

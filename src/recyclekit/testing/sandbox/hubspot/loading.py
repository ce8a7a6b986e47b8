"""Putting canonical records in: recyclekit's column names turned into HubSpot's properties, owners and associations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Protocol

from recyclekit.testing.sandbox.hubspot.definitions import Definitions
from recyclekit.testing.sandbox.hubspot.pipelines import Pipeline, Stage
from recyclekit.testing.sandbox.hubspot.portal import Portal
from recyclekit.testing.sandbox.hubspot.records import PERSON, WORKFLOW, Change, Values, iso
from recyclekit.testing.sandbox.loaded import Loaded

_MAIL = "{}@example.com"


class Frame(Protocol):
    """What a Polars frame can do that is needed here."""

    def iter_rows(self, *, named: bool) -> Iterable[Mapping[str, Any]]: ...


Rows = Iterable[Mapping[str, Any]] | Frame

DEAL_PROPERTIES = {
    "name": "dealname",
    "amount": "amount",
    "currency": "deal_currency_code",
    "created_on": "createdate",
    "closed_on": "closedate",
    "last_activity_at": "notes_last_contacted",
    "lost_reason": "closed_lost_reason",
}
CONTACT_PROPERTIES = {"opted_out": "hs_email_optout", "bounced": "hs_email_bad_address"}
ACCOUNT_PROPERTIES = {"country": "hs_country_code", "timezone": "hs_timezone"}
SIGNALS = {
    "open": "hs_email_last_open_date",
    "click": "hs_email_last_click_date",
    "visit": "hs_analytics_last_visit_timestamp",
    "form": "recent_conversion_date",
}
"""Sign of interest → the contact property that holds when it was last seen; other signs have no place in HubSpot."""
KINDS = {"call": "calls", "email": "emails", "meeting": "meetings", "note": "notes", "task": "tasks"}
"""Canonical column → property, where the names differ. `message` and `other` become communications."""
_APART = frozenset({"deal_id", "account_id", "contact_id", "deal_pipeline", "deal_stage", "crm_state", "owner"})
_TYPES: dict[str, str] = {
    "next_approach_on": "date",
    "contract_ends_on": "date",
    "recycle_next_on": "date",
    "recycle_cycle": "number",
    "need_type": "number",
}


class Loader:
    """Puts rows into a portal. What was loaded before is known by the ids in `external_id`."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._loaded = Loaded(owners={owner.email.partition("@")[0]: owner.id for owner in portal.owners.values()})

    def load(
        self, *, deals: Rows, contacts: Rows, accounts: Rows, activities: Rows, signals: Rows, history: Rows
    ) -> Loaded:
        """Put the rows in: companies and people first, then their deals, then what happened."""
        for row in _rows(accounts):
            self._account(row)
        for row in _rows(contacts):
            self._contact(row)
        for row in _rows(deals):
            self._deal(row)
        for row in _rows(activities):
            self._activity(row)
        for row in sorted(_rows(history), key=lambda one: _moment(one["at"])):
            self._change(row)
        self._loaded.signals = sum(self._signal(row) for row in _rows(signals))
        return self._loaded

    def _account(self, row: Mapping[str, Any]) -> None:
        given = str(row["account_id"])
        values = self._values("companies", row, ACCOUNT_PROPERTIES, apart=frozenset({"account_id"}))
        values.setdefault("name", given)
        values["external_id"] = given
        self._loaded.accounts[given] = self._make("companies", values, given)

    def _contact(self, row: Mapping[str, Any]) -> None:
        given = str(row["contact_id"])
        values = self._values("contacts", row, CONTACT_PROPERTIES, apart=frozenset({"contact_id", "account_id"}))
        values["email"] = values.get("email") or given if "@" in given else _MAIL.format(given.lower())
        if values.get("hs_email_optout") == "true":
            self._portal.unsubscribed[values["email"] or ""] = {"all"}
        made = self._loaded.contacts[given] = self._make("contacts", {**values, "external_id": given}, given)
        self._link("contacts", made, "companies", self._loaded.accounts.get(str(row.get("account_id"))))

    def _deal(self, row: Mapping[str, Any]) -> None:
        given = str(row["deal_id"])
        values = self._values("deals", row, DEAL_PROPERTIES, apart=_APART)
        values["pipeline"], values["dealstage"] = self._stage(row)
        values["hubspot_owner_id"] = self._owner(row.get("owner"))
        values["external_id"] = values.get("external_id") or given
        made = self._loaded.deals[given] = self._make("deals", values, given)
        self._link("deals", made, "contacts", self._loaded.contacts.get(str(row.get("contact_id"))))
        self._link("deals", made, "companies", self._loaded.accounts.get(str(row.get("account_id"))))

    def _activity(self, row: Mapping[str, Any]) -> None:
        kind = KINDS.get(str(row.get("kind")), "communications")
        at, now = _text(row["at"]), self._portal.now()
        values: Values = {"hs_timestamp": at, "hs_createdate": min(at, now)}
        if kind == "tasks":
            values["hs_task_status"] = "NOT_STARTED" if row.get("done") is False else "COMPLETED"
        if row.get("key"):
            self._portal.definitions["tasks"].define("recycle_key", group="recyclekit", unique=True)
            values["recycle_key"] = str(row["key"])
        machine = bool(row.get("automatic") or row.get("bulk"))
        if machine:
            values["hs_object_source"] = WORKFLOW.kind
            values["hs_object_source_id"] = str(row.get("bulk") or WORKFLOW.id)
        record = self._portal.create(kind, values, origin=WORKFLOW if machine else PERSON)
        self._loaded.activities[str(row.get("activity_id") or record.id)] = record.id
        self._link(kind, record.id, "deals", self._loaded.deals.get(str(row.get("deal_id"))))
        self._link(kind, record.id, "contacts", self._loaded.contacts.get(str(row.get("contact_id"))))

    def _change(self, row: Mapping[str, Any]) -> None:
        """Put a past value of a deal into its history; what the deal holds now is left as it is."""
        record = self._portal.objects["deals"][self._loaded.deals[str(row["deal_id"])]]
        name = {**DEAL_PROPERTIES, "deal_stage": "dealstage"}.get(str(row["field"]), str(row["field"]))
        value = None if row.get("value") in (None, "") else _text(row["value"])
        if name == "dealstage":
            stage = _named(self._portal.pipelines[record.properties["pipeline"] or ""].stages, value or "")
            value = stage.id if stage else value
        record.history[name] = [Change(value, _moment(row["at"]), PERSON), *record.history.get(name, ())]

    def _signal(self, row: Mapping[str, Any]) -> bool:
        """Let a contact's property say that a sign of interest was seen; return whether it can."""
        name, contact = SIGNALS.get(str(row.get("kind"))), self._loaded.contacts.get(str(row.get("contact_id")))
        if name is None or contact is None:
            return False
        properties, at = self._portal.objects["contacts"][contact].properties, _moment(row["at"])
        properties[name] = max(at, properties.get(name) or at)
        return True

    def _values(self, kind: str, row: Mapping[str, Any], names: Mapping[str, str], *, apart: frozenset[str]) -> Values:
        """Return the row as properties; those that the portal lacks are made."""
        known = self._portal.definitions[kind]
        known.define("external_id", unique=True)
        values: Values = {}
        for column, value in row.items():
            if column in apart or value is None or value == "":
                continue
            name = names.get(column, column)
            if name not in known:
                known.define(name, type=_TYPES.get(name, "string"))
            values[name] = _as(known, name)(value)
        return values

    def _make(self, kind: str, values: Values, given: str) -> str:
        """Make a record; a given id that is a number is kept."""
        kept = given if given.isdigit() and given not in self._portal.objects[kind] else ""
        return self._portal.create(kind, values, origin=PERSON, record_id=kept, at=values.get("createdate") or "").id

    def _link(self, kind: str, record_id: str, to: str, to_id: str | None) -> None:
        if to_id:
            self._portal.link(kind, record_id, to, to_id)

    def _owner(self, given: Any) -> str | None:
        if given in (None, ""):
            return None
        name = str(given)
        if name not in self._loaded.owners:
            self._loaded.owners[name] = self._portal.add_owner(name).id
        return self._loaded.owners[name]

    def _stage(self, row: Mapping[str, Any]) -> tuple[str, str]:
        """Return pipeline and stage of a deal by id or label; new ones are made, closed as the deal's state says."""
        label = str(row.get("deal_pipeline") or "default")
        pipeline = _named(self._portal.pipelines, label)
        if pipeline is None:
            pipeline = Pipeline(str(900_001 + len(self._portal.pipelines)), label)
            self._portal.pipelines[pipeline.id] = pipeline
        state = str(row.get("crm_state") or "open")
        word = str(row.get("deal_stage") or state)
        stage = _named(pipeline.stages, word)
        if stage is None:
            chance = {"won": "1.0", "lost": "0.0"}.get(state, "0.5")
            number = sum(len(one.stages) for one in self._portal.pipelines.values())
            stage = Stage(str(1_900_001 + number), word, closed=state != "open", probability=chance)
            pipeline.stages[stage.id] = stage
        return pipeline.id, stage.id


def _rows(rows: Rows) -> Iterable[Mapping[str, Any]]:
    return rows if isinstance(rows, Iterable) and not hasattr(rows, "iter_rows") else rows.iter_rows(named=True)


def _named(things: Mapping[str, Any], word: str) -> Any:
    return things.get(word) or next((thing for thing in things.values() if thing.label == word), None)


def _as(known: Definitions, name: str) -> Callable[[Any], str]:
    return _moment if known[name].type == "datetime" else _text


def _moment(value: Any) -> str:
    """A date alone is noon of that day in UTC: the same day from Hawaii to Sydney."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return iso(datetime.combine(value, time(12), UTC))
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if isinstance(value, date) else str(value)

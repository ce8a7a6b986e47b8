"""The default field map and our own fields, as data: what each is called in Salesforce, and of which type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recyclekit.models.field_map import FieldSpec
from recyclekit.models.tables import OWN_FIELDS, Table

# Columns that we derive, because Salesforce spreads over objects or types what is one thing to us. Named with a blank,
# which no API name can hold.
CONTACT = "Primary Contact"
DEAL = "Opportunity Id"
KIND = "Activity Kind"
AT = "Activity Time"
MACHINE = "By Machine"
DONE = "Is Done"
BOUNCED = "Email Bounced"
FIELD, VALUE = "Changed Field", "New Value"

DERIVED: Mapping[Table, Sequence[str]] = {
    Table.DEALS: (CONTACT,),
    Table.ACTIVITIES: (DEAL, KIND, AT, MACHINE, DONE),
    Table.CONTACTS: (BOUNCED,),
    Table.HISTORY: (FIELD, VALUE),
}

FIELDS: Mapping[Table, Mapping[str, str]] = {
    Table.DEALS: {
        "deal_id": "Id",
        "name": "Name",
        "account_id": "AccountId",
        "contact_id": CONTACT,
        "deal_pipeline": "RecordTypeId",
        "deal_stage": "StageName",
        "amount": "Amount",
        "currency": "CurrencyIsoCode",  # only orgs with several currencies have it
        "owner": "OwnerId",
        "created_on": "CreatedDate",
        "closed_on": "CloseDate",
        "last_activity_at": "LastActivityDate",
        "external_id": "External_Id__c",
    },
    Table.ACTIVITIES: {
        "activity_id": "Id",
        "deal_id": DEAL,
        "contact_id": "WhoId",
        "kind": KIND,
        "at": AT,
        "automatic": MACHINE,
        "done": DONE,
    },
    Table.CONTACTS: {
        "contact_id": "Id",
        "account_id": "AccountId",
        "opted_out": "HasOptedOutOfEmail",
        "bounced": BOUNCED,
    },
    Table.ACCOUNTS: {"account_id": "Id", "country": "BillingCountryCode"},  # only with state and country picklists
    Table.HISTORY: {"deal_id": "OpportunityId", "field": FIELD, "value": VALUE, "at": "CreatedDate"},
}
HISTORY_OF = {"StageName": "deal_stage", "Amount": "amount", "CloseDate": "closed_on"}
"""Fields of OpportunityHistory, which each of its rows holds, and what we call them."""
LOSS_REASONS = ("Loss_Reason__c", "Lost_Reason__c", "Closed_Lost_Reason__c", "LossReason__c", "Reason_Lost__c")
"""What orgs call the loss reason, which Salesforce does not have: the first that is there is read."""
NAMES = {theirs: ours for ours, theirs in FIELDS[Table.DEALS].items()} | dict.fromkeys(LOSS_REASONS, "lost_reason")
"""Field of Opportunity → what we call it."""
KINDS = {"Call": "call", "Email": "email", "ListEmail": "email", "LinkedIn": "message", "Event": "meeting"}
"""Task subtype → kind of activity; every other subtype is a task."""
MACHINES = ("ListEmail", "Cadence")
"""Task subtypes that no person did."""


@dataclass(frozen=True, slots=True)
class OwnField:
    """One of our fields as an administrator creates it: Metadata of the Tooling API's CustomField, and its words."""

    name: str
    metadata: Mapping[str, Any]
    kind: str
    types: frozenset[str]

    @property
    def label(self) -> str:
        """What people see on the page."""
        return str(self.metadata["label"])


_STRINGS = frozenset({"string", "textarea", "picklist"})


def _text(name: str, label: str, length: int = 255) -> OwnField:
    metadata = {"type": "Text", "label": label, "length": length, "required": False}
    return OwnField(name, metadata, f"Text({length})", _STRINGS)


OWN: Mapping[str, OwnField] = {
    "recycle_track": _text("Recycle_Track__c", "Recycle track", 80),
    "recycle_reason": _text("Recycle_Reason__c", "Recycle reason", 80),
    "recycle_next_on": OwnField(
        "Recycle_Next_On__c",
        {"type": "Date", "label": "Recycle: next approach", "required": False},
        "Date",
        frozenset({"date"}),
    ),
    "recycle_owner": _text("Recycle_Owner__c", "Recycle: next owner"),
    "recycle_channel": _text("Recycle_Channel__c", "Recycle: channel", 80),
    "recycle_hook": OwnField(
        "Recycle_Hook__c",
        {"type": "LongTextArea", "label": "Recycle: hook", "length": 4000, "visibleLines": 3, "required": False},
        "Long Text Area(4000)",
        _STRINGS,
    ),
    "recycle_rule": _text("Recycle_Rule__c", "Recycle: rule", 120),
    "recycle_cycle": OwnField(
        "Recycle_Cycle__c",
        {"type": "Number", "label": "Recycle: cycle", "precision": 4, "scale": 0, "required": False},
        "Number(4, 0)",
        frozenset({"double", "int"}),
    ),
}
assert tuple(OWN) == OWN_FIELDS

KEY_METADATA: Mapping[str, Any] = {
    "type": "Text",
    "label": "Recycle key",
    "length": 255,
    "required": False,
    "externalId": True,
    "unique": True,
    "caseSensitive": True,
}


def own_names(renamed: Mapping[str, str]) -> dict[str, str]:
    """Return our field → its API name on Opportunity, with a project's own names over the default ones."""
    return {ours: renamed.get(ours, field.name) for ours, field in OWN.items()}


def default_fields(table: Table, there: frozenset[str]) -> dict[str, FieldSpec]:
    """Return the default map of a table, of those columns that this org has."""
    return {ours: FieldSpec(column=theirs) for ours, theirs in FIELDS.get(table, {}).items() if theirs in there}

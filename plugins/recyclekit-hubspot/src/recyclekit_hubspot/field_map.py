"""What HubSpot calls our columns, and what our own fields are like there: data."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from recyclekit.models.field_map import FieldSpec
from recyclekit.models.tables import OWN_FIELDS, SCHEMAS, Table
from recyclekit_hubspot.columns import ID

CONTACT, COMPANY = "contacts.id", "companies.id"
"""Columns of a deal that are no properties: its main contact and its (primary) company, from associations."""
ENGAGEMENT_COLUMNS = ("id", "deal_id", "contact_id", "kind", "at", "automatic", "done", "key")
"""Columns of activities: objects of HubSpot brought into one table, one row per deal that it belongs to."""
SIGNAL_COLUMNS = ("contact_id", "kind", "at")
HISTORY_COLUMNS = ("deal_id", "property", "value", "at")
SIGNALS = {
    "hs_email_last_open_date": "open",
    "hs_sales_email_last_opened": "open",
    "hs_email_last_click_date": "click",
    "hs_sales_email_last_clicked": "click",
    "hs_analytics_last_visit_timestamp": "visit",
    "recent_conversion_date": "form",
}
"""Contact properties that hold when a sign of interest was last seen, and its kind."""
OPT_OUT = "hs_email_optout"

_DEALS = {
    "deal_id": ID, "name": "dealname", "account_id": COMPANY, "contact_id": CONTACT, "deal_pipeline": "pipeline",
    "deal_stage": "dealstage", "amount": "amount", "currency": "deal_currency_code", "owner": "hubspot_owner_id",
    "created_on": "createdate", "closed_on": "closedate", "last_activity_at": "notes_last_contacted",
    "lost_reason": "closed_lost_reason",
}  # fmt: skip
_CONTACTS = {
    "contact_id": ID, "account_id": "associatedcompanyid", "opted_out": OPT_OUT, "bounced": "hs_email_bad_address",
}  # fmt: skip
_COMPANIES = {"account_id": ID, "country": "hs_country_code"}
_ENGAGEMENTS = {
    "activity_id": "id", "deal_id": "deal_id", "contact_id": "contact_id", "kind": "kind", "at": "at",
    "automatic": "automatic", "done": "done", "key": "key",
}  # fmt: skip
_SIGNALS = {name: name for name in SIGNAL_COLUMNS}
_HISTORY = {"deal_id": "deal_id", "field": "property", "value": "value", "at": "at"}
_WITHOUT_HISTORY = frozenset({"deal_id", "name", "account_id", "contact_id", "created_on", "last_activity_at"})
_FIXED = {
    Table.ACTIVITIES: _ENGAGEMENTS, Table.SIGNALS: _SIGNALS, Table.HISTORY: _HISTORY,
}  # fmt: skip

OWN_TYPES = {
    **dict.fromkeys(OWN_FIELDS, ("string", "text")),
    "recycle_next_on": ("date", "date"),
    "recycle_cycle": ("number", "number"),
    "recycle_hook": ("string", "textarea"),
}
"""Our own field → HubSpot's type and field type of the property that holds it."""
OWN_LABELS = {
    "recycle_track": "Recycle: track / リサイクル: トラック",
    "recycle_reason": "Recycle: reason / リサイクル: 理由",
    "recycle_next_on": "Recycle: next approach / リサイクル: 次回アプローチ日",
    "recycle_owner": "Recycle: owner / リサイクル: 担当",
    "recycle_channel": "Recycle: channel / リサイクル: 手段",
    "recycle_hook": "Recycle: hook / リサイクル: フック",
    "recycle_rule": "Recycle: rule / リサイクル: ルール",
    "recycle_cycle": "Recycle: cycle / リサイクル: 周回",
}


def default_fields(
    properties: Mapping[Table, Collection[str]], own: Mapping[str, str]
) -> dict[Table, dict[str, FieldSpec]]:
    """Return the field map of an account: the usual properties, and those that bear our own columns' names.

    Args:
        properties: names of the properties that the account has, of deals, contacts and accounts.
        own: our own field → the deal property that holds it.
    """
    usual = {Table.DEALS: {**_DEALS, **own}, Table.CONTACTS: _CONTACTS, Table.ACCOUNTS: _COMPANIES}
    fields: dict[Table, dict[str, FieldSpec]] = {}
    for table, wanted in usual.items():
        there = {*properties.get(table, ()), CONTACT, COMPANY, ID}
        names = {name: column for name, column in wanted.items() if column in there}
        same = {name: name for name in SCHEMAS[table].column_names() if name in there and name not in names}
        fields[table] = {name: _spec(table, name, column) for name, column in {**same, **names}.items()}
    for table, columns in _FIXED.items():
        fields[table] = {name: _spec(table, name, column) for name, column in columns.items()}
    ours = {column: name for name, column in tracked(fields[Table.DEALS]).items()}
    fields[Table.HISTORY]["field"] = FieldSpec(column="property", values=ours)
    return fields


def tracked(deals: Mapping[str, FieldSpec]) -> dict[str, str]:
    """Return our columns of deals whose changes are worth reading → the properties that hold them."""
    apart = {*_WITHOUT_HISTORY, *OWN_FIELDS}
    return {name: spec.column for name, spec in deals.items() if spec.column is not None and name not in apart}


def _spec(table: Table, name: str, column: str) -> FieldSpec:
    """Say how HubSpot writes: dates and times as ISO, numbers with a point."""
    dtype = SCHEMAS[table].columns()[name].dtype
    if dtype.is_temporal():
        return FieldSpec(column=column, format="iso")
    if dtype.is_float():
        return FieldSpec(column=column, format="1,234.5")
    return FieldSpec(column=column)

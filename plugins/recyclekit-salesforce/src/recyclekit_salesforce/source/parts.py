"""What of Salesforce makes up a table: which objects, fields and conditions are asked for, part after part."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from recyclekit.models.tables import Table
from recyclekit_salesforce.columns import soql
from recyclekit_salesforce.columns.catalogue import Catalogue, Described
from recyclekit_salesforce.field_map import BOUNCED, CONTACT, DERIVED, HISTORY_OF

OBJECTS: Mapping[Table, Sequence[str]] = {
    Table.DEALS: ("Opportunity",),
    Table.ACTIVITIES: ("Task", "Event"),
    Table.CONTACTS: ("Contact",),
    Table.ACCOUNTS: ("Account",),
    Table.HISTORY: ("OpportunityHistory", "OpportunityFieldHistory"),
}
ROLE_FIELDS = ("ContactId", "IsPrimary")
_NEEDED: Mapping[str, Sequence[str]] = {
    "Opportunity": ("Id", "IsClosed", "SystemModstamp"),
    "Task": (
        "Id", "WhatId", "WhoId", "TaskSubtype", "IsClosed", "ActivityDate", "CompletedDateTime", "CreatedDate",
        "SystemModstamp",
    ),
    "Event": (
        "Id", "WhatId", "WhoId", "ActivityDate", "StartDateTime", "ActivityDateTime", "IsAllDayEvent", "CreatedDate",
        "SystemModstamp",
    ),
    "Contact": ("Id", "IsEmailBounced", "EmailBouncedDate", "SystemModstamp"),
    "Account": ("Id", "SystemModstamp"),
    "OpportunityHistory": ("Id", *HISTORY_OF, "CreatedDate", "SystemModstamp"),
    "OpportunityFieldHistory": ("Id", "Field", "NewValue", "CreatedDate"),
}  # fmt: skip
_NO_CELLS = frozenset({"address", "location", "base64", "complexvalue", "json"})
"""Types whose values are no single cell; Bulk refuses them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One query of a table: fields of an object, in the order of its stamp and id."""

    described: Described
    fields: Sequence[str]
    where: soql.Where | None
    stamp: str
    roles: bool = False
    everything: bool = False

    @property
    def types(self) -> Mapping[str, str]:
        """Field → type, of the fields asked for."""
        return {name: self.described.types[name] for name in self.fields}

    def query(self, behind: soql.Where | None, *, bulk: bool = False) -> str:
        """Return the query for what comes behind a position; for Bulk without order and subquery, which it refuses."""
        conditions = [one for one in (self.where, behind) if one is not None]
        where = None
        for one in conditions:
            where = one if where is None else where & one
        if bulk:
            return soql.select(self.fields, self.described.name, where)
        children = soql.child(ROLE_FIELDS, "OpportunityContactRoles") if self.roles else ""
        return soql.select(self.fields, self.described.name, where, order=(self.stamp, "Id"), children=children)


def cells(described: Described) -> list[str]:
    """Return the fields of an object that a column can hold."""
    return [name for name, kind in described.types.items() if kind not in _NO_CELLS]


def columns_of(catalogue: Catalogue, table: Table) -> list[str]:
    """Return all columns of a table that this org can fill."""
    objects = [found for name in OBJECTS[table] if (found := catalogue.find(name)) is not None]
    theirs = [name for found in objects for name in cells(found)]
    derived = list(DERIVED.get(table, ()))
    if table is Table.CONTACTS and not {"IsEmailBounced", "EmailBouncedDate"} & set(theirs):
        derived.remove(BOUNCED)
    if table is Table.DEALS and catalogue.find("OpportunityContactRole") is None:
        derived.remove(CONTACT)
    return list(dict.fromkeys([*theirs, *derived]))


def parts_of(catalogue: Catalogue, table: Table, wanted: Collection[str], since: datetime | None) -> list[Part]:
    """Return what must be asked for, one after the other.

    Args:
        catalogue: of the org.
        table: one of OBJECTS.
        wanted: columns asked for.
        since: None for a full reading; else only what changed since then, and all deals that are open: their clock of
            inactivity goes on without a change. Deleted deals are among the changed where IsDeleted is asked for.
    """
    found: list[Part] = []
    for number, name in enumerate(OBJECTS[table]):
        # The first one makes the table; an org that does not use the others hides them.
        described = catalogue.get(name) if number == 0 else catalogue.find(name)
        if described is not None:
            found += _parts(described, table, wanted, since)
    return found


def _parts(described: Described, table: Table, wanted: Collection[str], since: datetime | None) -> list[Part]:
    stamp = "SystemModstamp" if described.has("SystemModstamp") else "CreatedDate"
    usable = set(cells(described))
    fields = [name for name in described.only([*_NEEDED[described.name], stamp, *wanted]) if name in usable]
    # Tasks and events of more than a year ago are archived: only queryAll shows them.
    archived = table is Table.ACTIVITIES
    deleted = since is not None and "IsDeleted" in wanted
    living = soql.flag("IsDeleted", is_set=False) if archived and described.has("IsDeleted") else None
    changed = None if since is None else soql.compare(stamp, ">=", since)
    where = living if changed is None else changed if living is None or deleted else changed & living
    first = Part(
        described=described,
        fields=fields,
        where=where,
        stamp=stamp,
        roles=table is Table.DEALS and CONTACT in wanted,
        everything=archived or deleted,
    )
    if table is not Table.DEALS or since is None:
        return [first]
    still = soql.flag("IsClosed", is_set=False) & soql.compare(stamp, "<", since)
    open_ones = Part(described=described, fields=fields, where=still, stamp=stamp, roles=first.roles)
    return [first, open_ones]

"""What an object is: its fields by name, what it may do, and how it describes itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from recyclekit.testing.sandbox.salesforce.fields import Field, flag, link, moment, own

SYSTEM_FIELDS = (
    Field(name="Id", type="id", label="Record ID", length=18, create=False, update=False),
    own(flag("IsDeleted", label="Deleted")),
    own(moment("CreatedDate", label="Created Date")),
    own(link("CreatedById", "User", label="Created By ID")),
    own(moment("LastModifiedDate", label="Last Modified Date")),
    own(link("LastModifiedById", "User", label="Last Modified By ID")),
    own(moment("SystemModstamp", label="System Modstamp")),
)
_NAMES = frozenset(each.name for each in SYSTEM_FIELDS)


@dataclass(slots=True)
class ObjectType:
    """An object of the org. Names of fields are found in any mixture of upper and lower case, as the vendor does."""

    name: str
    label: str
    prefix: str
    plural: str = ""
    read_only: bool = False
    tooling: bool = False
    fields: dict[str, Field] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, label: str, prefix: str, *fields: Field, **more: Any) -> ObjectType:
        """Return an object with the system fields and these."""
        made = cls(name=name, label=label, prefix=prefix, **more)
        for each in (*SYSTEM_FIELDS, *fields):
            made.add(each)
        return made

    def add(self, new: Field) -> None:
        """Add a field, or replace the one of this name."""
        self.fields[new.name.lower()] = new

    def find(self, name: str) -> Field | None:
        """Return the field of this name, or None."""
        return self.fields.get(name.lower())

    def parent(self, relationship: str) -> Field | None:
        """Return the reference field whose parent is reached by this relationship, or None."""
        wanted = relationship.lower()
        return next((each for each in self if each.relationship and each.relationship.lower() == wanted), None)

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields.values())

    def brief(self, base: str) -> dict[str, Any]:
        """Return the object as the global describe lists it; `base` is the path of this API version."""
        writable = not self.read_only
        return {
            "activateable": False,
            "createable": writable,
            "custom": self.name.endswith("__c"),
            "customSetting": False,
            "deletable": writable,
            "deprecatedAndHidden": False,
            "feedEnabled": False,
            "keyPrefix": self.prefix,
            "label": self.label,
            "labelPlural": self.plural or f"{self.label}s",
            "layoutable": writable,
            "mergeable": False,
            "mruEnabled": writable,
            "name": self.name,
            "queryable": True,
            "replicateable": writable,
            "retrieveable": True,
            "searchable": writable,
            "triggerable": writable,
            "undeletable": writable,
            "updateable": writable,
            "urls": {
                "describe": f"{base}/sobjects/{self.name}/describe",
                "rowTemplate": f"{base}/sobjects/{self.name}/{{ID}}",
                "sobject": f"{base}/sobjects/{self.name}",
            },
        }

    def describe(self, base: str, *, fields: Iterable[Field], children: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return the whole description, of the fields that the caller's user may see."""
        return {
            **self.brief(base),
            "actionOverrides": [],
            "childRelationships": list(children),
            "compactLayoutable": not self.read_only,
            "fields": [each.describe() for each in fields],
            "listviewable": None,
            "lookupLayoutable": None,
            "namedLayoutInfos": [],
            "networkScopeFieldName": None,
            "recordTypeInfos": [],
            "searchLayoutable": not self.read_only,
            "supportedScopes": [{"label": f"All {self.plural or self.label}", "name": "everything"}],
        }


def is_system(name: str) -> bool:
    """Whether every object has this field."""
    return name in _NAMES

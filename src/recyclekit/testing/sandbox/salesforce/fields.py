"""What a field is: its type, who may write it, which values it takes, and how `describe` prints it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

_SOAP = {
    "boolean": "xsd:boolean",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "id": "tns:ID",
    "reference": "tns:ID",
}
NUMBERS = frozenset({"int", "double", "currency", "percent"})
PICKLISTS = frozenset({"picklist"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of an object. A field with `create` and `update` both false is the system's own.

    `children` is the name of the relationship by which the parent lists the records that point to it;
    `relationship` the name by which a record's parent is reached. `values` are the picklist's active values.
    """

    name: str
    type: str
    label: str = ""
    length: int = 0
    create: bool = True
    update: bool = True
    required: bool = False
    default: object = None
    filterable: bool = True
    sortable: bool = True
    unique: bool = False
    external_id: bool = False
    case_sensitive: bool = False
    values: Sequence[str] = ()
    restricted: bool = False
    refers_to: Sequence[str] = ()
    relationship: str | None = None
    children: str | None = None
    scale: int = 0

    @property
    def custom(self) -> bool:
        """Whether an administrator made it."""
        return self.name.endswith("__c")

    @property
    def title(self) -> str:
        """What error messages and screens call it."""
        return self.label or self.name

    @property
    def nillable(self) -> bool:
        """Whether it may be empty."""
        return not (self.required or self.type in {"boolean", "id"} or not (self.create or self.update or self.custom))

    def describe(self) -> dict[str, Any]:
        """Return the field as the `fields` list of a describe answer holds it."""
        text = self.type in {"string", "textarea", "picklist", "email", "phone", "url"}
        return {
            "aggregatable": self.filterable,
            "autoNumber": False,
            "byteLength": self.length * 3 if text else self.length,
            "calculated": False,
            "calculatedFormula": None,
            "caseSensitive": self.case_sensitive,
            "createable": self.create,
            "custom": self.custom,
            "defaultValue": self.default,
            "defaultedOnCreate": self.default is not None or self.type == "boolean" or self.name == "OwnerId",
            "dependentPicklist": False,
            "deprecatedAndHidden": False,
            "digits": 0,
            "externalId": self.external_id,
            "filterable": self.filterable,
            "groupable": self.filterable and self.type not in {"datetime", "double", "currency", "percent"},
            "htmlFormatted": False,
            "idLookup": self.type == "id" or self.external_id or self.type == "email",
            "inlineHelpText": None,
            "label": self.title,
            "length": self.length,
            "name": self.name,
            "nameField": self.name in {"Name", "Subject", "MasterLabel"},
            "namePointing": len(self.refers_to) > 1,
            "nillable": self.nillable,
            "permissionable": self.custom or not self.required,
            "picklistValues": [self._picklist_value(value) for value in self.values],
            "precision": 18 if self.type in NUMBERS else 0,
            "referenceTo": list(self.refers_to),
            "relationshipName": self.relationship,
            "relationshipOrder": None,
            "restrictedDelete": False,
            "restrictedPicklist": self.restricted,
            "scale": self.scale,
            "soapType": _SOAP.get(self.type, "xsd:string"),
            "sortable": self.sortable,
            "type": self.type,
            "unique": self.unique,
            "updateable": self.update,
            "writeRequiresMasterRead": False,
        }

    def _picklist_value(self, value: str) -> dict[str, Any]:
        return {
            "active": True,
            "defaultValue": value == self.default,
            "label": value,
            "validFor": None,
            "value": value,
        }


def text(name: str, length: int = 255, **more: Any) -> Field:
    """A line of text."""
    return Field(name=name, type="string", length=length, **more)


def area(name: str, length: int = 32_000, **more: Any) -> Field:
    """A long text; it can be neither filtered nor sorted by."""
    long = length > 255
    return Field(name=name, type="textarea", length=length, filterable=not long, sortable=not long, **more)


def flag(name: str, *, default: bool = False, **more: Any) -> Field:
    """A checkbox, which is never empty."""
    return Field(name=name, type="boolean", default=default, **more)


def day(name: str, **more: Any) -> Field:
    """A date without time or zone."""
    return Field(name=name, type="date", **more)


def moment(name: str, **more: Any) -> Field:
    """An instant."""
    return Field(name=name, type="datetime", **more)


def number(name: str, kind: str = "double", **more: Any) -> Field:
    """A number of one of the kinds double, int, currency, percent."""
    return Field(name=name, type=kind, **more)


def pick(name: str, *values: str, **more: Any) -> Field:
    """A picklist; open to other values unless `restricted`."""
    return Field(name=name, type="picklist", length=255, values=values, **more)


def link(name: str, *refers_to: str, children: str | None = None, **more: Any) -> Field:
    """The id of a parent record, which `relationship` follows: OwnerId → Owner, Deal__c → Deal__r."""
    relationship = name.removesuffix("__c") + "__r" if name.endswith("__c") else name.removesuffix("Id")
    more.setdefault("relationship", relationship)
    return Field(name=name, type="reference", length=18, refers_to=refers_to, children=children, **more)


def own(field: Field) -> Field:
    """The same field, kept by the system: nobody writes it."""
    return replace(field, create=False, update=False)

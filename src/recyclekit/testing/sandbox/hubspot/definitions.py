"""What properties an object type has: definitions and groups, as the properties API shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from recyclekit.testing.sandbox.hubspot.standard_properties import GROUPS, STANDARD

MAXIMUM_UNIQUE = 10
_FIELD_TYPES = {
    "string": "text",
    "number": "number",
    "date": "date",
    "datetime": "date",
    "enumeration": "select",
    "bool": "booleancheckbox",
}
_SINCE = "2020-01-01T00:00:00.000Z"


@dataclass(slots=True, kw_only=True)
class PropertyDefinition:
    """One property.

    Attributes:
        type: string, number, date, datetime, enumeration or bool.
        options: allowed values → labels of an enumeration.
        forbidden: hidden from this app by a permission: as if it did not exist.
    """

    name: str
    label: str
    type: str = "string"
    field_type: str = ""
    group: str
    options: dict[str, str] = field(default_factory=dict)
    read_only: bool = False
    calculated: bool = False
    unique: bool = False
    hubspot_defined: bool = False
    forbidden: bool = False
    description: str = ""

    def shown(self) -> dict[str, Any]:
        """Return it as the properties API shows it."""
        options = self.options or ({"true": "True", "false": "False"} if self.type == "bool" else {})
        return {
            "updatedAt": _SINCE,
            "createdAt": _SINCE,
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type or _FIELD_TYPES[self.type],
            "description": self.description,
            "groupName": self.group,
            "options": [
                {"label": label, "value": value, "displayOrder": place, "hidden": False}
                for place, (value, label) in enumerate(options.items())
            ],
            "displayOrder": -1,
            "calculated": self.calculated,
            "externalOptions": False,
            "archived": False,
            "hasUniqueValue": self.unique,
            "hidden": False,
            "hubspotDefined": self.hubspot_defined,
            "modificationMetadata": {
                "archivable": not self.hubspot_defined,
                "readOnlyDefinition": self.hubspot_defined,
                "readOnlyOptions": self.hubspot_defined,
                "readOnlyValue": self.read_only or self.calculated,
            },
            "formField": False,
        }


class Definitions(dict[str, PropertyDefinition]):
    """The properties of one object type by name, and its groups (name → label)."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.groups = dict(GROUPS[kind])
        group = next(iter(self.groups))
        super().__init__(
            {
                name: PropertyDefinition(
                    name=name, label=name.replace("_", " ").title(), group=group, hubspot_defined=True, **rest
                )
                for name, rest in STANDARD[kind].items()
            }
        )

    def open(self, name: str) -> PropertyDefinition | None:
        """Return a property that this app may see, or None."""
        found = self.get(name)
        return None if found is None or found.forbidden else found

    def define(self, name: str, *, group: str = "", **rest: Any) -> PropertyDefinition:
        """Make a property, and its group where it is missing; return it. One that is there is left alone."""
        if name not in self:
            group = group or next(iter(self.groups))
            self.groups.setdefault(group, group)
            self[name] = PropertyDefinition(name=name, label=rest.pop("label", name), group=group, **rest)
        return self[name]

    @property
    def unique(self) -> list[str]:
        """The names of the properties whose values are unique."""
        return [name for name, definition in self.items() if definition.unique]

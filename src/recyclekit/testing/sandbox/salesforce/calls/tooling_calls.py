"""The Tooling API, as far as a connector needs it: make a custom field, and find those that are there.

A new field is hidden from everybody until a permission set gives it to someone (FieldPermissions), as in a real org.
Fields of Task and Event belong to the object Activity, whose fields both of them get.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from recyclekit.testing.sandbox.salesforce.calls.routes import Host, Routes, answer, body
from recyclekit.testing.sandbox.salesforce.fields import Field
from recyclekit.testing.sandbox.salesforce.refusals import RequestRefusedError, refused
from recyclekit.testing.sandbox.salesforce.soql import parse
from recyclekit.testing.sandbox.salesforce.soql.answer import answered
from recyclekit.testing.sandbox.wire import Answer, Request

_TYPES = {
    "Text": "string",
    "TextArea": "textarea",
    "LongTextArea": "textarea",
    "Date": "date",
    "DateTime": "datetime",
    "Number": "double",
    "Currency": "currency",
    "Percent": "percent",
    "Checkbox": "boolean",
    "Picklist": "picklist",
    "Email": "email",
    "Url": "url",
    "Phone": "phone",
    "Lookup": "reference",
}
_LENGTHS = {"TextArea": 255, "Picklist": 255, "Lookup": 18, "Email": 80, "Url": 255, "Phone": 40}
_NEEDED = {
    **dict.fromkeys(("Text", "LongTextArea"), "length"),
    **dict.fromkeys(("Number", "Currency", "Percent"), "precision"),
}
_LONGEST_FILTERABLE = 255


class ToolingCalls:
    """The calls below /tooling. `may` tells whether the user may change the org's metadata."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.may = True

    def routes(self, routes: Routes) -> None:
        """Add the calls."""
        routes.add("POST", "/tooling/sobjects/CustomField", self._create)
        routes.add("GET", "/tooling/query", self._query)

    def _create(self, request: Request) -> Answer:
        if not self.may:
            return refused("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", status=403)
        given = body(request)
        owner, _, name = str(given.get("FullName", "")).partition(".")
        if not name.endswith("__c"):
            raise RequestRefusedError(
                "FIELD_INTEGRITY_EXCEPTION", f"Field name must end in __c: {name}", fields=["FullName"]
            )
        metadata = given.get("Metadata")
        field = field_of(name, metadata if isinstance(metadata, dict) else {})
        for type_name in self._owners(owner):
            if self._host.org.type(type_name).find(name):
                message = f"There is already a field named {name.removesuffix('__c')} on {owner}."
                raise RequestRefusedError("DUPLICATE_DEVELOPER_NAME", message, fields=["DeveloperName"])
            self._host.org.add_field(type_name, field, hidden=not field.required)
        record = self._host.org.put(
            "CustomField", FullName=f"{owner}.{name}", DeveloperName=name.removesuffix("__c"), TableEnumOrId=owner
        )
        return answer({"id": record.id, "success": True, "errors": [], "warnings": [], "infos": []}, 201)

    def _owners(self, name: str) -> list[str]:
        if name.lower() == "activity":
            return ["Task", "Event"]
        if name.lower() in {"task", "event"}:
            message = f"Entity Enumeration Or ID: bad value for restricted picklist field: {name}"
            raise RequestRefusedError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, fields=["TableEnumOrId"])
        return [self._host.org.type(name).name]

    def _query(self, request: Request) -> Answer:
        statement = parse(request.first("q"))
        path = request.path.removesuffix("/query")
        found = answered(self._host.org, statement, base=path, page=lambda *_: None, tooling=True)
        rows = [found.row(record) for record in found.records]
        return answer(
            {"size": len(rows), "totalSize": found.total, "done": True, "queryLocator": None, "records": rows}
        )


def field_of(name: str, metadata: dict[str, Any]) -> Field:
    """Return the field that the metadata of a CustomField means.

    Raises:
        RequestRefusedError: a type that is not known, or a value that it needs is missing.
    """
    kind = str(metadata.get("type", ""))
    _refuse_incomplete(kind, metadata)
    length = _whole(metadata.get("length")) or _LENGTHS.get(kind, 0)
    offered = metadata.get("valueSet")
    offered = offered if isinstance(offered, dict) else {}
    return Field(
        name=name,
        type=_TYPES[kind],
        label=str(metadata["label"]),
        length=length,
        required=bool(metadata.get("required")),
        default=False if kind == "Checkbox" else None,
        unique=bool(metadata.get("unique")),
        external_id=bool(metadata.get("externalId")),
        case_sensitive=bool(metadata.get("caseSensitive")),
        values=tuple(_values(offered.get("valueSetDefinition"))),
        restricted=bool(offered.get("restricted")),
        refers_to=(str(metadata["referenceTo"]),) if metadata.get("referenceTo") else (),
        relationship=name.removesuffix("__c") + "__r" if kind == "Lookup" else None,
        filterable=length <= _LONGEST_FILTERABLE,
        sortable=length <= _LONGEST_FILTERABLE,
        scale=_whole(metadata.get("scale")),
    )


def _values(definition: object) -> Iterator[str]:
    values = definition.get("value") if isinstance(definition, dict) else None
    for value in values if isinstance(values, list) else ():
        if isinstance(value, dict):
            yield str(value.get("fullName") or value.get("valueName"))


def _whole(value: object) -> int:
    return int(value) if isinstance(value, int | float) or (isinstance(value, str) and value.isdecimal()) else 0


def _refuse_incomplete(kind: str, metadata: dict[str, Any]) -> None:
    if kind not in _TYPES:
        message = f"Field Type: bad value for restricted picklist field: {kind}"
        raise RequestRefusedError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, fields=["Type"])
    if not metadata.get("label"):
        message = "Required fields are missing: [MasterLabel]"
        raise RequestRefusedError("REQUIRED_FIELD_MISSING", message, fields=["MasterLabel"])
    needed = _NEEDED.get(kind)
    if needed and metadata.get(needed) is None:
        message = f"Must specify '{needed}' for a CustomField of type {kind}"
        raise RequestRefusedError("FIELD_INTEGRITY_EXCEPTION", message)

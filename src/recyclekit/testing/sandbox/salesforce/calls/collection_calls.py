"""sObject collections: up to 200 records in a call, a row for each in the answer, and HTTP 200 even where all fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from recyclekit.testing.sandbox.salesforce import writing
from recyclekit.testing.sandbox.salesforce.calls.routes import PARENTS, Host, Routes, answer, base, body
from recyclekit.testing.sandbox.salesforce.fields import Field
from recyclekit.testing.sandbox.salesforce.ids import full
from recyclekit.testing.sandbox.salesforce.objects import ObjectType
from recyclekit.testing.sandbox.salesforce.refusals import RequestRefusedError, RowRefusedError
from recyclekit.testing.sandbox.wire import Answer, Request

MOST_RECORDS = 200
MOST_READ = 2000
MOST_CHUNKS = 10
_ROLLED_BACK = RowRefusedError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)
Row = dict[str, Any]


class CollectionCalls:
    """The calls on /composite/sobjects."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def routes(self, routes: Routes) -> None:
        """Add the calls."""
        routes.add("POST", "/composite/sobjects", lambda request: self._write(request, self._create))
        routes.add("PATCH", "/composite/sobjects", lambda request: self._write(request, self._change))
        routes.add("DELETE", "/composite/sobjects", self._delete)
        routes.add("PATCH", "/composite/sobjects/{type}/{field}", self._upsert)
        routes.add("GET POST", "/composite/sobjects/{type}", self._read)

    # -- writing ----------------------------------------------------------------------------------------------------

    def _create(self, record: Row) -> Row:
        made = writing.create(self._host.org, self._type_of(record), record)
        return {"id": made.id, "success": True, "errors": []}

    def _change(self, record: Row) -> Row:
        given = str(record.get("id") or record.get("Id") or "")
        if not given:
            raise RowRefusedError("MISSING_ARGUMENT", "Id not specified in an update call")
        found = writing.located(self._host.org, self._type_of(record), given)
        writing.change(self._host.org, found, record)
        return {"id": found.id, "success": True, "errors": []}

    def _upsert(self, request: Request) -> Answer:
        type_ = self._host.org.type(request.parts["type"])
        key = writing.external_key(self._host.org, type_, request.parts["field"])

        def one(record: Row) -> Row:
            made, created = writing.upsert(self._host.org, type_, key, record)
            return {"id": made.id, "success": True, "errors": [], "created": created}

        return self._write(request, one, key=key)

    def _write(self, request: Request, one: Callable[[Row], Row], *, key: Field | None = None) -> Answer:
        given = body(request)
        records = given.get("records")
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise RequestRefusedError("JSON_PARSER_ERROR", "The request needs a list of records")
        _few_enough(records)
        return self._rows(request, records, one, all_or_none=given.get("allOrNone") is True, key=key)

    def _delete(self, request: Request) -> Answer:
        names = [name for name in request.first("ids").split(",") if name]
        records: list[Row] = [{"id": name} for name in names]
        _few_enough(records)

        def one(record: Row) -> Row:
            whole = full(record["id"])
            found = self._host.org.store.anywhere(whole) if whole else None
            if found is None:
                raise RowRefusedError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
            writing.delete(self._host.org, found)
            return {"id": found.id, "success": True, "errors": []}

        return self._rows(request, records, one, all_or_none=request.first("allOrNone").lower() == "true")

    def _rows(
        self,
        request: Request,
        records: list[Row],
        one: Callable[[Row], Row],
        *,
        all_or_none: bool,
        key: Field | None = None,
    ) -> Answer:
        struck = self._host.rows_that_fail(request, len(records))
        twice = _twice(records, key)
        with self._host.org.store.transaction() as take_back:
            try:
                rows = [
                    self._row(request, record, one, struck.get(n) or twice.get(n), key)
                    for n, record in enumerate(records)
                ]
            except RequestRefusedError:
                take_back()
                raise
            if all_or_none and not all(row["success"] for row in rows):
                take_back()
                rows = [_ROLLED_BACK.row() if row["success"] else row for row in rows]
        return answer(rows)

    def _row(
        self, request: Request, record: Row, one: Callable[[Row], Row], fault: RowRefusedError | None, key: Field | None
    ) -> Row:
        names = [str(record.get(name) or "") for name in ("id", "Id", key.name if key else "", *PARENTS)]
        try:
            if refusal := fault or self._host.row_fault(request, *names):
                raise refusal
            return one(record)
        except RowRefusedError as error:
            return error.row()

    def _type_of(self, record: Row) -> ObjectType:
        name = _type_name(record)
        if not name:
            raise RowRefusedError("INVALID_FIELD", "attributes.type is required in each record")
        try:
            type_ = self._host.org.type(name)
        except RequestRefusedError as error:
            raise RowRefusedError(error.code, error.message) from None
        if type_.read_only or type_.tooling:
            message = f"entity type cannot be changed: {type_.name}"
            raise RowRefusedError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message)
        return type_

    # -- reading ----------------------------------------------------------------------------------------------------

    def _read(self, request: Request) -> Answer:
        org = self._host.org
        type_ = org.type(request.parts["type"])
        given = body(request) if request.method == "POST" else {}
        wanted = given.get("ids") or request.first("ids").split(",")
        names = given.get("fields") or request.first("fields").split(",")
        if not isinstance(wanted, list) or not isinstance(names, list):
            raise RequestRefusedError("JSON_PARSER_ERROR", "The request needs lists: ids and fields")
        if len(wanted) > MOST_READ:
            raise RequestRefusedError("EXCEEDED_ID_LIMIT", f"record limit reached. cannot read more than {MOST_READ}")
        fields = [org.visible(type_, str(name)) for name in names]
        missing = next((name for name, field in zip(names, fields, strict=True) if field is None), None)
        if missing:
            raise RequestRefusedError("INVALID_FIELD", f"No such column '{missing}' on sobject of type {type_.name}")
        return answer([self._printed(request, type_, str(each), [f for f in fields if f]) for each in wanted])

    def _printed(self, request: Request, type_: ObjectType, record_id: str, fields: Sequence[Field]) -> Row | None:
        found = self._host.org.store.find(type_.name, full(record_id) or "")
        if found is None or found.deleted:
            return None
        attributes = {"type": type_.name, "url": f"{base(request)}/sobjects/{type_.name}/{found.id}"}
        return {"attributes": attributes, **{field.name: found.get(field.name) for field in fields}}


def _type_name(record: Row) -> str:
    attributes = record.get("attributes")
    return str(attributes.get("type") or "") if isinstance(attributes, dict) else ""


def _few_enough(records: Sequence[Row]) -> None:
    if len(records) > MOST_RECORDS:
        message = f"record limit reached. cannot submit more than {MOST_RECORDS} records into this call"
        raise RequestRefusedError("EXCEEDED_ID_LIMIT", message)
    chunks = groupby(_type_name(record).lower() for record in records)
    if sum(1 for _ in chunks) > MOST_CHUNKS:
        message = f"Cannot have more than {MOST_CHUNKS} chunks in a single operation. Please rearrange the data."
        raise RequestRefusedError("INVALID_FIELD", message)


def _twice(records: Sequence[Row], key: Field | None) -> dict[int, RowRefusedError]:
    """Return the places of the records that stand in the call more than once: every one of them fails."""

    def name(record: Row) -> str:
        if key is not None and key.type != "id":
            return str(record.get(key.name) or "").lower()
        return full(str(record.get("id") or record.get("Id") or "")) or ""

    count = Counter(map(name, records))
    what = f"Duplicate external id specified: {key.name}" if key else "duplicate id specified"
    return {
        n: RowRefusedError("DUPLICATE_VALUE", f"{what}: {name(record)}")
        for n, record in enumerate(records)
        if name(record) and count[name(record)] > 1
    }

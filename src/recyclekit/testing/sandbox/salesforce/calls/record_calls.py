"""Single records: create, read, change (perhaps only if unmodified), delete, each by id or by external id."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from recyclekit.testing.sandbox.salesforce import writing
from recyclekit.testing.sandbox.salesforce.calls.routes import PARENTS, Host, Routes, answer, base, body, http_date
from recyclekit.testing.sandbox.salesforce.fields import Field
from recyclekit.testing.sandbox.salesforce.objects import ObjectType
from recyclekit.testing.sandbox.salesforce.refusals import RequestRefusedError, not_found
from recyclekit.testing.sandbox.salesforce.store import Record
from recyclekit.testing.sandbox.salesforce.values import moment_of
from recyclekit.testing.sandbox.wire import Answer, Request


class RecordCalls:
    """The calls on one record, below /sobjects/{type}."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def routes(self, routes: Routes) -> None:
        """Add the calls."""
        routes.add("POST", "/sobjects/{type}", self._create)
        routes.add("GET", "/sobjects/{type}/{id}", lambda request: self._read(request, self._by_id(request)))
        routes.add("PATCH", "/sobjects/{type}/{id}", self._change)
        routes.add("DELETE", "/sobjects/{type}/{id}", lambda request: self._delete(request, self._by_id(request)))
        external = "/sobjects/{type}/{field}/{value}"
        routes.add("GET", external, lambda request: self._read(request, self._by_key(request)))
        routes.add("PATCH", external, self._upsert)
        routes.add("DELETE", external, lambda request: self._delete(request, self._by_key(request)))

    def _create(self, request: Request) -> Answer:
        type_, values = self._writable(request), body(request)
        self._struck(request, *(str(values.get(name) or "") for name in PARENTS))
        record = writing.create(self._host.org, type_, values)
        return answer({"id": record.id, "success": True, "errors": []}, 201)

    def _read(self, request: Request, record: Record) -> Answer:
        since = _date_header(request, "If-Modified-Since")
        if since and moment_of(record.get("LastModifiedDate")).replace(microsecond=0) <= since:
            return Answer(304)
        org = self._host.org
        type_ = org.store.types[record.type]
        fields = self._asked(request, type_) if request.first("fields") else org.fields(type_)
        row: dict[str, Any] = {
            "attributes": {"type": record.type, "url": f"{base(request)}/sobjects/{record.type}/{record.id}"}
        }
        row |= {field.name: record.get(field.name) for field in fields}
        return answer(row).with_headers({"Last-Modified": http_date(record)})

    def _asked(self, request: Request, type_: ObjectType) -> list[Field]:
        names = request.first("fields").split(",")
        known = [self._host.org.visible(type_, name) for name in names]
        for name, found in zip(names, known, strict=True):
            if found is None:
                raise RequestRefusedError("INVALID_FIELD", f"No such column '{name}' on sobject of type {type_.name}")
        return [found for found in known if found]

    def _change(self, request: Request) -> Answer:
        self._writable(request)
        record = self._by_id(request)
        values = body(request)
        if modified := _modified_since(request, record):
            return modified
        self._struck(request, record.id)
        writing.change(self._host.org, record, values)
        return Answer(204)

    def _upsert(self, request: Request) -> Answer:
        org, type_, value = self._host.org, self._writable(request), request.parts["value"]
        key = writing.external_key(org, type_, request.parts["field"])
        matches = writing.matching(org, type_, key, value)
        if len(matches) > 1:
            return answer([f"{base(request)}/sobjects/{type_.name}/{each.id}" for each in matches], 300)
        values = {name: given for name, given in body(request).items() if name.lower() != key.name.lower()}
        self._struck(request, value, *(each.id for each in matches), *(str(values.get(name) or "") for name in PARENTS))
        record, created = writing.upsert(org, type_, key, {**values, key.name: value})
        row = {"id": record.id, "success": True, "errors": [], "created": created}
        return answer(row, 201 if created else 200)

    def _delete(self, request: Request, record: Record) -> Answer:
        self._writable(request)
        self._struck(request, record.id)
        writing.delete(self._host.org, record)
        return Answer(204)

    def _struck(self, request: Request, *names: str) -> None:
        fault = self._host.row_fault(request, *names) or self._host.rows_that_fail(request, 1).get(0)
        if fault is not None:
            raise fault

    def _type(self, request: Request) -> ObjectType:
        type_ = self._host.org.type(request.parts["type"], code="NOT_FOUND")
        if type_.tooling:
            raise not_found()
        return type_

    def _writable(self, request: Request) -> ObjectType:
        type_ = self._type(request)
        if type_.read_only:
            message = f"entity type cannot be changed: {type_.name}"
            raise RequestRefusedError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, fields=[])
        return type_

    def _by_id(self, request: Request) -> Record:
        return writing.located(self._host.org, self._type(request), request.parts["id"], missing="NOT_FOUND")

    def _by_key(self, request: Request) -> Record:
        org, type_ = self._host.org, self._type(request)
        key = writing.external_key(org, type_, request.parts["field"])
        found = writing.matching(org, type_, key, request.parts["value"])
        if not found:
            raise not_found()
        return found[0]


def _modified_since(request: Request, record: Record) -> Answer | None:
    """Return 412 where the record changed after the time that the client names; seconds are as fine as it gets."""
    limit = _date_header(request, "If-Unmodified-Since")
    if limit is None:
        return None
    if moment_of(record.get("LastModifiedDate")).replace(microsecond=0) <= limit:
        return None
    refusal = RequestRefusedError("PRECONDITION_FAILED", "The record was modified after the given time", status=412)
    return refusal.answer()


def _date_header(request: Request, name: str) -> datetime | None:
    given = request.headers.get(name.lower())
    if given is None:
        return None
    try:
        at = parsedate_to_datetime(given)
    except ValueError:
        raise RequestRefusedError("INVALID_HEADER", f"Invalid value for header {name}: {given}") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)

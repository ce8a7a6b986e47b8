"""Which path is which endpoint: v3 and v4 as the SDKs of today speak them, and the dated versions that follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from recyclekit.testing.sandbox.hubspot.describing import Describing
from recyclekit.testing.sandbox.hubspot.enrolling import Enrolling
from recyclekit.testing.sandbox.hubspot.linking import Linking
from recyclekit.testing.sandbox.hubspot.reading import Reading
from recyclekit.testing.sandbox.hubspot.searching import Searching
from recyclekit.testing.sandbox.hubspot.sign_in import SignIn
from recyclekit.testing.sandbox.hubspot.writing import Writing
from recyclekit.testing.sandbox.wire import Answer, Request

DATED = ("2026-03", "2026-09")
TOKEN_PATHS = ("/oauth/v1/token", "/oauth/v3/token", *(f"/oauth/{version}/token" for version in DATED))
Route = tuple[str, str, Callable[[Request], Answer]]


def of_objects(reading: Reading, writing: Writing, searching: Searching) -> Iterator[Route]:
    """Yield the routes of records."""
    for stem in ("/crm/v3/objects", *(f"/crm/objects/{version}" for version in DATED)):
        yield "GET", f"{stem}/{{type}}", reading.page
        yield "POST", f"{stem}/{{type}}", writing.create
        yield "POST", f"{stem}/{{type}}/search", searching.search
        yield "POST", f"{stem}/{{type}}/batch/read", reading.batch
        yield "POST", f"{stem}/{{type}}/batch/create", writing.batch_create
        yield "POST", f"{stem}/{{type}}/batch/update", writing.batch_update
        yield "POST", f"{stem}/{{type}}/batch/upsert", writing.batch_upsert
        yield "POST", f"{stem}/{{type}}/batch/archive", writing.batch_archive
        yield "GET", f"{stem}/{{type}}/{{id}}", reading.one
        yield "PATCH", f"{stem}/{{type}}/{{id}}", writing.update
        yield "DELETE", f"{stem}/{{type}}/{{id}}", writing.archive


def of_associations(linking: Linking) -> Iterator[Route]:
    """Yield the routes of associations."""
    for stem in ("/crm/v4/associations", *(f"/crm/associations/{version}" for version in DATED)):
        yield "POST", f"{stem}/{{from}}/{{to}}/batch/read", linking.batch
        yield "POST", f"{stem}/{{from}}/{{to}}/batch/create", linking.batch_put
        yield "POST", f"{stem}/{{from}}/{{to}}/batch/archive", linking.batch_drop
        yield "GET", f"{stem}/{{from}}/{{to}}/labels", linking.labels
        yield "POST", f"{stem}/{{from}}/{{to}}/batch/associate/default", linking.batch_put
    for stem in ("/crm/v4/objects", *(f"/crm/objects/{version}" for version in DATED)):
        yield "GET", f"{stem}/{{from}}/{{id}}/associations/{{to}}", linking.one
        yield "PUT", f"{stem}/{{from}}/{{id}}/associations/default/{{to}}/{{to_id}}", linking.put
        yield "PUT", f"{stem}/{{from}}/{{id}}/associations/{{to}}/{{to_id}}", linking.put
        yield "DELETE", f"{stem}/{{from}}/{{id}}/associations/{{to}}/{{to_id}}", linking.drop


def of_the_portal(describing: Describing) -> Iterator[Route]:
    """Yield the routes of properties, pipelines, owners and the account."""
    for stem in _stems("properties"):
        yield "GET", f"{stem}/{{type}}", describing.properties
        yield "POST", f"{stem}/{{type}}", describing.create_property
        yield "GET", f"{stem}/{{type}}/groups", describing.groups
        yield "POST", f"{stem}/{{type}}/groups", describing.create_group
        yield "POST", f"{stem}/{{type}}/batch/create", describing.create_properties
        yield "GET", f"{stem}/{{type}}/{{name}}", describing.property
    for stem in _stems("pipelines"):
        yield "GET", f"{stem}/{{type}}", describing.pipelines
        yield "GET", f"{stem}/{{type}}/{{id}}", describing.pipeline
        yield "GET", f"{stem}/{{type}}/{{id}}/stages", describing.stages
    for stem in _stems("owners"):
        yield "GET", stem, describing.owners
        yield "GET", f"{stem}/{{id}}", describing.owner
    for version in ("v3", *DATED):
        yield "GET", f"/account-info/{version}/details", describing.account
        yield "GET", f"/account-info/{version}/api-usage/daily/private-apps", describing.usage


def of_lists_and_consent(enrolling: Enrolling) -> Iterator[Route]:
    """Yield the routes of lists and of consent."""
    for stem in _stems("lists"):
        yield "POST", stem, enrolling.create
        yield "POST", f"{stem}/search", enrolling.search
        yield "GET", f"{stem}/{{id}}", enrolling.one
        yield "GET", f"{stem}/{{id}}/memberships", enrolling.members
        yield "PUT", f"{stem}/{{id}}/memberships/add", enrolling.add
        yield "PUT", f"{stem}/{{id}}/memberships/remove", enrolling.remove
        yield "PUT", f"{stem}/{{id}}/memberships/add-and-remove", enrolling.add_and_remove
    yield "GET", "/communication-preferences/v3/status/email/{email}", enrolling.status
    for version in ("v4", *DATED):
        yield "GET", f"/communication-preferences/{version}/statuses/{{email}}", enrolling.statuses


def of_sign_in(sign_in: SignIn) -> Iterator[Route]:
    """Yield the routes that hand out tokens."""
    for path in TOKEN_PATHS:
        yield "POST", path, sign_in.exchange


def _stems(area: str) -> tuple[str, ...]:
    return (f"/crm/v3/{area}", *(f"/crm/{area}/{version}" for version in DATED))

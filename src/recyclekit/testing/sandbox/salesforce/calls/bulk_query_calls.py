"""Bulk API 2.0 query: a job, then its rows as CSV, page by page, each locator readable again and in any order."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from recyclekit.testing.sandbox.salesforce.calls.jobs import (
    ABORTED,
    COMPLETE,
    FAILED,
    RUNNING,
    UPLOADED,
    Job,
    Jobs,
    csv_answer,
)
from recyclekit.testing.sandbox.salesforce.calls.routes import Host, Routes, answer, base, body
from recyclekit.testing.sandbox.salesforce.refusals import RequestRefusedError
from recyclekit.testing.sandbox.salesforce.soql import parse
from recyclekit.testing.sandbox.salesforce.soql.binding import bind
from recyclekit.testing.sandbox.salesforce.soql.selection import selected, source_of
from recyclekit.testing.sandbox.salesforce.soql.syntax import Path, Query
from recyclekit.testing.sandbox.salesforce.store import Record
from recyclekit.testing.sandbox.wire import Answer, Request

_DEFAULT_PAGE = 50_000
_PAGES_TOLD = 5


class BulkQueryCalls:
    """The calls on /jobs/query. `largest_page` is a knob: no page has more rows, whatever is asked for."""

    def __init__(self, host: Host, jobs: Jobs) -> None:
        self._host, self._jobs = host, jobs
        self.largest_page = 250_000
        self._found: dict[str, tuple[list[str], list[Record], list[Callable[[Record], Any]]]] = {}

    def routes(self, routes: Routes) -> None:
        """Add the calls."""
        routes.add("POST", "/jobs/query", self._open)
        routes.add("GET", "/jobs/query", lambda _: answer(self._jobs.listed()))
        routes.add("GET", "/jobs/query/{job}", self._poll)
        routes.add("PATCH", "/jobs/query/{job}", self._abort)
        routes.add("DELETE", "/jobs/query/{job}", self._delete)
        routes.add("GET", "/jobs/query/{job}/results", self._results)
        routes.add("GET", "/jobs/query/{job}/resultPages", self._result_pages)

    def _open(self, request: Request) -> Answer:
        given = body(request)
        if str(given.get("operation")) not in {"query", "queryAll"}:
            raise RequestRefusedError("INVALIDJOB", f"InvalidJob : Unsupported operation: {given.get('operation')}")
        statement = parse(str(given.get("query", "")))
        columns = _columns(statement)
        org = self._host.org
        type_ = source_of(org, statement)
        getters = [bind(org, statement, type_, path).get for path in columns]
        records = selected(org, statement, type_, deleted=given["operation"] == "queryAll")
        job = self._jobs.open(request, {**given, "object": type_.name}, UPLOADED)
        self._found[job.body["id"]] = ([str(path) for path in columns], records, getters)
        return answer(job.body)

    def _poll(self, request: Request) -> Answer:
        job = self._jobs.find(request)
        if job.move_on(self._jobs.polls_needed):
            job.body["state"] = COMPLETE
            count = len(self._found[job.body["id"]][1])
            job.facts.update(numberRecordsProcessed=count, retries=0, totalProcessingTime=count // 10)
        return answer({**job.printed(), "jobType": "V2Query"})

    def _abort(self, request: Request) -> Answer:
        job = self._jobs.find(request)
        if body(request).get("state") != ABORTED or job.state not in {UPLOADED, RUNNING}:
            raise RequestRefusedError("INVALIDJOBSTATE", f"Aborting already {job.state} job not allowed")
        job.body["state"] = ABORTED
        return answer(job.body)

    def _delete(self, request: Request) -> Answer:
        job = self._jobs.find(request)
        if job.state not in {COMPLETE, ABORTED, FAILED}:
            raise RequestRefusedError("API_ERROR", "Unable to delete a query job that is not finished")
        del self._jobs.all[job.body["id"]]
        return Answer(204)

    # -- results ----------------------------------------------------------------------------------------------------

    def _results(self, request: Request) -> Answer:
        job = self._done(request)
        columns, records, getters = self._found[job.body["id"]]
        start = _offset(request.first("locator"))
        end = min(len(records), start + self._page_size(request))
        rows = ([get(record) for get in getters] for record in records[start:end])
        locator = _locator(end) if end < len(records) else "null"
        return csv_answer(columns, rows, job).with_headers(
            {"Sforce-Locator": locator, "Sforce-NumberOfRecords": str(end - start)}
        )

    def _result_pages(self, request: Request) -> Answer:
        job = self._done(request)
        size, total = self._page_size(request), len(self._found[job.body["id"]][1])
        start = _offset(request.first("locator"))
        url = f"{base(request)}/jobs/query/{job.body['id']}"
        starts = list(range(start, total, size))[:_PAGES_TOLD]
        after = starts[-1] + size if starts else total
        pages = [{"resultUrl": f"{url}/results?locator={_locator(each)}&maxRecords={size}"} for each in starts]
        done = after >= total
        more = None if done else f"{url}/resultPages?locator={_locator(after)}&maxRecords={size}"
        return answer({"resultPages": pages, "nextRecordsUrl": more, "done": done})

    def _page_size(self, request: Request) -> int:
        asked = request.first("maxRecords")
        if asked and not asked.isdecimal():
            raise RequestRefusedError("INVALID_QUERY_FILTER", f"maxRecords is not a number: {asked}")
        return max(1, min(self.largest_page, int(asked or _DEFAULT_PAGE)))

    def _done(self, request: Request) -> Job:
        job = self._jobs.find(request)
        if job.version != request.parts["version"]:
            message = f"The API version of the job is {job.version}, not {request.parts['version']}"
            raise RequestRefusedError("VERSION_MISMATCH", message, status=409)
        if job.state != COMPLETE:
            raise RequestRefusedError("INVALIDJOBSTATE", f"The job is {job.state}; it has no results to be read")
        return job


def _columns(statement: Query) -> list[Path]:
    """Return the paths that a bulk query selects.

    Raises:
        RequestRefusedError: it selects what bulk queries cannot.
    """
    columns = [item for item in statement.select if isinstance(item, Path)]
    if len(columns) < len(statement.select) or statement.group_by:
        raise RequestRefusedError("API_ERROR", "Aggregate Relationships not supported in Bulk Query")
    if statement.offset:
        raise RequestRefusedError("API_ERROR", "OFFSET clause is not supported in Bulk Query")
    return columns


def _locator(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).decode().rstrip("=")


def _offset(locator: str) -> int:
    if not locator:
        return 0
    try:
        return max(0, int(base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4))))
    except ValueError:
        raise RequestRefusedError("INVALID_LOCATOR", f"The locator is not valid: {locator}") from None

"""Bulk API 2.0 ingest: a job, one upload of CSV, then three lists: rows done, rows failed, rows never looked at."""

from __future__ import annotations

import csv
import io
from typing import Any

from recyclekit.testing.sandbox.salesforce import writing
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
from recyclekit.testing.sandbox.salesforce.calls.routes import PARENTS, Host, Routes, answer, body, payload
from recyclekit.testing.sandbox.salesforce.refusals import RequestRefusedError, RowRefusedError
from recyclekit.testing.sandbox.wire import Answer, Request

OPERATIONS = ("insert", "update", "upsert", "delete")
MOST_BYTES = 150_000_000
NULL = "#N/A"
OPEN = "Open"


class BadUploadError(Exception):
    """The upload cannot be read as a whole: the job fails and every row stays unprocessed."""


class BulkIngestCalls:
    """The calls on /jobs/ingest."""

    def __init__(self, host: Host, jobs: Jobs) -> None:
        self._host, self._jobs = host, jobs
        self._uploads: dict[str, bytes] = {}
        self._done: dict[str, _Outcome] = {}

    def routes(self, routes: Routes) -> None:
        """Add the calls."""
        routes.add("POST", "/jobs/ingest", self._open)
        routes.add("GET", "/jobs/ingest", lambda _: answer(self._jobs.listed()))
        routes.add("GET", "/jobs/ingest/{job}", self._poll)
        routes.add("PATCH", "/jobs/ingest/{job}", self._move)
        routes.add("DELETE", "/jobs/ingest/{job}", self._delete)
        routes.add("PUT", "/jobs/ingest/{job}/batches", self._upload)
        for name in ("successfulResults", "failedResults", "unprocessedrecords"):
            routes.add("GET", f"/jobs/ingest/{{job}}/{name}", self._results)

    def _open(self, request: Request) -> Answer:
        given = body(request)
        operation, key = given.get("operation"), given.get("externalIdFieldName")
        if operation not in OPERATIONS:
            raise RequestRefusedError("INVALIDJOB", f"InvalidJob : Unsupported operation: {operation}")
        type_ = self._host.org.type(str(given.get("object", "")), code="INVALIDENTITY")
        more: dict[str, Any] = {}
        if operation == "upsert":
            if not key:
                raise RequestRefusedError("INVALIDJOB", "InvalidJob : External ID was blank for upsert")
            more["externalIdFieldName"] = writing.external_key(self._host.org, type_, str(key)).name
        job = self._jobs.open(request, {**given, "object": type_.name}, OPEN, **more)
        version = request.parts["version"].removeprefix("v")
        job.body["contentUrl"] = f"services/data/v{version}/jobs/ingest/{job.body['id']}/batches"
        return answer(job.body)

    def _upload(self, request: Request) -> Answer:
        job = self._jobs.find(request)
        if job.state != OPEN or job.body["id"] in self._uploads:
            raise RequestRefusedError("INVALIDJOBSTATE", f"The job is {job.state} and takes no more data")
        upload = payload(request)
        if len(upload) > MOST_BYTES:
            raise RequestRefusedError("INVALIDBATCH", f"The upload is larger than {MOST_BYTES} bytes", status=413)
        self._uploads[job.body["id"]] = upload
        return Answer(201)

    def _move(self, request: Request) -> Answer:
        job, state = self._jobs.find(request), str(body(request).get("state"))
        if state not in {UPLOADED, ABORTED} or job.state != OPEN:
            raise RequestRefusedError("INVALIDJOBSTATE", f"The job is {job.state} and cannot become {state}")
        job.body["state"] = state
        return answer(job.body)

    def _poll(self, request: Request) -> Answer:
        job = self._jobs.find(request)
        if job.move_on(self._jobs.polls_needed):
            self._work(request, job)
        counts = {"numberRecordsProcessed": 0, "numberRecordsFailed": 0, "retries": 0, "totalProcessingTime": 0}
        return answer({**counts, **job.printed(), "jobType": "V2Ingest"})

    def _delete(self, request: Request) -> Answer:
        job = self._jobs.find(request)
        if job.state in {RUNNING, OPEN}:
            raise RequestRefusedError("API_ERROR", "Unable to delete a job that is not finished")
        del self._jobs.all[job.body["id"]]
        return Answer(204)

    def _results(self, request: Request) -> Answer:
        job = self._jobs.find(request)
        if job.state not in {COMPLETE, FAILED, ABORTED}:
            raise RequestRefusedError("INVALIDJOBSTATE", f"The job is {job.state}; it has no results to be read")
        outcome = self._done.get(job.body["id"], _Outcome([]))
        match request.path.rstrip("/").rsplit("/", 1)[-1]:
            case "successfulResults":
                return csv_answer(["sf__Id", "sf__Created", *outcome.columns], outcome.done, job)
            case "failedResults":
                return csv_answer(["sf__Id", "sf__Error", *outcome.columns], outcome.failed, job)
            case _:
                return csv_answer(outcome.columns, outcome.unprocessed, job)

    # -- the work ---------------------------------------------------------------------------------------------------

    def _work(self, request: Request, job: Job) -> None:
        type_ = self._host.org.store.types[job.body["object"]]
        try:
            columns, rows = _read(self._uploads.get(job.body["id"], b""), job)
        except BadUploadError as error:
            job.body["state"], job.facts["errorMessage"] = FAILED, f"InvalidBatch : {error}"
            return
        outcome = self._done[job.body["id"]] = _Outcome(columns)
        missing = next((c for c in columns if c.lower() != "id" and self._host.org.visible(type_, c) is None), None)
        if missing is not None:
            job.body["state"], job.facts["errorMessage"] = FAILED, f"InvalidBatch : Field name not found : {missing}"
            outcome.unprocessed = rows
            return
        struck = self._host.rows_that_fail(request, len(rows))
        for n, row in enumerate(rows):
            self._one(request, job, outcome, row, struck.get(n))
        job.body["state"] = COMPLETE
        job.facts |= {"numberRecordsProcessed": len(rows), "numberRecordsFailed": len(outcome.failed)}

    def _one(
        self, request: Request, job: Job, outcome: _Outcome, row: list[str], fault: RowRefusedError | None
    ) -> None:
        cells = dict(zip(outcome.columns, row, strict=True))
        names = [cells.get(name, "") for name in ("Id", job.body.get("externalIdFieldName") or "", *PARENTS)]
        try:
            if refusal := fault or self._host.row_fault(request, *names):
                raise refusal
            record_id, created = self._applied(job, cells)
            outcome.done.append([record_id, created, *row])
        except RowRefusedError as error:
            outcome.failed.append([cells.get("Id", ""), error.text(), *row])
        except RequestRefusedError as error:  # a cell that is no date or number is one row's fault here
            text = RowRefusedError("INVALID_TYPE_ON_FIELD_IN_RECORD", error.message).text()
            outcome.failed.append([cells.get("Id", ""), text, *row])

    def _applied(self, job: Job, cells: dict[str, str]) -> tuple[str, bool]:
        """Apply one row: an empty cell leaves its field alone, #N/A empties it."""
        org = self._host.org
        type_ = org.store.types[job.body["object"]]
        values = {name: None if cell == NULL else cell for name, cell in cells.items() if cell != ""}
        given = next((cells[name] for name in cells if name.lower() == "id"), "")
        match job.body["operation"]:
            case "insert":
                return writing.create(org, type_, values).id, True
            case "upsert":
                key = writing.external_key(org, type_, job.body["externalIdFieldName"])
                record, created = writing.upsert(org, type_, key, values)
                return record.id, created
            case "update":
                record = writing.located(org, type_, given)
                writing.change(org, record, {name: value for name, value in values.items() if name.lower() != "id"})
                return record.id, False
            case _:
                record = writing.located(org, type_, given)
                writing.delete(org, record)
                return record.id, False


class _Outcome:
    """What became of a job's rows."""

    def __init__(self, columns: list[str]) -> None:
        self.columns = columns
        self.done: list[list[Any]] = []
        self.failed: list[list[Any]] = []
        self.unprocessed: list[list[str]] = []


def _read(upload: bytes, job: Job) -> tuple[list[str], list[list[str]]]:
    try:
        text = upload.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadUploadError("The file is not encoded in UTF-8") from None
    first = text.partition("\n")[0]
    if first.endswith("\r") != (job.line_ending == "\r\n"):
        ending = job.body["lineEnding"]
        raise BadUploadError(f"LineEnding is invalid on user data. Current LineEnding setting is {ending}")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=job.delimiter))
    except csv.Error as error:
        raise BadUploadError(f"Failed to parse CSV: {error}") from None
    if not rows or not any(rows[0]):
        raise BadUploadError("The file has no header line")
    columns, lines = rows[0], [row for row in rows[1:] if row]
    if any(len(row) != len(columns) for row in lines):
        raise BadUploadError("A line has more or fewer columns than the header")
    return columns, lines

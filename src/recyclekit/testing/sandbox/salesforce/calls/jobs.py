"""What bulk query and ingest jobs share: a job's body, its states, and CSV as the vendor reads and writes it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from recyclekit.testing.sandbox.salesforce.ids import make
from recyclekit.testing.sandbox.salesforce.org import Org
from recyclekit.testing.sandbox.salesforce.refusals import RequestRefusedError, not_found
from recyclekit.testing.sandbox.wire import Answer, Request

CSV = {"Content-Type": "text/csv"}
DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
UPLOADED, RUNNING, COMPLETE, FAILED, ABORTED = "UploadComplete", "InProgress", "JobComplete", "Failed", "Aborted"
Row = dict[str, Any]


@dataclass(slots=True)
class Job:
    """One job. `polls` counts how often it was asked for since its upload was complete."""

    body: Row
    version: str
    polls: int = 0
    facts: Row = field(default_factory=dict)

    @property
    def state(self) -> str:
        """Where it stands."""
        return str(self.body["state"])

    @property
    def delimiter(self) -> str:
        """The character between its columns."""
        return DELIMITERS[self.body["columnDelimiter"]]

    @property
    def line_ending(self) -> str:
        """The characters at the end of its lines."""
        return LINE_ENDINGS[self.body["lineEnding"]]

    def move_on(self, polls_needed: int) -> bool:
        """Count a poll of a waiting job; return whether its work is due now."""
        if self.state not in {UPLOADED, RUNNING}:
            return False
        self.polls += 1
        self.body["state"] = RUNNING
        return self.polls > polls_needed

    def printed(self) -> Row:
        """Return the job as it is told when asked for."""
        return {**self.body, **self.facts}


class Jobs:
    """The jobs of one kind. `polls_needed` is a knob: how often a job is asked for before it is done."""

    def __init__(self, org: Org, prefix: str) -> None:
        self._org, self._prefix = org, prefix
        self.polls_needed = 1
        self.all: dict[str, Job] = {}

    def open(self, request: Request, given: Row, state: str, **more: Any) -> Job:
        """Make a job.

        Raises:
            RequestRefusedError: a delimiter, line ending or content type that is not known.
        """
        for name, known in (
            ("columnDelimiter", DELIMITERS),
            ("lineEnding", LINE_ENDINGS),
            ("contentType", {"CSV": ""}),
        ):
            if str(given.get(name, next(iter(known)))) not in known:
                raise RequestRefusedError("INVALIDJOB", f"InvalidJob : Unsupported {name}: {given[name]}")
        version, now = request.parts["version"], self._org.now()
        body = {
            "id": make(self._prefix, len(self.all) + 1),
            **{name: given.get(name) for name in ("operation", "object")},
            "createdById": self._org.robot,
            "createdDate": now,
            "systemModstamp": now,
            "state": state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(version.removeprefix("v")),
            "lineEnding": given.get("lineEnding", "LF"),
            "columnDelimiter": given.get("columnDelimiter", "COMMA"),
            **more,
        }
        job = self.all[body["id"]] = Job(body, version)
        return job

    def find(self, request: Request) -> Job:
        """Return the job that a call names.

        Raises:
            RequestRefusedError: there is none, or another API version made it.
        """
        job = self.all.get(request.parts["job"])
        if job is None:
            raise not_found()
        return job

    def listed(self) -> Row:
        """Return all jobs as the list of jobs tells them."""
        return {"done": True, "records": [job.printed() for job in self.all.values()], "nextRecordsUrl": None}


def written(columns: Sequence[str], rows: Iterable[Sequence[Any]], job: Job) -> bytes:
    """Return rows as CSV: everything quoted, null as nothing between the quotes."""
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator=job.line_ending, delimiter=job.delimiter)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return file.getvalue().encode()


def csv_answer(columns: Sequence[str], rows: Iterable[Sequence[Any]], job: Job) -> Answer:
    """Return rows as a CSV answer."""
    return Answer(200, written(columns, rows, job), CSV)


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value

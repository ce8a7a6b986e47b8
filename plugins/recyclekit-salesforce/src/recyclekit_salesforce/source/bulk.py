"""Bulk API 2.0 queries: a job, its result in parts of CSV, straight into columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl
import requests

from recyclekit.errors import RefusedError, RemoteError, RetryableError
from recyclekit_salesforce.answers import garbled
from recyclekit_salesforce.columns.decoding import from_csv
from recyclekit_salesforce.transport import Transport

PART = 7_500
"""Records asked for at a time: what lies in memory at once."""
_FIRST, _LONGEST = 0.2, 20.0
_RUNNING = frozenset({"UploadComplete", "InProgress", "Open"})


def start(transport: Transport, soql: str, *, everything: bool) -> str:
    """Begin a query and return its job's id."""
    body = {"operation": "queryAll" if everything else "query", "query": soql}
    answer = transport.write_json("POST", "jobs/query", body, changes=False)
    if not isinstance(answer, Mapping) or not isinstance(answer.get("id"), str):
        raise garbled("POST jobs/query", writes=False)
    return str(answer["id"])


def wait(transport: Transport, path: str, *, most: float = 3600.0) -> Mapping[str, Any]:
    """Return a job once it has ended, asking more and more seldom.

    Args:
        transport: of the org.
        path: of the job, below the version's.
        most: seconds after which it is given up.

    Raises:
        RefusedError: it failed, or somebody aborted it. RetryableError: it takes too long.
    """
    pause, waited = _FIRST, 0.0
    while True:
        job = transport.read_json(path, right=_is_job)
        if job["state"] == "JobComplete":
            return dict(job)
        if job["state"] not in _RUNNING:
            raise RefusedError(
                f"A Bulk job ended as {job['state']}.", code=str(job["state"]), why=str(job.get("errorMessage", ""))
            )
        if waited >= most:
            raise RetryableError("A Bulk job does not come to an end.", why=f"{waited:.0f} s have passed.")
        transport.wait(pause)
        waited += pause
        pause = min(pause * 1.5, _LONGEST)


def results(
    transport: Transport, job: str, locator: str | None, fields: Sequence[str]
) -> Iterator[tuple[pl.DataFrame, str | None]]:
    """Yield the parts of a job's result from a locator on, each with the locator of the next; None at the end.

    Raises:
        RefusedError: the job is gone (results are kept for seven days).
        RemoteError: the parts turn in circles.
        RetryableError: the parts hold another number of records than the job says.
    """
    promised = wait(transport, f"jobs/query/{job}").get("numberRecordsProcessed")
    whole, read, first, seen = locator is None, 0, True, {locator}
    while first or locator is not None:
        first = False
        frame, locator = _part(transport, job, locator, fields)
        read += frame.height
        if locator is not None and locator in seen:
            raise RemoteError("A Bulk result turns in circles.", why="Salesforce names the same next part again.")
        seen.add(locator)
        if locator is None and whole and isinstance(promised, int) and read != promised:
            raise RetryableError(f"A Bulk result ended after {read} of {promised} records.")
        yield frame, locator


def _part(
    transport: Transport, job: str, locator: str | None, fields: Sequence[str]
) -> tuple[pl.DataFrame, str | None]:
    params = {"maxRecords": str(PART)} | ({"locator": locator} if locator else {})

    def take(answer: requests.Response) -> tuple[pl.DataFrame, str | None]:
        count, following = answer.headers.get("Sforce-NumberOfRecords", ""), answer.headers.get("Sforce-Locator", "")
        if not count.isdecimal() or not following:
            # A page of a gateway, say: taken for an answer, it would look like an empty last part.
            raise garbled(f"GET jobs/query/{job}/results", writes=False)
        return from_csv(answer.content, fields, int(count)), None if following == "null" else following

    return transport.read(f"jobs/query/{job}/results", params, take=take, accept="text/csv")


def _is_job(answer: object) -> bool:
    return isinstance(answer, Mapping) and isinstance(answer.get("state"), str)

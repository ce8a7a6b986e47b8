"""Bulk API 2.0 ingest: our own CSV, one job, and every row's fate read from the three result files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import polars as pl
import requests

from recyclekit.errors import InDoubtError, RefusedError, RemoteError, RetryableError
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit_salesforce.answers import TRANSIENT, bulk_refusal, doubtful, failed, garbled
from recyclekit_salesforce.columns.decoding import from_csv
from recyclekit_salesforce.settings import SalesforceSettings
from recyclekit_salesforce.sink.rows import UNSENT, Row, Send, chunks, deliver
from recyclekit_salesforce.source import bulk
from recyclekit_salesforce.transport import Transport

CLEAR = "#N/A"
"""What empties a field; an empty cell leaves it alone."""
_STARTED = frozenset({"UploadComplete", "InProgress", "JobComplete"})


def to_csv(rows: Sequence[Row], key: str) -> bytes:
    """Return the rows as the CSV of a job; `key` is the column that tells them apart, first."""
    names = [key, *dict.fromkeys(name for row in rows for name in row.body if name.lower() != key.lower())]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(row.body, name) for name in names] for row in rows)
    return out.getvalue().encode()


def _cell(body: Mapping[str, Any], name: str) -> str:
    held = body.get("id") if name == "Id" else body.get(name, "")
    return CLEAR if held is None or (held == "" and name in body) else str(held)


def ingest(
    transport: Transport,
    rows: Sequence[Row],
    send: Send,
    settings: SalesforceSettings,
    *,
    table: str,
    external_id: str | None = None,
) -> list[Receipt]:
    """Write rows in one job and return one receipt each; rows that were locked are sent again in small calls.

    Args:
        transport: of the connection.
        rows: bodies without attributes.
        send: the small call.
        settings: of the connection.
        table: object to update.
        external_id: field by which to upsert instead.

    Raises:
        RetryableError, QuotaError, SignInError: nothing was applied.
    """
    ordered = [row for chunk in chunks(rows) for row in chunk]
    key = external_id or "Id"
    path = transport.retrying.call(
        lambda: _uploaded(transport, to_csv(ordered, key), table, external_id), repeatable=True
    )
    _begin(transport, path)
    try:
        receipts = _fates(transport, path, ordered, key)
    except RemoteError as error:
        _abort(transport, path)
        return [doubtful(row.action, error.what) for row in ordered]
    again = {r.key for r in receipts if r.state is ReceiptState.PLANNED and r.code in TRANSIENT}
    left = [row for row in ordered if row.action.key in again]
    if not left:
        return receipts
    sent = deliver(transport, left, send, parallel=settings.parallel)
    return [r for r in receipts if r.key not in again] + sent


def _uploaded(transport: Transport, content: bytes, table: str, external_id: str | None) -> str:
    """Return the path of a new job that holds the rows. It does nothing before it is begun, so doubt means another."""
    path = f"jobs/ingest/{_create(transport, table, external_id)}"
    try:
        transport.upload(f"{path}/batches", content)
    except RemoteError:
        _abort(transport, path)
        raise
    return path


def _abort(transport: Transport, path: str) -> None:
    with suppress(RemoteError):
        transport.write_json("PATCH", path, {"state": "Aborted"})


def _create(transport: Transport, table: str, external_id: str | None) -> str:
    body = {
        "object": table,
        "operation": "upsert" if external_id else "update",
        "contentType": "CSV",
        "lineEnding": "LF",
    }
    if external_id:
        body["externalIdFieldName"] = external_id
    # A job without rows changes nothing, so a lost answer is no doubt.
    answer = transport.write_json("POST", "jobs/ingest", body, changes=False)
    if not isinstance(answer, Mapping) or not isinstance(answer.get("id"), str):
        raise RetryableError("Salesforce made no Bulk job.", why="Its answer has no id.")
    return str(answer["id"])


def _begin(transport: Transport, path: str) -> None:
    """Say that the upload is complete; where the answer is lost, the job itself tells whether it heard."""
    try:
        transport.write_json("PATCH", path, {"state": "UploadComplete"})
    except RefusedError:
        _begin_again(transport, path)
    except InDoubtError as doubt:
        try:
            _begin_again(transport, path)
        except RemoteError as error:
            raise doubt from error  # that this call was not made says nothing of the first


def _begin_again(transport: Transport, path: str) -> None:
    state = transport.read_json(path, right=lambda job: isinstance(job, Mapping) and "state" in job)["state"]
    if state not in _STARTED:
        transport.write_json("PATCH", path, {"state": "UploadComplete"})


def _fates(transport: Transport, path: str, rows: Sequence[Row], key: str) -> list[Receipt]:
    with suppress(RefusedError):  # a job that failed may have written some of its rows
        bulk.wait(transport, path)
    done = _result(transport, path, "successfulResults", [key, "sf__Id", "sf__Created"])
    refused = _result(transport, path, "failedResults", [key, "sf__Id", "sf__Error"])
    unread = _result(transport, path, "unprocessedrecords", [key])
    ids = dict(done.select(_known(key), "sf__Id").iter_rows())
    errors = dict(refused.select(_known(key), "sf__Error").iter_rows())
    unprocessed = set(unread.select(_known(key)).to_series())
    receipts = []
    for row in rows:
        name = str(row.body.get("id") if key == "Id" else row.body[key])
        name = name[:15] if key == "Id" else name
        if ids.get(name):
            proof = f"Bulk result, id {ids[name]}"
            receipts.append(
                Receipt(key=row.action.key, state=ReceiptState.DONE, remote_id=ids[name], proof=proof, correlation=path)
            )
        elif name in errors:
            receipts.append(failed(row.action, bulk_refusal(errors[name] or ""), path))
        elif name in unprocessed:
            receipts.append(
                Receipt(key=row.action.key, state=ReceiptState.PLANNED, code=UNSENT, reason="not processed by the job")
            )
        else:
            receipts.append(doubtful(row.action, "the Bulk job's results do not mention it"))
    return receipts


def _known(key: str) -> pl.Expr:
    return pl.col(key).str.slice(0, 15).alias("known") if key == "Id" else pl.col(key).alias("known")


def _result(transport: Transport, path: str, name: str, columns: Sequence[str]) -> pl.DataFrame:
    def take(answer: requests.Response) -> pl.DataFrame:
        count = answer.headers.get("Sforce-NumberOfRecords")
        try:
            return from_csv(answer.content, columns, int(count) if count and count.isdecimal() else None)
        except pl.exceptions.PolarsError:
            raise garbled(f"GET {name}", writes=False) from None

    return transport.read(f"{path}/{name}", take=take, accept="text/csv")

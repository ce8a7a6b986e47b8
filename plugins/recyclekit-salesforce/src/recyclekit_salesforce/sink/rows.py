"""Rows on their way: sorted by parent, 200 a call, several calls at once; each row ends in one receipt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from recyclekit.errors import InDoubtError, RefusedError, RemoteError, SignInError, StoppedError
from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit_salesforce.answers import CONFIGURATION, LOCKED, Refusal, doubtful, failed
from recyclekit_salesforce.transport import Transport

MOST = 200
"""Records in one collection."""
UNSENT = "unsent"
_LOCK_TRIES = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One record to be sent for an action; `parent` is the record that Salesforce locks meanwhile."""

    action: Action
    body: Mapping[str, Any] = field(default_factory=dict)
    parent: str = ""


Send = Callable[[Sequence[Row]], Sequence[Receipt]]


def chunks(rows: Sequence[Row], most: int = MOST) -> Iterator[Sequence[Row]]:
    """Yield the rows in calls, in the order of their parents; the rows of a parent stay together while they fit."""
    ordered = sorted(rows, key=lambda row: row.parent)
    chunk: list[Row] = []
    for start, end in _runs(ordered):
        family = ordered[start:end]
        if chunk and len(chunk) + len(family) > most:
            yield chunk
            chunk = []
        while len(chunk) + len(family) > most:
            chunk, family = [*chunk, *family[: most - len(chunk)]], family[most - len(chunk) :]
            yield chunk
            chunk = []
        chunk += family
    if chunk:
        yield chunk


def _runs(ordered: Sequence[Row]) -> Iterator[tuple[int, int]]:
    start = 0
    for end in range(1, len(ordered) + 1):
        if end == len(ordered) or ordered[end].parent != ordered[start].parent:
            yield start, end
            start = end


def deliver(transport: Transport, rows: Sequence[Row], send: Send, *, parallel: int) -> list[Receipt]:
    """Send rows and return one receipt each. What one call suffers does not touch the others.

    Args:
        transport: whose patience is used for locked rows.
        rows: to be sent.
        send: sends up to 200 of them in one call.
        parallel: how many calls at once; 1 where all rows have one parent.

    Raises:
        RetryableError, QuotaError, SignInError: nothing at all was applied.
    """
    known: dict[str, Receipt] = {}
    stops: list[RemoteError] = []
    left = rows
    for attempt in range(_LOCK_TRIES):
        known |= {receipt.key: receipt for receipt in _round(left, send, stops, parallel)}
        # Locked rows of all calls go again together, once whoever holds the locks had time to let go.
        left = [row for row in left if known[row.action.key].code == LOCKED]
        if not left or attempt == _LOCK_TRIES - 1:
            break
        try:
            transport.wait(transport.retrying.chance.uniform(0.0, 0.5 * 2.0**attempt))
        except StoppedError:
            break  # what was written stays told; locked rows were not applied
    receipts = list(known.values())
    if stops and all(receipt.code == UNSENT for receipt in receipts):
        raise stops[0]
    _refuse_configuration(receipts)
    return receipts


def _round(rows: Sequence[Row], send: Send, stops: list[RemoteError], parallel: int) -> list[Receipt]:
    calls = list(chunks(rows))
    if parallel == 1 or len(calls) == 1:
        return [receipt for chunk in calls for receipt in _halved(chunk, send, stops)]
    with ThreadPoolExecutor(parallel, thread_name_prefix="recyclekit-salesforce") as pool:
        answers = pool.map(lambda chunk: _halved(chunk, send, stops), calls)
        return [receipt for answer in answers for receipt in answer]


def _halved(chunk: Sequence[Row], send: Send, stops: list[RemoteError]) -> list[Receipt]:
    """Send rows; halve what is refused as a whole, until the row that is to blame stands alone."""
    if stops:
        return [_unsent(row, stops[0]) for row in chunk]
    try:
        return _one_each(chunk, send(chunk))
    except RefusedError as error:
        if len(chunk) == 1:
            return [failed(chunk[0].action, Refusal(error.code or "refused", error.why or error.what, error.field))]
        half = len(chunk) // 2
        return [*_halved(chunk[:half], send, stops), *_halved(chunk[half:], send, stops)]
    except InDoubtError as error:
        return [doubtful(row.action, error.what) for row in chunk]
    except RemoteError as error:
        stops.append(error)
        return [_unsent(row, error) for row in chunk]


def _one_each(chunk: Sequence[Row], receipts: Sequence[Receipt]) -> list[Receipt]:
    by_key = {receipt.key: receipt for receipt in receipts}
    return [by_key.get(row.action.key) or doubtful(row.action, "the answer does not mention it") for row in chunk]


def _unsent(row: Row, error: RemoteError) -> Receipt:
    return Receipt(key=row.action.key, state=ReceiptState.PLANNED, code=UNSENT, reason=error.what)


def _refuse_configuration(receipts: Sequence[Receipt]) -> None:
    """Stop where every single row was refused for rights or set-up: all further rows would be, too.

    Raises:
        SignInError: naming the code and the field.
    """
    codes = {receipt.code for receipt in receipts}
    if receipts and len(codes) == 1 and codes <= CONFIGURATION:
        first = receipts[0]
        raise SignInError(
            f"Salesforce refuses every record: {first.code}" + (f" ({first.field})." if first.field else "."),
            why=first.reason,
            fix="Check fields and permissions of the integration's user: recyclekit check",
        )

"""Vendor-sized parts of a batch, sent by several threads; one that fails does not take the others with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from recyclekit.errors import InDoubtError, RefusedError, RemoteError
from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt
from recyclekit_hubspot.sink.receipts import of_error

PART = 100
"""Records in one call of HubSpot's batch endpoints."""
Send = Callable[[Sequence[Action]], list[Receipt]]


def in_parts(actions: Sequence[Action], send: Send, threads: int, size: int = PART) -> list[Receipt]:
    """Send actions in parts and return a receipt each.

    Raises:
        RemoteError: nothing of any part was applied, and this is why.
    """
    parts = [actions[n : n + size] for n in range(0, len(actions), size)]
    if not parts:
        return []
    with ThreadPoolExecutor(threads, thread_name_prefix="hubspot-write") as pool:
        answers = list(pool.map(lambda part: _tried(send, part), parts))
    errors = [answer for answer in answers if isinstance(answer, RemoteError)]
    if len(errors) == len(parts) and not any(isinstance(error, InDoubtError | RefusedError) for error in errors):
        raise errors[0]
    receipts: list[Receipt] = []
    for part, answer in zip(parts, answers, strict=True):
        receipts += of_error(part, answer) if isinstance(answer, RemoteError) else answer
    return receipts


def halving(actions: Sequence[Action], send: Send) -> list[Receipt]:
    """Send actions; where the call is refused as a whole, halve it until those that are to blame stand alone."""
    try:
        return send(actions)
    except RefusedError as refusal:
        if len(actions) == 1:
            return of_error(actions, refusal)
        half = len(actions) // 2
        return [*halving(actions[:half], send), *halving(actions[half:], send)]


def _tried(send: Send, part: Sequence[Action]) -> list[Receipt] | RemoteError:
    try:
        return send(part)
    except RemoteError as error:
        return error

"""Receipts in HubSpot's terms: what was echoed, what was refused and why, what is unsent or in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from recyclekit.errors import InDoubtError, RefusedError, RemoteError
from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit_hubspot.answers import fault_of

_GONE = frozenset({"OBJECT_NOT_FOUND", "NOT_FOUND", "404"})
_PASSING = frozenset(
    {"INTERNAL_ERROR", "RECORD_LOCKED", "LOCKED", "RATE_LIMIT", "RATE_LIMITS", "TIMEOUT", "SERVICE_UNAVAILABLE"}
)


def done(action: Action, remote_id: str, proof: str) -> Receipt:
    """Return the receipt of a write that HubSpot confirmed."""
    return Receipt(key=action.key, state=ReceiptState.DONE, remote_id=remote_id, proof=proof)


def skipped(action: Action, code: str, reason: str, *, field: str = "") -> Receipt:
    """Return the receipt of a write that must not be made."""
    return Receipt(
        key=action.key, state=ReceiptState.SKIPPED, code=code, reason=reason, field=field, remote_id=action.remote_id
    )


def failed(action: Action, code: str, reason: str, *, field: str = "") -> Receipt:
    """Return the receipt of a write that cannot be made."""
    return Receipt(key=action.key, state=ReceiptState.FAILED, code=code, reason=reason, field=field)


def doubtful(action: Action, reason: str) -> Receipt:
    """Return the receipt of a write whose fate is unknown."""
    return Receipt(key=action.key, state=ReceiptState.IN_DOUBT, code="no_proof", reason=reason)


def unsent(action: Action, code: str, reason: str) -> Receipt:
    """Return the receipt of a write that was proven not to have been applied."""
    return Receipt(key=action.key, state=ReceiptState.PLANNED, code=code, reason=reason)


def is_passing(error: Mapping[str, Any]) -> bool:
    """Whether an item was refused for a reason that passes, such as a lock: it may be sent again."""
    fault = fault_of(error)
    return bool(_PASSING & {fault.code, fault.category})


def of_item(action: Action, error: Mapping[str, Any]) -> Receipt:
    """Return the receipt of an item that a batch's answer names as refused."""
    fault = fault_of(error)
    code = "gone" if _GONE & {fault.code, fault.category} else fault.code or "refused"
    if is_passing(error):
        return unsent(action, code, f"not applied: {fault.message}")
    return Receipt(
        key=action.key, state=ReceiptState.FAILED, code=code, field=fault.field, reason=fault.message or "refused",
        correlation=fault.correlation,
    )  # fmt: skip


def of_refusal(action: Action, error: RefusedError) -> Receipt:
    """Return the receipt of the one item that a refused call was about."""
    code = "gone" if error.code in _GONE else error.code or "refused"
    return Receipt(
        key=action.key, state=ReceiptState.FAILED, code=code, field=error.field, reason=error.what,
        correlation=error.correlation,
    )  # fmt: skip


def of_error(actions: Iterable[Action], error: RemoteError) -> list[Receipt]:
    """Return the receipts of items whose call failed as a whole while others of the batch were written."""
    if isinstance(error, InDoubtError):
        return [doubtful(action, str(error)) for action in actions]
    if isinstance(error, RefusedError):
        return [of_refusal(action, error) for action in actions]
    return [unsent(action, type(error).__name__, f"not applied: {error.what}") for action in actions]

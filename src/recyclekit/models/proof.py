"""What a sink's answer proves. A write counts only with positive proof; everything else is in doubt. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from recyclekit.errors import RefusedError
from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState

_ANSWERS = {ReceiptState.DONE, ReceiptState.SKIPPED, ReceiptState.FAILED, ReceiptState.PLANNED, ReceiptState.IN_DOUBT}
_FINDINGS = {ReceiptState.DONE, ReceiptState.PLANNED, ReceiptState.IN_DOUBT}


def proven(actions: Sequence[Action], receipts: Sequence[Receipt]) -> list[Receipt]:
    """Return exactly one receipt per action: the sink's where it proves what it says, else one in doubt.

    In doubt are: an action without a receipt or with two that differ, `done` without a proof, and a state that is no
    answer. Receipts for keys that were not sent are dropped.
    """
    return [
        _judged(action, _answer(action, receipts_of), _ANSWERS) for action, receipts_of in _paired(actions, receipts)
    ]


def found(actions: Sequence[Action], receipts: Sequence[Receipt]) -> list[Receipt]:
    """Return one receipt per action after a look on the other side: done, planned (proven absent) or in doubt."""
    return [
        _judged(action, _answer(action, receipts_of), _FINDINGS) for action, receipts_of in _paired(actions, receipts)
    ]


def breaches(actions: Sequence[Action], receipts: Sequence[Receipt]) -> str:
    """Return how an answer breaks the contract of one receipt per action sent, in words; empty where it keeps it."""
    sent, answered = {action.key for action in actions}, Counter(receipt.key for receipt in receipts)
    said = {
        "{} not answered": [key for key in sent if key not in answered],
        "{} answered more than once": [key for key, times in answered.items() if times > 1 and key in sent],
        "{} answered that had not been sent": [key for key in answered if key not in sent],
        "{} called done without a proof": [r.key for r in receipts if r.state == ReceiptState.DONE and not r.proof],
    }
    return ", ".join(f"{words.format(len(keys))} ({min(keys)})" for words, keys in said.items() if keys)


def in_doubt(action: Action, code: str, reason: str) -> Receipt:
    """Return the receipt that says: sent, and nobody knows what became of it."""
    return Receipt(key=action.key, state=ReceiptState.IN_DOUBT, code=code, reason=reason)


def refused(action: Action, error: RefusedError) -> Receipt:
    """Return the receipt of the one action that a refusal is about."""
    reason = " ".join(part for part in (error.what, error.why) if part)
    return Receipt(
        key=action.key, state=ReceiptState.FAILED, code=error.code or "refused", reason=reason, field=error.field,
        correlation=error.correlation,
    )  # fmt: skip


def _paired(actions: Sequence[Action], receipts: Sequence[Receipt]) -> list[tuple[Action, list[Receipt]]]:
    by_key: dict[str, list[Receipt]] = {action.key: [] for action in actions}
    for receipt in receipts:
        if receipt.key in by_key and receipt not in by_key[receipt.key]:
            by_key[receipt.key].append(receipt)
    return [(action, by_key[action.key]) for action in actions]


def _answer(action: Action, receipts: list[Receipt]) -> Receipt:
    if not receipts:
        return in_doubt(action, "no_receipt", "the answer does not mention this action")
    if len(receipts) > 1:
        return in_doubt(action, "two_receipts", "the answer mentions this action twice, with different results")
    return receipts[0]


def _judged(action: Action, receipt: Receipt, allowed: set[ReceiptState]) -> Receipt:
    if receipt.state not in allowed:
        return in_doubt(action, "no_answer", f"the state {receipt.state} is no answer")
    if receipt.state == ReceiptState.DONE and not receipt.proof.strip():
        return in_doubt(action, "no_proof", "reported as done without a proof")
    return replace(receipt, state=ReceiptState(receipt.state))  # a connector may have said it as plain text

"""What a sink's answer proves: anything short of a proof is in doubt."""

from __future__ import annotations

import pytest

from recyclekit.errors import RefusedError
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.proof import found, in_doubt, proven, refused
from recyclekit.models.run import Receipt, ReceiptState


def action(key: str) -> Action:
    return Action(key=key, kind=ActionKind.CREATE_TASK, deal_id=key, cycle=1, step=None, payload={})


A, B = action("a"), action("b")
DONE_A = Receipt(key="a", state=ReceiptState.DONE, proof="204")
DONE_B = Receipt(key="b", state=ReceiptState.DONE, proof="204")


def codes(receipts: list[Receipt]) -> list[tuple[str, str, str]]:
    return [(r.key, r.state, r.code) for r in receipts]


def test_proven_receipts_come_back_in_the_order_of_the_actions() -> None:
    assert proven([A, B], [DONE_B, DONE_A]) == [DONE_A, DONE_B]


def test_an_action_without_a_receipt_is_in_doubt() -> None:
    assert codes(proven([A, B], [DONE_A])) == [("a", "done", ""), ("b", "in_doubt", "no_receipt")]


def test_a_receipt_for_an_unknown_key_proves_nothing() -> None:
    stranger = Receipt(key="c", state=ReceiptState.DONE, proof="204")
    assert codes(proven([A], [stranger])) == [("a", "in_doubt", "no_receipt")]


def test_the_same_receipt_twice_counts_once_and_two_that_differ_are_in_doubt() -> None:
    assert proven([A], [DONE_A, DONE_A]) == [DONE_A]
    failed = Receipt(key="a", state=ReceiptState.FAILED)
    assert codes(proven([A], [DONE_A, failed])) == [("a", "in_doubt", "two_receipts")]


@pytest.mark.parametrize("proof", ["", "  "])
def test_done_without_a_proof_is_in_doubt(proof: str) -> None:
    claim = Receipt(key="a", state=ReceiptState.DONE, proof=proof)
    assert codes(proven([A], [claim])) == [("a", "in_doubt", "no_proof")]
    assert codes(found([A], [claim])) == [("a", "in_doubt", "no_proof")]


def test_a_state_said_as_plain_text_is_held_to_the_same() -> None:
    said = Receipt(key="a", state="done")  # type: ignore[arg-type]  # what a careless connector does
    assert codes(proven([A], [said])) == [("a", "in_doubt", "no_proof")]
    sure = Receipt(key="a", state="done", proof="204")  # type: ignore[arg-type]
    assert proven([A], [sure])[0].state is ReceiptState.DONE


def test_sent_is_no_answer() -> None:
    assert codes(proven([A], [Receipt(key="a", state=ReceiptState.SENT)])) == [("a", "in_doubt", "no_answer")]


@pytest.mark.parametrize("state", [ReceiptState.FAILED, ReceiptState.SKIPPED, ReceiptState.SENT])
def test_looking_finds_done_absent_or_nothing_certain(state: ReceiptState) -> None:
    assert found([A], [Receipt(key="a", state=ReceiptState.PLANNED)])[0].state is ReceiptState.PLANNED
    assert found([A], [Receipt(key="a", state=state)])[0].state is ReceiptState.IN_DOUBT


def test_a_refusal_keeps_the_vendors_code_field_and_correlation() -> None:
    error = RefusedError("Not allowed.", why="Closed.", code="X1", field="owner", correlation="c9")
    receipt = refused(A, error)
    assert (receipt.state, receipt.code, receipt.field, receipt.correlation) == ("failed", "X1", "owner", "c9")
    assert receipt.reason == "Not allowed. Closed."
    assert in_doubt(A, "c", "r").state is ReceiptState.IN_DOUBT

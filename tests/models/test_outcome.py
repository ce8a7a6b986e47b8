"""Outcomes close their sums and say how a command ends; patience waits as it is told."""

from __future__ import annotations

import polars as pl
import pytest

from recyclekit.errors import (
    ExitCode,
    InDoubtError,
    QuotaError,
    RecyclekitError,
    RefusedError,
    RemoteError,
    RetryableError,
    SignInError,
)
from recyclekit.models.outcome import outcome_of
from recyclekit.models.patience import Patience
from recyclekit.models.run import Outcome, RunState, exit_code


def told(*rows: tuple[str, str, str | None, str | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(("deal_id", "state", "reason", "code"), pl.String), orient="row")


def test_sums_close_over_everything_that_can_become_of_an_action() -> None:
    counts = {"done": 2, "skipped": 1, "failed": 1, "in_doubt": 1, "sent": 1, "planned": 1}
    listed = told(
        ("D1", "skipped", "changed", "drift"),
        ("D2", "failed", None, "X"),
        ("D3", "in_doubt", None, None),
        ("D4", "sent", None, None),
    )
    outcome = outcome_of("r1", counts, listed, already=1)
    assert outcome.sums_close
    assert (outcome.planned, outcome.applied, outcome.already, outcome.unsent) == (7, 2, 1, 1)
    assert outcome.skipped == (("D1", "changed"),)
    assert outcome.failed == (("D2", "X"),)
    assert [deal for deal, _ in outcome.in_doubt] == ["D3", "D4"]
    assert outcome.state is RunState.ABORTED


@pytest.mark.parametrize(
    ("counts", "listed", "stop", "code", "state"),
    [
        ({"done": 3}, (), None, ExitCode.DONE, RunState.SUCCESS),
        ({}, (), None, ExitCode.DONE, RunState.SUCCESS),
        ({"done": 1, "skipped": 1}, (("D", "skipped", "w", ""),), None, ExitCode.SET_ASIDE, RunState.PARTIAL),
        ({"done": 1, "failed": 1}, (("D", "failed", "w", ""),), None, ExitCode.SET_ASIDE, RunState.PARTIAL),
        ({"done": 1, "in_doubt": 1}, (("D", "in_doubt", "w", ""),), None, ExitCode.IN_DOUBT, RunState.PARTIAL),
        ({"done": 1, "planned": 1}, (), None, ExitCode.UNREACHABLE, RunState.ABORTED),
        ({"planned": 1}, (), RetryableError("x"), ExitCode.UNREACHABLE, RunState.ABORTED),
        ({"planned": 1}, (), QuotaError("x"), ExitCode.UNREACHABLE, RunState.ABORTED),
        ({"planned": 1}, (), SignInError("x"), ExitCode.SIGN_IN, RunState.ABORTED),
        ({"planned": 1}, (), RefusedError("x"), ExitCode.UNREACHABLE, RunState.ABORTED),
        ({"sent": 1}, (("D", "sent", "", ""),), InDoubtError("x"), ExitCode.IN_DOUBT, RunState.ABORTED),
    ],
)
def test_how_a_command_ends(
    counts: dict[str, int],
    listed: tuple[tuple[str, str, str, str], ...],
    stop: RemoteError | None,
    code: ExitCode,
    state: RunState,
) -> None:
    outcome = outcome_of("r1", counts, told(*listed), stop=stop)
    assert outcome.sums_close
    assert (exit_code(outcome), outcome.state) == (code, state)
    assert exit_code(Outcome(run="r", state=RunState.FAILED, planned=0, applied=0)) is ExitCode.FAILED
    assert exit_code(outcome_of("r1", {"done": 1}, told()), set_aside=1) is ExitCode.SET_ASIDE


def fails(times: int, *, after: float | None = None) -> list[RetryableError]:
    return [RetryableError("Busy.", retry_after=after) for _ in range(times)]


def asked(patience: Patience, errors: list[RetryableError], *, give_up: bool = False) -> list[float]:
    waited: list[float] = []

    def call() -> str:
        if errors:
            raise errors.pop()
        return "done"

    assert patience.ask(call, waited.append, lambda: give_up) == "done"
    return waited


def test_waits_double_up_to_the_longest() -> None:
    patience = Patience(attempts=6, first_wait=1, longest_wait=5)
    assert asked(patience, fails(5)) == [1, 2, 4, 5, 5]


def test_the_other_sides_word_counts_more() -> None:
    assert asked(Patience(), fails(2, after=7.5)) == [7.5, 7.5]


def test_patience_ends_after_its_attempts_or_when_told_or_when_it_would_take_too_long() -> None:
    for patience, errors, give_up in (
        (Patience(attempts=3), fails(3), False),
        (Patience(), fails(1), True),
        (Patience(longest_wait=60), fails(1, after=61), False),
        (Patience(attempts=1), fails(1), False),
    ):
        with pytest.raises(RetryableError):
            asked(patience, errors, give_up=give_up)


def test_a_message_ends_once_whatever_was_put_into_it() -> None:
    error = RecyclekitError("There is no 'x'; did you mean 'y'?.", why="It is broken..", fix="Wait ...")
    assert str(error) == "There is no 'x'; did you mean 'y'? It is broken. Wait ..."

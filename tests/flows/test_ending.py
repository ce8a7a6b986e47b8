"""How a flow run ends: one sentence, the right state, counts and no people."""

from __future__ import annotations

from dataclasses import replace

import pytest
from prefect import flow

from recyclekit.errors import RefusedError
from recyclekit.models.run import Outcome, RunState
from recyclekit_flows.ending import ended, figures, refused, sentence

DONE = Outcome(run="r1", state=RunState.SUCCESS, planned=3, applied=3)
HALF = replace(DONE, state=RunState.PARTIAL, applied=1, failed=(("d-17", "refused"),), unsent=1)


def test_a_run_in_which_all_was_written_needs_no_next_step() -> None:
    assert sentence(DONE) == "Run r1: 3 planned, 3 applied."


def test_records_that_could_not_be_read_are_mentioned() -> None:
    assert "2 records could not be read" in sentence(DONE, set_aside=2)


def test_a_run_in_which_something_is_left_says_how_to_go_on() -> None:
    assert sentence(HALF).startswith("Run r1: 3 planned, 1 applied, 1 failed, 1 unsent. Take it up again")
    assert "recyclekit retry r1" in sentence(HALF)
    assert "d-17" not in sentence(HALF)


def test_a_state_shows_nobodys_address_though_the_other_side_quotes_it() -> None:
    error = RefusedError("HubSpot refuses the page.", why="hanako.yamada@example.co.jp is on two records.")
    stopped = replace(DONE, applied=2, unsent=1, state=RunState.ABORTED, why=str(error))
    for state in (refused(error), ended(stopped)):
        assert "<address> is on two records" in str(state.message)
        assert "hanako" not in str(state.message)


def test_the_figures_add_up_to_what_was_planned() -> None:
    planned, *parts, before = figures(HALF).values()
    assert planned == sum(parts)
    assert before == 0


@pytest.mark.prefect
@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (DONE, "Completed"),
        (replace(DONE, applied=2, skipped=(("d-1", "changed since"),), state=RunState.PARTIAL), "Set aside"),
        (replace(DONE, applied=2, failed=(("d-1", "refused"),), state=RunState.PARTIAL), "Set aside"),
        (HALF, "Failed"),
        (replace(DONE, applied=2, in_doubt=(("d-1", "no answer"),), state=RunState.PARTIAL), "Failed"),
        (replace(DONE, applied=0, unsent=3, state=RunState.ABORTED), "Failed"),
    ],
    ids=["done", "skipped", "refused", "unsent", "in doubt", "aborted"],
)
def test_a_flow_run_fails_where_another_attempt_can_do_more(api: str, outcome: Outcome, state: str) -> None:
    @flow(persist_result=False)
    def ends():  # type: ignore[no-untyped-def]  # a flow for this test only
        return ended(outcome)

    assert ends(return_state=True).name == state

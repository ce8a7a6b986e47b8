"""A stop that is asked for ends every wait within a moment; it may be settled late who answers the question."""

from __future__ import annotations

import pytest

from recyclekit.errors import RemoteError, StoppedError
from recyclekit.stopping import SLICE, Stop, never, refuse_stopped, wait


def test_a_wait_ends_within_a_moment_of_the_stop() -> None:
    slept: list[float] = []
    with pytest.raises(StoppedError):
        wait(600.0, sleep=slept.append, should_stop=lambda: sum(slept) >= 3.0)
    assert sum(slept) <= 3.0 + SLICE


def test_a_wait_that_nobody_stops_is_as_long_as_it_was_asked_to_be() -> None:
    slept: list[float] = []
    wait(7.3, sleep=slept.append, should_stop=lambda: False)
    assert sum(slept) == pytest.approx(7.3)


def test_where_nobody_can_stop_it_a_wait_is_one_piece() -> None:
    slept: list[float] = []
    wait(60.0, sleep=slept.append, should_stop=never)
    assert slept == [60.0]


def test_no_wait_is_begun_after_the_stop() -> None:
    slept: list[float] = []
    with pytest.raises(StoppedError):
        wait(0.1, sleep=slept.append, should_stop=lambda: True)
    assert not slept


def test_a_question_that_was_handed_out_hears_a_later_answer() -> None:
    stop, asked = Stop(), [False]
    refuse_stopped(stop)
    stop.answered_by(lambda: asked[0])
    refuse_stopped(stop)
    asked[0] = True
    with pytest.raises(RemoteError, match="asked to stop"):
        refuse_stopped(stop)

"""What may be asked again is asked again, with waits that spread and that the other side's word overrules."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recyclekit.connectors.retrying import Retrying
from recyclekit.errors import InDoubtError, QuotaError, RefusedError, RetryableError, SignInError, StoppedError


class Other:
    """The other side: answers with these, one after the other; the last one for ever."""

    def __init__(self, *answers: Exception | str) -> None:
        self.answers, self.calls = list(answers), 0

    def __call__(self) -> str:
        answer = self.answers[min(self.calls, len(self.answers) - 1)]
        self.calls += 1
        if isinstance(answer, Exception):
            raise answer
        return answer


def patient(waits: list[float], **figures: float) -> Retrying:
    def sleep(seconds: float) -> None:
        waits.append(seconds)

    return Retrying(clock=lambda: sum(waits), sleep=sleep, chance=random.Random(1), **figures)  # type: ignore[arg-type]


BUSY = RetryableError("busy")


def test_an_answer_is_returned_at_once() -> None:
    waits: list[float] = []
    assert patient(waits).call(Other("answer"), repeatable=True) == "answer"
    assert waits == []


@given(seed=st.integers(0, 2**32), first=st.floats(0.01, 5), longest=st.floats(0.01, 60))
def test_waits_are_drawn_from_zero_to_a_bound_that_doubles_up_to_the_longest(
    seed: int, first: float, longest: float
) -> None:
    waits: list[float] = []
    retrying = Retrying(
        tries=8, first=first, longest=longest, total=1e9, clock=lambda: 0.0, sleep=waits.append,
        chance=random.Random(seed),
    )  # fmt: skip
    with pytest.raises(RetryableError):
        retrying.call(Other(BUSY), repeatable=False)
    assert len(waits) == 7
    assert all(0 <= wait <= min(first * 2**n, longest) for n, wait in enumerate(waits))


def test_what_the_other_side_asks_for_wins() -> None:
    waits: list[float] = []
    other = Other(RetryableError("slow down", retry_after=7.5), RetryableError("busy", retry_after=0.0), "answer")
    assert patient(waits).call(other, repeatable=False) == "answer"
    assert waits == [7.5, 0.0]


def test_a_wait_beyond_the_total_is_left_to_the_caller() -> None:
    waits: list[float] = []
    with pytest.raises(RetryableError) as raised:
        patient(waits, total=60.0).call(Other(RetryableError("come tomorrow", retry_after=3600.0)), repeatable=True)
    assert raised.value.retry_after == 3600.0
    assert waits == []


def test_waits_never_add_up_to_more_than_the_total() -> None:
    waits: list[float] = []
    with pytest.raises(RetryableError):
        patient(waits, tries=1000, first=10.0, total=60.0).call(Other(BUSY), repeatable=True)
    assert 0 < sum(waits) <= 60.0


def test_the_last_error_is_raised_as_it_came() -> None:
    last = RetryableError("still busy")
    with pytest.raises(RetryableError) as raised:
        patient([], tries=3).call(other := Other(BUSY, BUSY, last), repeatable=True)
    assert raised.value is last
    assert other.calls == 3


def test_what_was_not_applied_is_asked_again_even_where_a_repetition_would_count_twice() -> None:
    assert patient([]).call(Other(BUSY, "answer"), repeatable=False) == "answer"


def test_doubt_is_asked_again_only_where_a_repetition_changes_nothing() -> None:
    doubt = InDoubtError("no answer")
    assert patient([]).call(Other(doubt, "answer"), repeatable=True) == "answer"
    with pytest.raises(InDoubtError):
        patient([]).call(other := Other(doubt, "answer"), repeatable=False)
    assert other.calls == 1


@pytest.mark.parametrize("error", [QuotaError("spent"), SignInError("who?"), RefusedError("no"), KeyError("a bug")])
def test_no_other_error_is_asked_again(error: Exception) -> None:
    other: Callable[[], str] = Other(error, "answer")
    with pytest.raises(type(error)):
        patient([]).call(other, repeatable=True)


LATER = [RetryableError("down"), QuotaError("spent"), SignInError("who?"), StoppedError("stop")]


@pytest.mark.parametrize("last", LATER)
def test_a_doubt_that_was_not_settled_stays_one(last: Exception) -> None:
    doubt = InDoubtError("no answer")
    with pytest.raises(InDoubtError) as raised:
        patient([], tries=3).call(Other(doubt, last), repeatable=True)
    assert raised.value is doubt


def test_a_refusal_settles_a_doubt() -> None:
    with pytest.raises(RefusedError):
        patient([]).call(Other(InDoubtError("no answer"), RefusedError("no")), repeatable=True)


def test_a_stop_ends_the_wait_between_two_tries() -> None:
    waits: list[float] = []
    retrying = patient(waits, should_stop=lambda: sum(waits) >= 2.0)  # type: ignore[arg-type]  # not only figures
    with pytest.raises(StoppedError):
        retrying.call(other := Other(RetryableError("slow down", retry_after=60.0)), repeatable=True)
    assert sum(waits) < 3
    assert other.calls == 1


def test_a_stop_between_two_tries_does_not_hide_what_is_in_doubt() -> None:
    waits: list[float] = []
    retrying = patient(waits, first=60.0, should_stop=lambda: sum(waits) >= 2.0)  # type: ignore[arg-type]
    with pytest.raises(InDoubtError):
        retrying.call(Other(InDoubtError("no answer")), repeatable=True)


def test_a_caller_with_tries_of_its_own_waits_in_the_same_way() -> None:
    waits: list[float] = []
    retrying = patient(waits, first=1.0, longest=3.0)
    for attempt in range(20):
        retrying.pause(attempt)
    assert all(0 <= wait <= min(2**n, 3.0) for n, wait in enumerate(waits))
    assert len(set(waits)) == 20

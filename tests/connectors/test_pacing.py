"""A window lets as many calls through as the vendor allows and never one more, whatever the delays."""

from __future__ import annotations

import heapq
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recyclekit.connectors.pacing import Allowance, Limiter, Stamp, Window
from recyclekit.errors import QuotaError, StoppedError
from recyclekit.stopping import SLICE


class FakeTime:
    """Seconds that pass only where somebody waits for them."""

    def __init__(self) -> None:
        self.now = 0.0
        self.lock = threading.Lock()

    def clock(self) -> float:
        with self.lock:
            return self.now

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.now += seconds


def most_in_any_window(arrivals: list[float], seconds: float) -> int:
    """The referee counts as a vendor does: at each arrival, the calls of the window that ends there."""
    times = sorted(arrivals)
    return max(sum(1 for other in times if at - seconds < other <= at) for at in times)


def simulate(calls: int, seconds: float, delays: list[tuple[float, float]], workers: int) -> tuple[list[float], float]:
    """Send calls as a few workers would, each waiting for its answer; return when they arrived, and the end.

    `delays` holds each call's way there and way back.
    """
    window, now, arrivals = Window(calls, seconds), 0.0, list[float]()
    answers: list[float] = []  # of calls in flight
    waiting = list(reversed(delays))
    while waiting or answers:
        free_at = window.take() if waiting and len(answers) < workers else None
        if free_at is None:
            now = max(now, heapq.heappop(answers))
            window.stamp(now)
            continue
        start = max(now, window.opens(free_at))
        if answers and answers[0] <= start:  # an answer comes before this call can start
            window.give_back(free_at)
            now = max(now, heapq.heappop(answers))
            window.stamp(now)
            continue
        now = start
        there, back = waiting.pop()
        arrivals.append(now + there)
        heapq.heappush(answers, now + there + back)
    return arrivals, now


DELAYS = st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5)), min_size=1, max_size=120)


@given(calls=st.integers(1, 12), seconds=st.floats(0.1, 10), delays=DELAYS, workers=st.integers(1, 20))
def test_no_window_ever_holds_more_calls_than_allowed_however_late_calls_and_answers_come(
    calls: int, seconds: float, delays: list[tuple[float, float]], workers: int
) -> None:
    arrivals, _ = simulate(calls, seconds, delays, workers)
    assert len(arrivals) == len(delays)
    assert most_in_any_window(arrivals, seconds * (1 - 1e-9)) <= calls


def test_calls_without_delay_use_the_window_to_the_full() -> None:
    arrivals, end = simulate(190, 10.0, [(0.0, 0.0)] * 1900, workers=8)
    assert end == pytest.approx(90.0)
    assert most_in_any_window(arrivals, 10.0) == 190


def test_eight_workers_at_the_vendors_usual_delay_reach_what_the_limit_allows_within_three_per_cent() -> None:
    calls = 600
    _, end = simulate(190, 10.0, [(0.025, 0.025)] * calls, workers=8)
    bound = 10.0 * ((calls - 1) // 190)
    assert end <= bound * 1.03


@given(st.lists(st.floats(0, 0.02), min_size=2, max_size=60), st.integers(1, 6))
def test_a_window_stamped_at_sending_holds_while_calls_linger_no_longer_than_the_slack(
    lingering: list[float], calls: int
) -> None:
    time = FakeTime()
    limiter = Limiter(calls, 1.0, stamp=Stamp.SENDING, slack=0.02, clock=time.clock, sleep=time.sleep)
    arrivals = []
    for linger in lingering:
        with limiter.slot():
            arrivals.append(time.now + linger)
    assert most_in_any_window(arrivals, 1.0 - 1e-9) <= calls


def test_threads_share_one_window() -> None:
    time, arrivals = FakeTime(), list[float]()
    limiter = Limiter(5, 10.0, clock=time.clock, sleep=time.sleep)

    def call(_: int) -> None:
        with limiter.slot():
            arrivals.append(time.clock())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(call, range(60)))
    assert len(arrivals) == 60
    assert most_in_any_window(arrivals, 10.0 - 1e-9) <= 5


def test_a_slot_is_given_back_when_the_call_fails() -> None:
    time = FakeTime()
    limiter = Limiter(1, 10.0, clock=time.clock, sleep=time.sleep)
    with pytest.raises(ConnectionError), limiter.slot():
        raise ConnectionError
    with limiter.slot():
        assert time.now == pytest.approx(10.0)


def test_a_pause_holds_back_calls_that_were_free_to_go() -> None:
    time = FakeTime()
    limiter = Limiter(10, 1.0, clock=time.clock, sleep=time.sleep)
    limiter.pause(30.0)
    with limiter.slot():
        assert time.now == pytest.approx(30.0)


def test_a_pause_also_holds_back_those_who_wait_already() -> None:
    time = FakeTime()
    limiter = Limiter(1, 10.0, clock=time.clock, sleep=lambda s: (time.sleep(s), paused.pop()() if paused else None)[0])
    paused = [lambda: limiter.pause(40.0)]
    with limiter.slot():
        pass
    with limiter.slot():
        assert time.now == pytest.approx(SLICE + 40.0)


def test_somebody_else_in_the_same_window_slows_us_down() -> None:
    time = FakeTime()
    limiter = Limiter(10, 10.0, clock=time.clock, sleep=time.sleep)
    with limiter.slot():
        limiter.learn(remaining=2)  # seven calls are not ours
    starts = []
    for _ in range(3):
        with limiter.slot():
            starts.append(time.now)
    assert starts == pytest.approx([0.0, 0.0, 10.0])


def test_the_vendor_may_raise_and_lower_its_limit() -> None:
    time = FakeTime()
    limiter = Limiter(2, 10.0, clock=time.clock, sleep=time.sleep)
    limiter.learn(limit=4)
    starts = []
    for _ in range(5):
        with limiter.slot():
            starts.append(time.now)
    assert starts == pytest.approx([0, 0, 0, 0, 10])
    limiter.learn(limit=1)
    for _ in range(3):
        with limiter.slot():
            starts.append(time.now)
    assert all(after - before >= 10 - 1e-9 for before, after in pairwise(starts[4:]))


@given(
    limits=st.lists(st.integers(1, 8), min_size=1, max_size=12),
    calls_between=st.integers(0, 6),
)
def test_whatever_limits_the_vendor_names_a_window_holds_no_more_than_the_largest_of_late(
    limits: list[int], calls_between: int
) -> None:
    time, arrivals = FakeTime(), list[float]()
    limiter = Limiter(limits[0], 10.0, clock=time.clock, sleep=time.sleep)
    for limit in limits:
        limiter.learn(limit=limit)
        for _ in range(calls_between):
            with limiter.slot():
                arrivals.append(time.now)
    if arrivals:
        assert most_in_any_window(arrivals, 10.0 - 1e-9) <= max(limits)


def test_a_stop_that_is_asked_for_is_heeded_before_the_call_and_while_waiting() -> None:
    time, stop = FakeTime(), [False]
    limiter = Limiter(1, 100.0, clock=time.clock, sleep=time.sleep, should_stop=lambda: stop[0] or time.now > 5)
    with limiter.slot():
        pass
    with pytest.raises(StoppedError), limiter.slot():
        raise AssertionError("the call must not be made")
    assert time.now < 10
    stop[0] = True
    with pytest.raises(StoppedError), limiter.slot():
        raise AssertionError("the call must not be made")


def test_a_sleep_that_only_notes_the_wait_counts_as_waited() -> None:
    waits: list[float] = []
    limiter = Limiter(1, 10.0, clock=lambda: 5.0, sleep=waits.append)
    for _ in range(3):
        with limiter.slot():
            pass
    assert sum(waits) == pytest.approx(20.0)


def test_a_window_that_lets_nothing_through_is_refused() -> None:
    with pytest.raises(ValueError, match="lets nothing through"):
        Window(0, 10.0)


def test_an_allowance_knows_nothing_until_the_vendor_speaks_and_then_counts_down_to_its_margin() -> None:
    allowance = Allowance("calls of today", margin=10)
    allowance.spend()
    assert allowance.left is None
    allowance.learn(12)
    assert allowance.left == 2
    allowance.spend()
    allowance.spend()
    with pytest.raises(QuotaError, match="No calls of today are left"):
        allowance.spend()
    allowance.learn(1000)
    allowance.spend()
    assert allowance.left == 989


def test_the_vendors_word_on_a_quota_is_believed_for_a_while() -> None:
    now = [0.0]
    allowance = Allowance("calls of today", believed=600.0, clock=lambda: now[0])
    allowance.learn(0)
    with pytest.raises(QuotaError):
        allowance.spend()
    now[0] = 601.0
    assert allowance.left is None
    allowance.spend()

"""The journal that tests assert on, rate limits and quotas on a clock that stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from recyclekit.testing.sandbox import Call, DailyQuota, Journal, RollingLimit, StillClock

START = datetime(2026, 11, 22, tzinfo=UTC)


def journal(*calls: tuple[str, str, float]) -> Journal:
    made = Journal()
    for number, (method, path, at) in enumerate(calls, 1):
        moment = START + timedelta(seconds=at)
        made.add(Call(number=number, method=method, path=path, status=200, body=b'{"a":1}', at=moment))
    return made


def test_calls_are_found_by_patterns() -> None:
    made = journal(("GET", "/a/1", 0), ("POST", "/a/batch", 1), ("GET", "/b/1", 2))
    assert [call.number for call in made.calls("/a/*")] == [1, 2]
    assert made.count("*", method="GET") == 2
    assert made.one("*/batch").json() == {"a": 1}
    with pytest.raises(AssertionError, match=r"2 calls of \* /a/\*, not one:\n.*GET /a/1"):
        made.one("/a/*")


def test_the_busiest_window_is_found() -> None:
    made = journal(*(("GET", "/a", at) for at in (0, 9.9, 10, 10.1, 19.9, 30)))
    assert made.most_within(10) == 3


def test_a_rolling_limit_gives_a_slot_back_after_its_time() -> None:
    clock, limit = StillClock(START), RollingLimit(3, 10)
    taken = [limit.take(clock()) for _ in range(4)]
    clock.advance(9.999)
    taken.append(limit.take(clock()))
    clock.advance(0.001)
    assert [*taken, limit.take(clock())] == [True, True, True, False, False, True]


def test_a_quota_comes_back_at_midnight_of_the_account() -> None:
    clock, quota = StillClock(datetime(2026, 11, 22, 14, 59, tzinfo=UTC)), DailyQuota(2, ZoneInfo("Asia/Tokyo"))
    assert [quota.take(clock()) for _ in range(3)] == [True, True, False]
    clock.advance(60)
    assert quota.left(clock()) == 2


def test_sleeping_on_a_still_clock_takes_no_time_and_is_summed_up() -> None:
    clock = StillClock(START)
    clock.sleep(90)
    clock.advance(10)
    assert (clock(), clock.slept) == (START + timedelta(seconds=100), 90)

"""A shared window lets as many calls through as the vendor allows, whoever makes them, lingers or dies."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from recyclekit.models.budget import Ask, Budget, Grant, Used

CALLS, SECONDS, WITHIN, GRACE = 20, 10.0, 2.0, 1.0


def ask(chunk: str = "a", want: int = 5, **news: object) -> Ask:
    settings: dict[str, object] = {"calls": CALLS, "seconds": SECONDS, "within": WITHIN, "grace": GRACE}
    return Ask(chunk=chunk, want=want, **{**settings, **news})  # type: ignore[arg-type]  # a test's own shorthand


@dataclass
class Process:
    """Uses what it gets as its fates say (when each call is made, how long its ways are), then asks again."""

    fates: list[list[tuple[float, float, float]]]
    calls: dict[str, list[tuple[float, float]]] = field(default_factory=dict)  # chunk → (sent, answered)

    def news(self, now: float) -> tuple[Used, ...]:
        told = []
        for chunk, calls in list(self.calls.items()):
            answered = [at for _, at in calls if at <= now]
            flying = [(sent, at) for sent, at in calls if at > now]
            told.append(Used(chunk=chunk, ages=tuple(now - at for at in answered), in_flight=len(flying)))
            self.calls[chunk] = flying
            if not flying:
                del self.calls[chunk]
        return tuple(told)


FATE = st.tuples(st.floats(0, 0.99), st.floats(0, GRACE * 0.99), st.floats(0, 4))
FATES = st.lists(st.lists(FATE, min_size=1, max_size=8), min_size=1, max_size=12)


@given(lives=st.lists(FATES, min_size=1, max_size=5), greed=st.integers(1, 20))
def test_no_window_ever_holds_more_calls_than_allowed(
    lives: list[list[list[tuple[float, float, float]]]], greed: int
) -> None:
    budget, arrivals, names = Budget(), list[float](), count()
    processes = [Process(list(reversed(fates))) for fates in lives]
    turns = [(0.1 * n, n) for n in range(len(processes))]
    while turns:
        now, who = heapq.heappop(turns)
        process = processes[who]
        if not process.fates:
            continue  # it died without a word
        grant = budget.reckon(ask(f"c{next(names)}", want=greed, used=process.news(now)), now)
        if not grant.calls:
            heapq.heappush(turns, (now + max(grant.wait, 0.01), who))
            continue
        used = process.fates.pop()[: grant.calls]
        calls = [(now + part * WITHIN, there, back) for part, there, back in used]
        arrivals += [sent + there for sent, there, _ in calls]
        process.calls[grant.chunk] = [(sent, sent + there + back) for sent, there, back in calls]
        heapq.heappush(turns, (now + WITHIN, who))
    for at in arrivals:
        assert sum(1 for other in arrivals if at - SECONDS * (1 - 1e-9) < other <= at) <= CALLS


def test_slots_of_a_process_that_died_come_back_with_time() -> None:
    budget = Budget()
    assert budget.reckon(ask("dead", want=CALLS), 100.0).calls == CALLS
    refused = budget.reckon(ask("next"), 101.0)
    assert refused.calls == 0
    assert refused.wait == WITHIN + GRACE + SECONDS - 1.0
    assert budget.reckon(ask("later"), 101.0 + refused.wait).calls == 5


def test_what_was_not_used_is_free_at_once() -> None:
    budget = Budget()
    budget.reckon(ask("a", want=CALLS), 100.0)
    assert budget.reckon(ask("b", want=CALLS, used=(Used(chunk="a", ages=(0.5,) * 3),)), 101.0).calls == CALLS - 3


def test_the_same_question_twice_gets_the_same_answer() -> None:
    budget = Budget()
    question = ask("a", want=7)
    assert budget.reckon(question, 100.0) == budget.reckon(question, 100.2) == Grant(chunk="a", calls=7)
    assert budget.reckon(ask("b", want=CALLS), 100.3).calls == CALLS - 7


def test_the_vendors_limit_goes_before_what_others_assume() -> None:
    budget = Budget()
    budget.reckon(ask("a", want=0, calls=190, learned=True), 100.0)
    assert budget.reckon(ask("b", want=500, calls=100), 100.0).calls == 190


def test_a_pause_holds_everybody_back() -> None:
    budget = Budget()
    budget.reckon(ask("a", want=0, pause=3.0), 100.0)
    assert budget.reckon(ask("b"), 101.0) == Grant(chunk="b", calls=0, wait=2.0)
    assert budget.reckon(ask("c"), 103.0).calls == 5


def test_somebody_elses_calls_close_slots_and_ours_do_not_count_twice() -> None:
    budget = Budget()
    budget.reckon(ask("a", want=5), 100.0)
    assert budget.reckon(ask("b", want=0, remaining=(15, 0.0)), 100.0).calls == 0
    assert not budget.spent
    budget.reckon(ask("c", want=0, remaining=(9, 0.5)), 101.0)
    assert sum(budget.spent.values()) == 6
    budget.reckon(ask("d", want=0, remaining=(9, 0.4)), 101.0)
    assert sum(budget.spent.values()) == 6


def test_an_old_word_of_the_vendor_is_held_against_what_was_taken_then() -> None:
    budget = Budget()
    budget.reckon(ask("a", want=CALLS), 100.0)
    budget.reckon(ask("b", want=0, used=(Used(chunk="a", ages=(0.0,) * CALLS),)), 100.1)
    # half a second ago the window was full with ours; now all of it is free again
    assert budget.reckon(ask("c", want=CALLS, remaining=(0, 0.5)), 110.4).calls == CALLS

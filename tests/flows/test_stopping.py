"""Signals to a flow run's process: one asks it to stop, one insists; as it begins to wait, none interrupts it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from recyclekit_flows import stopping
from recyclekit_flows.stopping import pausing, stoppable


class PrefectsError(Exception):
    """What Prefect's own handler raises."""


@pytest.fixture
def prefects(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A handler as Prefect has one; and insisting takes no time, nor does it end this process."""

    def interrupt(*_: object) -> None:
        raise PrefectsError

    def insist(number: int, enough: threading.Event) -> None:
        enough.set()

    monkeypatch.setattr(stopping, "_insist", insist)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGTERM, interrupt)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def twice() -> None:
    """Be asked to stop, and be told to end since that took too long."""
    signal.raise_signal(signal.SIGTERM)
    for thread in [one for one in threading.enumerate() if one.name == "recyclekit-end"]:
        thread.join()
    signal.raise_signal(signal.SIGTERM)


@pytest.mark.usefixtures("prefects")
def test_a_run_that_does_not_end_in_time_is_interrupted() -> None:
    with stoppable() as should_stop, pytest.raises(PrefectsError):
        twice()
    assert should_stop()


@pytest.mark.usefixtures("prefects")
def test_a_run_that_begins_to_wait_for_a_person_is_not_interrupted_until_its_process_has_ended() -> None:
    def run() -> None:
        with stoppable(), pausing():
            twice()
            raise LookupError  # Prefect raises something, too, to end the process of a run that waits

    with pytest.raises(LookupError):
        run()
    twice()  # on its way out, too


@pytest.mark.usefixtures("prefects")
def test_a_run_that_need_not_wait_is_stoppable_as_before() -> None:
    with stoppable():
        with pausing():
            pass
        with pytest.raises(PrefectsError):
            twice()

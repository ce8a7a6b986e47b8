"""What a command does not spend time on while it loads, and that it is as before afterwards."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextvars import copy_context
from weakref import ref

import pytest

from recyclekit.cli.loading import alone, loading


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


def test_garbage_is_searched_only_once_all_is_loaded() -> None:
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_a_command_has_loaded_is_not_looked_through_again() -> None:
    def of_a_command() -> None:
        alone()
        with loading():
            pass

    copy_context().run(of_a_command)
    assert gc.get_freeze_count() > 10_000


def test_a_process_that_goes_on_after_a_command_keeps_collecting_what_it_lets_go() -> None:
    with loading():
        let_go = Knot()
    gone = ref(let_go)
    del let_go
    gc.collect()
    assert gone() is None
    assert gc.get_freeze_count() == 0


class Knot:
    """Something that only a collection finds, as an engine with its pool is."""

    def __init__(self) -> None:
        self.me = self


def test_garbage_is_searched_again_after_a_failure() -> None:
    with pytest.raises(RuntimeError), loading():
        raise RuntimeError
    assert gc.isenabled()


def test_who_searches_for_garbage_by_hand_goes_on_doing_so() -> None:
    gc.disable()
    with loading():
        pass
    assert not gc.isenabled()


def test_a_number_of_threads_that_somebody_set_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    with loading():
        assert os.environ["OPENBLAS_NUM_THREADS"] == "7"

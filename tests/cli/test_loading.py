"""What a command does not spend time on while it loads, and that it is as before afterwards."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest

from recyclekit.cli.loading import loading


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


def test_garbage_is_searched_only_once_all_is_loaded() -> None:
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_is_loaded_is_not_looked_through_again() -> None:
    gc.unfreeze()
    with loading():
        pass
    loaded = gc.get_freeze_count()
    assert loaded > 10_000
    with loading():
        later: list[object] = [[]]
    assert gc.get_freeze_count() == loaded  # only the first time: what a long-lived process lets go is garbage
    assert gc.is_tracked(later)


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

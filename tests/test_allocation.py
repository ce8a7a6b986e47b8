"""How Polars' allocator is told to keep memory, and who has the last word."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from recyclekit import allocation

SAYS = f"import os, recyclekit; print(os.environ.get({allocation.NAME!r}))"
OF_POLARS = "dirty_decay_ms:500,muzzy_decay_ms:1000"


def _said(given: str | None, first: str = "") -> str:
    environ = {name: value for name, value in os.environ.items() if name != allocation.NAME}
    if given is not None:
        environ[allocation.NAME] = given
    done = subprocess.run([sys.executable, "-c", first + SAYS], env=environ, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_memory_is_given_back_soon_and_not_kept_once_per_thread() -> None:
    said = dict(part.split(":") for part in _said(None).split(","))
    assert int(said["narenas"]) <= (os.cpu_count() or 1)
    assert (said["dirty_decay_ms"], said["muzzy_decay_ms"]) == ("350", "0")


def test_what_a_process_inherits_from_one_that_loaded_polars_is_nobodys_wish() -> None:
    assert _said(OF_POLARS) == _said(None)


@pytest.mark.parametrize("wish", ["narenas:7", f"{OF_POLARS},background_thread:false"])
def test_who_has_said_something_else_keeps_it(wish: str) -> None:
    assert _said(wish) == wish


def test_nothing_is_said_once_polars_is_loaded() -> None:
    assert _said(None, "import polars; ") == OF_POLARS


def test_polars_takes_it_over() -> None:
    given = {name: value for name, value in os.environ.items() if name != allocation.NAME}
    code = "import recyclekit, polars"
    environ = {**given, allocation.NAME: "confirm_conf:true"}
    told = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    if "jemalloc" not in told.stderr:
        pytest.skip("Polars is built on another allocator here")
    assert "invalid" not in told.stderr.lower()
    ours = _said(None)
    environ[allocation.NAME] = f"{ours},confirm_conf:true"
    told = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert all(part in told.stderr for part in ours.split(","))
    assert "invalid" not in told.stderr.lower()

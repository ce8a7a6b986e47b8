"""How a command loads the house: without what Python and its libraries would do in vain."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recyclekit.project import Project


_alone: ContextVar[bool] = ContextVar("alone", default=False)


def alone() -> None:
    """Say that this process carries out one command and ends with it."""
    _alone.set(True)


@contextmanager
def loading() -> Iterator[None]:
    """Do not look for garbage while modules are imported and a project is opened: classes and functions are none.

    What a command has loaded stays to its end, so nobody looks through it again, least of all when the process ends:
    that would take a fifth of what loading took. A process that goes on after a command (`alone` was not called) has
    objects that it lets go, connections among them, and keeps all of its garbage collected.

    Nor does numpy start threads for linear algebra: nobody here multiplies matrices, and idle ones spin for a while.
    Whoever sets their number already knows better.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if _alone.get() and not gc.get_freeze_count():
            gc.freeze()
        if collects:
            gc.enable()


def opened(folder: Path) -> Project:
    """Open the project of a folder, with most of the house loaded by the way."""
    with loading():
        import_module("recyclekit.pipeline")  # what a job is made of
        from recyclekit.project import open_project

        return open_project(folder)

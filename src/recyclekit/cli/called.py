"""With which project and pipeline the command at hand was called: what it advises next names them, too."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_options: ContextVar[list[str] | None] = ContextVar("options", default=None)


@contextmanager
def at_hand() -> Iterator[None]:
    """Carry out one command: what is remembered meanwhile is forgotten with it."""
    token = _options.set([])
    try:
        yield
    finally:
        _options.reset(token)


def remember(project: Path, pipeline: str | None) -> None:
    """Note the options with which a project was opened; those that were left out are not repeated.

    Where no command is at hand, nobody is advised to repeat it.
    """
    options = _options.get()
    if options is not None:
        options[:] = [
            *(["--project", shlex.quote(str(project))] if project != Path() else []),
            *(["--pipeline", shlex.quote(pipeline)] if pipeline else []),
        ]


def likewise(command: str) -> str:
    """Return a command of ours with the options of the one at hand."""
    return " ".join([command, *(_options.get() or ())])

"""With which project and pipeline the command at hand was called: what it advises next names them, too."""

from __future__ import annotations

import shlex
from pathlib import Path

_options: list[str] = []


def remember(project: Path, pipeline: str | None) -> None:
    """Note the options with which a project was opened; those that were left out are not repeated."""
    _options[:] = [
        *(["--project", shlex.quote(str(project))] if project != Path() else []),
        *(["--pipeline", shlex.quote(pipeline)] if pipeline else []),
    ]


def forget() -> None:
    """Forget them, once the command is done."""
    _options.clear()


def likewise(command: str) -> str:
    """Return a command of ours with the options of the one at hand."""
    return " ".join([command, *_options])

"""Where output goes: results to stdout (one JSON document with --json), progress and messages to stderr."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def console(*, stderr: bool = False) -> Console:
    """Return a console on stdout or stderr; NO_COLOR and narrow terminals are respected."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def show(renderable: RenderableType) -> None:
    """Print a result for a person."""
    console().print(renderable, crop=False)  # what may not be broken may be longer than a line


def say(text: str) -> None:
    """Print a message beside the result, on stderr."""
    console(stderr=True).print(text, soft_wrap=True, markup=False)


def complain(what: str, why: str = "", fix: str = "") -> None:
    """Print an error in its three parts: what happened, why, what to do next."""
    from rich.text import Text

    out = console(stderr=True)
    out.print(Text("Error: ", "bold red").append(what, "default"), soft_wrap=True)
    if why:
        out.print(Text("  why: ", "dim").append(why, "default"), soft_wrap=True)
    if fix:
        out.print(Text("  fix: ", "bold").append(fix, "default"), soft_wrap=True)


def emit(document: Any) -> None:
    """Print one JSON document on stdout and nothing else."""
    import orjson

    raw = orjson.dumps(document, default=_plain, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
    sys.stdout.buffer.write(raw + b"\n")
    sys.stdout.flush()


def _plain(value: Any) -> Any:
    from pydantic import BaseModel

    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (Path, Enum)):
        return str(value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def confirm(question: str, *, yes: bool) -> bool:
    """Ask on a terminal; `yes` answers beforehand. With neither, refuse rather than guess (exit code 2)."""
    from recyclekit.errors import ConfigError

    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigError("This writes, and there is no terminal to ask on.", fix="Add --yes to go ahead.")
    console(stderr=True).print(f"{question} [y/N] ", end="", markup=False)
    return sys.stdin.readline().strip().lower() in {"y", "yes", "はい"}

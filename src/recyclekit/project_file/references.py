"""References in the project file: `${NAME}`, `${file:PATH}`, and what plugins read, like `${block:…}`; with places.

`NAME` is an environment variable. Further kinds are entry points of the group `recyclekit.references`, named by the
kind: a function from what follows the colon to the value. A value that is one reference takes the value as it is, which
may then be a number or a whole mapping; inside a longer text it is put in as text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from recyclekit.errors import ProjectError, RecyclekitError
from recyclekit.yaml_file import Document, Where, did_you_mean

GROUP = "recyclekit.references"
MOST_BYTES = 100_000
"""A secret's file is no larger."""

_REFERENCE = re.compile(r"\$\{(?:(?P<kind>[a-z][a-z0-9_-]*):(?P<rest>[^${}]*)|(?P<name>[A-Za-z_][A-Za-z0-9_]*))\}")

Read = Callable[[str], Any]


def fill(document: Document) -> Document:
    """Return the document with all its references filled in.

    Raises:
        ProjectError: what cannot be filled in, with its place and what to do.
    """
    folder = Path(document.path).parent
    return Document(_fill(document.data, document, (), folder), document.path, document.positions)


def _fill(value: Any, document: Document, where: Where, folder: Path) -> Any:
    if isinstance(value, Mapping):
        return {key: _fill(inner, document, (*where, key), folder) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, document, (*where, n), folder) for n, inner in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value
    place = document.where(where)
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return _read(whole, place, folder)
    return _REFERENCE.sub(lambda match: _as_text(_read(match, place, folder), match, place), value)


def _read(match: re.Match[str], place: str, folder: Path) -> Any:
    kind, rest = match["kind"], match["rest"]
    try:
        if kind is None:
            return _variable(match["name"])
        return _file(rest, folder) if kind == "file" else _reader(kind)(rest)
    except ProjectError as error:
        raise ProjectError(f"{place}: {error.what}", why=error.why, fix=error.fix) from error
    except RecyclekitError as error:
        # Not a fault of the file: it keeps its own kind and exit code, and gets the place that asked.
        error.preface(place)
        raise


def _variable(name: str) -> str:
    if name not in os.environ:
        raise ProjectError(
            f"the environment variable {name} is not set.",
            fix=f"Set it (export {name}=…) or write the value here.",
        )
    return os.environ[name]


def _file(named: str, folder: Path) -> str:
    path = folder / Path(named).expanduser()
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise ProjectError(
            f"the file {path} cannot be read.",
            why=f"{error.strerror or error}.",
            fix="Put the value into that file, for the account that runs recyclekit to read; nothing else goes in.",
        ) from error
    except UnicodeDecodeError as error:
        raise ProjectError(f"the file {path} is not UTF-8.", fix="Save it as UTF-8.") from error
    if len(raw) > MOST_BYTES:
        raise ProjectError(f"the file {path} is larger than {MOST_BYTES:,} bytes.", fix="Is it the right file?")
    return text.removesuffix("\n").removesuffix("\r")


@cache
def _reader(kind: str) -> Read:
    installed = {entry.name: entry for entry in entry_points(group=GROUP)}
    if kind not in installed:
        kinds = ["file", *sorted(installed)]
        near = did_you_mean(kind, kinds)
        raise ProjectError(
            f"there is no kind of reference '{kind}'{near}.",
            why=f"Known are ${{NAME}} for the environment and {', '.join(f'${{{known}:…}}' for known in kinds)}.",
            fix="Correct it, or install the package that reads it.",
        )
    read: Read = installed[kind].load()
    return read


def _as_text(value: Any, match: re.Match[str], place: str) -> str:
    if isinstance(value, Mapping | list):
        raise ProjectError(
            f"{place}: {match[0]} stands for several values, so it cannot be part of a text.",
            fix="Let it be the whole value, or name one field of it.",
        )
    return str(value)

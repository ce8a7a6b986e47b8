"""YAML 1.2 text into plain dicts, lists and scalars, with the position of every value.

Safe by construction: tags, merge keys and duplicate keys are refused; depth, size and expanded aliases are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent

from recyclekit.errors import ConfigError

MAX_BYTES = 5_000_000
MAX_SLOW = 500_000
MAX_DEPTH = 100
MAX_NODES = 200_000

Where = tuple[str | int, ...]

_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_OTHER_INT = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Position:
    """Where a value stands, and its key where it has one; lines and columns count from 1."""

    line: int
    column: int
    key_line: int
    key_column: int


@dataclass(frozen=True)
class Document:
    """A file's content as plain dicts, lists and scalars. `path` names it in messages."""

    data: Any
    path: str
    positions: Mapping[Where, Position] = field(default_factory=dict, repr=False)
    above: Where = ()  # where this document stands in its file

    def position(self, where: Where) -> tuple[int, int]:
        """Return (line, column) of a value, or of its nearest parent that is in the file."""
        found = self._nearest(where)
        return found.line, found.column

    def where(self, where: Where, *, key: bool = False) -> str:
        """Return `file:line:column` of a value, or of its key."""
        found = self._nearest(where)
        exact = key and where in self.positions
        line, column = (found.key_line, found.key_column) if exact else (found.line, found.column)
        return f"{self.path}:{line}:{column}"

    def part(self, where: Where, data: Any) -> Document:
        """Return `data` as a document of its own whose positions are those below `where`, or of what is nearest."""
        inner = {place[len(where) :]: found for place, found in self.positions.items() if place[: len(where)] == where}
        return Document(data, self.path, {(): self._nearest(where), **inner}, (*self.above, *where))

    def name(self, where: Where) -> str:
        """Return the dotted name of a place in the file: `connections.crm.settings.deals`."""
        return ".".join(str(part) for part in (*self.above, *where)) or "the file"

    def _nearest(self, where: Where) -> Position:
        parents = (where[:n] for n in range(len(where), -1, -1))
        return next((self.positions[p] for p in parents if p in self.positions), Position(1, 1, 1, 1))


def load(path: Path, *, error: type[ConfigError] = ConfigError) -> Document:
    """Read a file.

    Raises:
        ConfigError: (or the given subclass) not there, too large, not UTF-8, or not YAML that is accepted here.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as cause:
        raise error(f"{path} cannot be read.", why=f"{cause.strerror or cause}.", fix="Check the path.") from cause
    if len(raw) > MAX_BYTES:
        raise error(f"{path} is larger than {MAX_BYTES // 1_000_000} MB.", fix="Is it the right file?")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        line = raw.count(b"\n", 0, cause.start) + 1
        raise error(
            f"{path}:{line}: not UTF-8.", why=f"Byte {cause.start} is {raw[cause.start]:#04x}.", fix="Save it as UTF-8."
        ) from cause
    return parse(text, str(path), error=error)


def parse(text: str, name: str, *, error: type[ConfigError] = ConfigError) -> Document:
    """Turn YAML text into a document; `name` stands for the file in messages. Errors as in `load`."""
    nul = text.find("\0")
    if nul >= 0:
        raise error(f"{name}:{text.count(chr(10), 0, nul) + 1}: a NUL character.", fix="Save it as plain UTF-8 text.")
    try:
        try:
            builder = _Builder(name, error, YAML(typ="safe").parse(text))
        except YAMLError:
            # The fast parser speaks YAML 1.1 in places (a colon inside a word in brackets); 1.2 has the last word.
            if len(text) > MAX_SLOW:
                raise
            builder = _Builder(name, error, YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as cause:
        mark = cause.problem_mark or cause.context_mark
        at = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        why = ", ".join(part for part in (cause.context, cause.problem) if part)
        raise error(f"{at}: not valid YAML.", why=f"{why}.") from cause
    except YAMLError as cause:
        raise error(f"{name}: not valid YAML.", why=str(cause).splitlines()[0]) from cause
    return Document(builder.root, name, builder.positions)


class _Builder:
    """Builds plain values from parser events, with positions, in one pass without recursion."""

    def __init__(self, name: str, error: type[ConfigError], events: Iterator[Any]) -> None:
        self.name, self.error = name, error
        self.root: Any = None
        self.positions: dict[Where, Position] = {}
        self._open: list[_Container] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = self._documents = 0
        for event in events:
            self._at = event.start_mark
            match type(event).__name__:
                case "ScalarEvent":
                    self._refuse_tag(event)
                    self._add(_scalar(event), event)
                case "AliasEvent":
                    self._add_alias(event)
                case "MappingStartEvent" | "SequenceStartEvent":
                    self._start(event)
                case "MappingEndEvent" | "SequenceEndEvent":
                    self._end()
                case "DocumentStartEvent":
                    self._documents += 1
                    if self._documents > 1:
                        self._refuse("a second document", "one document is expected")

    def _start(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        self._refuse_tag(event)
        if len(self._open) >= MAX_DEPTH:
            self._refuse(f"nested deeper than {MAX_DEPTH}", "something flatter is expected")
        value: Any = {} if isinstance(event, MappingStartEvent) else []
        where = self._add(value, event, size=1)
        self._open.append(_Container(value, where, event.anchor, self._nodes))

    def _end(self) -> None:
        closed = self._open.pop()
        if closed.anchor:
            self._anchors[closed.anchor] = (closed.value, self._nodes - closed.nodes_before + 1)

    def _add_alias(self, event: AliasEvent) -> None:
        if event.anchor not in self._anchors:
            self._refuse(f"unknown alias *{event.anchor}", "an anchor that was closed before is expected")
        value, size = self._anchors[event.anchor]
        self._add(value, event, size=size)

    def _add(self, value: Any, event: Any, size: int = 1) -> Where:
        """Put a value into the open container, or take it as the next key of a mapping."""
        self._nodes += size
        if self._nodes > MAX_NODES:
            self._refuse(f"more than {MAX_NODES} values once aliases are expanded", "fewer are expected")
        here = (event.start_mark.line + 1, event.start_mark.column + 1)
        if not self._open:
            self.root = value
            self.positions[()] = Position(*here, *here)
            return ()
        parent = self._open[-1]
        if isinstance(parent.value, list):
            where, key_at = (*parent.where, len(parent.value)), here
            parent.value.append(value)
        elif parent.key is None:
            parent.key, parent.key_at = self._key(value, parent.value), here
            return parent.where
        else:
            where, key_at = (*parent.where, parent.key), parent.key_at
            parent.value[parent.key], parent.key = value, None
        self.positions[where] = Position(*here, *key_at)
        if isinstance(event, ScalarEvent) and event.anchor:
            self._anchors[event.anchor] = (value, 1)
        return where

    def _key(self, value: Any, known: Mapping[Any, Any]) -> str:
        if isinstance(value, dict | list):
            self._refuse("a key that is not a word", "a plain key is expected")
        key = value if isinstance(value, str) else self._text
        if key == "<<":
            self._refuse("a merge key", "YAML 1.2 has none; repeat the keys")
        if key in known:
            self._refuse(f"the key '{key}' stands here twice", "each key once is expected")
        return key

    def _refuse_tag(self, event: Any) -> None:
        self._text = getattr(event, "value", "")
        if event.tag not in (None, "!"):
            self._refuse("a tag", "a plain value is expected")

    def _refuse(self, what: str, expected: str) -> NoReturn:
        at = f"{self.name}:{self._at.line + 1}:{self._at.column + 1}"
        raise self.error(f"{at}: {what}: {expected}.")


@dataclass
class _Container:
    value: Any
    where: Where
    anchor: str | None
    nodes_before: int
    key: str | None = None
    key_at: tuple[int, int] = (1, 1)


def _scalar(event: ScalarEvent) -> Any:
    """Return a scalar by YAML 1.2's core schema: `on`, `yes` and `2026-01-01` are text."""
    text: str = event.value
    if event.style or not event.implicit[0]:
        return text
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return text[0] in "tT"
    if _INT.fullmatch(text) and len(text) < 40:
        return int(text)
    if _OTHER_INT.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text

"""A document into a pydantic model, with every error at once as `file:line:column: where: what was expected`.

Values are never printed: a secret may stand in any place.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from recyclekit.errors import ConfigError
from recyclekit.yaml_file.reading import Document, Where

ModelT = TypeVar("ModelT", bound=BaseModel)

NEAR = 0.75
"""How like a known word another must be to be a slip of the pen; of a short word one letter is already much of it."""
_SHORT = 5


def validate(document: Document, model: type[ModelT], *, error: type[ConfigError] = ConfigError) -> ModelT:
    """Return the document as a model.

    Raises:
        ConfigError: (or the given subclass) with all errors at once, one line each: `file:line:col: where: expected`.
    """
    found, lines = examine(document, model)
    if found is None:
        raise error(listing(document, lines))
    return found


def examine(document: Document, model: type[ModelT]) -> tuple[ModelT | None, list[str]]:
    """Return the document as a model, or None and what is wrong, one line each: `file:line:col: where: expected`."""
    try:
        return model.model_validate(document.data), []
    except ValidationError as cause:
        problems = cause.errors(include_input=False)
        return None, list({_line(document, model, p) for p in problems if not _follows(p, problems)})


def listing(document: Document, lines: Iterable[str]) -> str:
    """Return the message of all these errors, in the order of the file."""
    ranked = sorted(set(lines), key=_place)
    count = "1 error" if len(ranked) == 1 else f"{len(ranked)} errors"
    return f"{document.path} has {count}:\n" + "\n".join(ranked)


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return "; did you mean 'x'?" for the nearest known word, or nothing where none is near."""
    lowered = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), list(lowered), n=1, cutoff=NEAR if len(word) > _SHORT else 0.6)
    return f"; did you mean '{lowered[near[0]]}'?" if near else ""


def _line(document: Document, model: type[BaseModel], problem: Any) -> str:
    where = _in_data(document.data, problem["loc"])
    on_key = problem["type"] == "extra_forbidden" or "[key]" in problem["loc"]
    words = _expected(model, document.data, where, problem)
    return f"{document.where(where, key=on_key)}: {document.name(where)}: {words}"


def _follows(problem: Any, problems: Sequence[Any]) -> bool:
    """Return whether a list is called too short only because its items are wrong."""
    loc = problem["loc"]
    return problem["type"] == "too_short" and any(
        len(p["loc"]) > len(loc) and p["loc"][: len(loc)] == loc for p in problems
    )


def _place(line: str) -> tuple[str, int, int, str]:
    """Return what orders messages as the file does."""
    at = re.match(r"(.*?):(\d+):(\d+): ", line)
    return (at[1], int(at[2]), int(at[3]), line) if at else ("", 0, 0, line)


def _in_data(data: Any, loc: Where) -> Where:
    """Return the part of pydantic's location that is in the data: names of union members and `[key]` are left out."""
    where: list[str | int] = []
    for part in loc:
        inside = (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        )
        if inside:
            data = data[part]
            where.append(part)
    return tuple(where)


def _expected(model: type[BaseModel], data: Any, where: Where, problem: Any) -> str:
    kind, message, context = problem["type"], str(problem["msg"]), problem.get("ctx") or {}
    if kind == "extra_forbidden":
        known = [name for m in _models_at(model, where[:-1]) for name in _keys(m)]
        return f"unknown key{did_you_mean(str(where[-1]), known)}"
    if kind == "missing":
        return f"the key '{problem['loc'][-1]}' is missing"
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        value = _value_at(data, where)
        return f"{context.get('expected')} is expected{did_you_mean(value, known) if isinstance(value, str) else ''}"
    if kind in _SHAPES:
        return _shape(model, data, where, kind)
    if kind == "too_short":
        message = f"Input should be at least {'one' if context.get('min_length') == 1 else context.get('min_length')}"
    plain = message.removeprefix("Value error, ").removeprefix("Input should be ")
    return f"{plain} is expected" if message.startswith("Input should be ") else plain


_SHAPES = ("dict_type", "model_type", "model_attributes_type", "mapping_type", "list_type", "tuple_type")


def _shape(model: type[BaseModel], data: Any, where: Where, kind: str) -> str:
    """Say what belongs where something of another shape stands, or nothing at all."""
    there = "nothing stands here; " if _value_at(data, where) is None else ""
    if kind in ("list_type", "tuple_type"):
        return f"{there}a list is expected"
    keys = [name for one in _models_at(model, where) for name, info in one.model_fields.items() if info.is_required()]
    such = f": {', '.join(keys)}" if keys else ", by names of your own" if kind == "dict_type" else ""
    return f"{there}keys with values are expected{such}"


def _value_at(data: Any, where: Where) -> Any:
    for part in where:
        data = data[part]
    return data


def _keys(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


def _models_at(model: type[BaseModel], where: Where) -> list[type[BaseModel]]:
    """Return the models that may stand at a place, by the annotations on the way."""
    annotations: list[Any] = [model]
    for part in where:
        annotations = [inner for annotation in annotations for inner in _inside(annotation, part)]
    return [m for annotation in annotations for m in _members(annotation) if _is_model(m)]


def _inside(annotation: Any, part: str | int) -> list[Any]:
    found: list[Any] = []
    for member in _members(annotation):
        if _is_model(member):
            found += [i.annotation for n, i in member.model_fields.items() if part in (n, i.alias)]
        else:
            found += [a for a in get_args(member) if a is not Ellipsis][-1:]
    return found


def _members(annotation: Any) -> list[Any]:
    """Return the members of a union, through `Annotated`; one annotation stands for itself."""
    if hasattr(annotation, "__metadata__"):
        return _members(annotation.__origin__)
    if get_origin(annotation) in (Union, UnionType):
        return [m for a in get_args(annotation) for m in _members(a)]
    return [annotation]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)

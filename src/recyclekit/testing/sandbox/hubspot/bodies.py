"""What a call holds, taken apart: what has not the form that HubSpot reads is nonsense, and refused as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recyclekit.testing.sandbox.hubspot.object_types import ObjectType, object_type
from recyclekit.testing.sandbox.wire import NonsenseError, Request

LARGEST = 100
_PLAIN = (str, int, float, bool, type(None))


def kind_of(request: Request, part: str = "type") -> ObjectType:
    """Return the object type that the path names."""
    kind = object_type(request.parts[part])
    if kind is None:
        raise NonsenseError(f"Unable to infer object type from: {request.parts[part]}")
    return kind


def body_of(request: Request) -> dict[str, Any]:
    """Return the body, a JSON object; none is an empty one."""
    return table(_json(request) if request.body else {}, "the body")


def array_of(request: Request) -> list[str]:
    """Return the body, a JSON array of texts or numbers."""
    return texts(_json(request), "the body")


def rows_of(request: Request) -> list[dict[str, Any]]:
    """Return the body, a JSON array of objects; none is an empty one."""
    return rows(_json(request) if request.body else [], "the body")


def inputs_of(body: Mapping[str, Any], largest: int = LARGEST) -> list[dict[str, Any]]:
    """Return the inputs of a batch."""
    if "inputs" not in body:
        raise NonsenseError("Some required fields were not set: [inputs]")
    inputs = rows(body["inputs"], "inputs")
    if len(inputs) > largest:
        raise NonsenseError(f"The maximum number of inputs is {largest}; {len(inputs)} were sent.")
    return inputs


def plain_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of an input: names and texts, numbers, booleans or nulls."""
    properties = table(given.get("properties"), "properties")
    wrong = [name for name, value in properties.items() if not isinstance(value, _PLAIN)]
    if wrong:
        raise NonsenseError(f"Invalid input JSON: the value of {wrong[0]} is no text.")
    return properties


def table(value: Any, name: str) -> dict[str, Any]:
    """Return a JSON object; null is an empty one."""
    if not isinstance(value, dict | None):
        raise NonsenseError(f"Invalid input JSON: {name} is no object.")
    return value or {}


def rows(value: Any, name: str) -> list[dict[str, Any]]:
    """Return a JSON array of objects; null is an empty one."""
    if not isinstance(value, list | None) or not all(isinstance(one, dict) for one in value or ()):
        raise NonsenseError(f"Invalid input JSON: {name} is no array of objects.")
    return value or []


def texts(value: Any, name: str) -> list[str]:
    """Return a JSON array of texts or numbers; null is an empty one."""
    if not isinstance(value, list | None) or not all(isinstance(one, (str, int)) for one in value or ()):
        raise NonsenseError(f"Invalid input JSON: {name} is no array of texts.")
    return [str(one) for one in value or ()]


def number(value: Any, name: str, default: int = 0) -> int:
    """Return a whole number, in digits or not; null or an empty text is the default."""
    if value in (None, ""):
        return default
    if isinstance(value, bool) or not str(value).isdecimal():
        raise NonsenseError(f"{name} is no number: {value}")
    return int(value)


def _json(request: Request) -> Any:
    try:
        return request.json()
    except ValueError:
        raise NonsenseError("Invalid input JSON on line 1, column 1") from None

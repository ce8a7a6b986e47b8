"""Values as they are stored: the text that the vendor puts into JSON, so that reading costs nothing.

An instant is `2026-03-01T10:00:00.000+0000`, always in UTC, so that instants sort as text; a date is `2026-03-01`.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from math import isfinite
from typing import Any

from recyclekit.testing.sandbox.salesforce import ids
from recyclekit.testing.sandbox.salesforce.fields import NUMBERS, Field
from recyclekit.testing.sandbox.salesforce.refusals import RequestRefusedError, RowRefusedError

_OFFSET = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$", re.IGNORECASE)
_LARGEST_INT = 2**31 - 1
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def instant(at: datetime) -> str:
    """Return an instant as it is stored."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"


def moment_of(text: str) -> datetime:
    """Return the instant that a text tells, in UTC.

    Raises:
        ValueError: it tells none, has no offset from UTC, or lies before the first year.
    """
    if not _OFFSET.search(text):
        raise ValueError(text)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError:
        raise ValueError(text) from None


def day_of(text: str) -> date:
    """Return the date that a text begins with; a time behind it is ignored, as the vendor does.

    Raises:
        ValueError: it begins with none.
    """
    if not _DAY.match(text):
        raise ValueError(text)
    if len(text) > len("2026-03-01"):
        moment_of(text)
    return date.fromisoformat(text[:10])


def stored(field: Field, value: object) -> Any:
    """Return a value of a request's JSON as it is stored; empty text is null.

    Raises:
        RequestRefusedError: JSON of the wrong type, which the vendor refuses before it looks at any row.
        RowRefusedError: an id that is none.
    """
    if value is None or value == "":
        return False if field.type == "boolean" else None
    try:
        return _typed(field, value)
    except (ValueError, TypeError, OverflowError):
        kind = {"datetime": "datetime", "date": "date", "boolean": "boolean"}.get(field.type, field.type)
        raise RequestRefusedError(
            "JSON_PARSER_ERROR",
            f"Cannot deserialize instance of {kind} from {_token(value)} value {value} or request may be missing a "
            "required field at [line:1, column:1]",
        ) from None


def _typed(field: Field, value: object) -> Any:
    if isinstance(value, dict | list):
        raise TypeError
    if field.type == "boolean":
        return _boolean(value)
    if field.type in NUMBERS:
        return _number(field, value)
    if field.type == "date":
        return day_of(str(value)).isoformat()
    if field.type == "datetime":
        return instant(moment_of(str(value)))
    if field.type in {"reference", "id"}:
        return _id(field, str(value))
    return _text(value)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text not in {"true", "false"}:
        raise ValueError(text)
    return text == "true"


def _number(field: Field, value: object) -> float | int:
    if isinstance(value, bool):
        raise TypeError
    number = float(str(value))
    if not isfinite(number):
        raise ValueError(value)
    if field.type != "int":
        return number
    if abs(number) > _LARGEST_INT:
        raise OverflowError(value)
    return int(number)


def _id(field: Field, value: str) -> str:
    whole = ids.full(value)
    if whole is None:
        raise RowRefusedError("MALFORMED_ID", f"{field.title}: id value of incorrect type: {value}", [field.name])
    return whole


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _token(value: object) -> str:
    if isinstance(value, bool):
        return f"VALUE_{str(value).upper()}"
    if isinstance(value, int | float):
        return "VALUE_NUMBER_INT" if isinstance(value, int) else "VALUE_NUMBER_FLOAT"
    if isinstance(value, dict):
        return "START_OBJECT"
    return "START_ARRAY" if isinstance(value, list) else "VALUE_STRING"

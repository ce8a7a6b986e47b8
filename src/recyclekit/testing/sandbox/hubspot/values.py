"""What a property takes: values checked as HubSpot checks them, and turned into the form in which it keeps them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from recyclekit.testing.sandbox.hubspot.definitions import PropertyDefinition
from recyclekit.testing.sandbox.hubspot.records import iso, milliseconds

LONGEST = 65_536
_DAY = 86_400_000
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a value was refused, as one entry of `Property values were not valid: […]`."""

    name: str
    code: str
    message: str

    def shown(self) -> dict[str, object]:
        """Return it as the entry."""
        return {"isValid": False, "message": self.message, "error": self.code, "name": self.name}


def kept(definition: PropertyDefinition, value: object) -> str | Problem | None:
    """Return the value as the portal keeps it; None clears; a Problem where it is not allowed."""
    if value is None or value == "":
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if len(text) > LONGEST:
        message = f"{definition.name} is too long; at most {LONGEST} characters are allowed"
        return Problem(definition.name, "VALUE_TOO_LONG", message)
    return _KEPT[definition.type](definition, text)


def _string(definition: PropertyDefinition, text: str) -> str | Problem:
    if definition.name == "email" and not _MAIL.fullmatch(text):
        return Problem("email", "INVALID_EMAIL", f"Email address {text} is invalid")
    return text.lower() if definition.name == "email" else text


def _number(definition: PropertyDefinition, text: str) -> str | Problem:
    try:
        float(text)
    except ValueError:
        return Problem(definition.name, "INVALID_INTEGER", f"{text} was not a valid number.")
    return text


def _date(definition: PropertyDefinition, text: str) -> str | Problem:
    try:
        if not text.lstrip("-").isdigit():
            return date.fromisoformat(text).isoformat()
        if int(text) % _DAY:
            late = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(text))
            return Problem(definition.name, "INVALID_DATE", f"{text} is at {late:%H:%M:%S} UTC, not midnight!")
        return (date(1970, 1, 1) + timedelta(days=int(text) // _DAY)).isoformat()
    except (ValueError, OverflowError):
        return Problem(definition.name, "INVALID_DATE", f"{text} was not a valid date.")


def _datetime(definition: PropertyDefinition, text: str) -> str | Problem:
    try:
        number = int(text) if text.lstrip("-").isdigit() else milliseconds(text)
        return iso(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=number))
    except (ValueError, OverflowError):
        return Problem(definition.name, "INVALID_LONG", f"{text} was not a valid long.")


def _bool(definition: PropertyDefinition, text: str) -> str | Problem:
    return text.lower() if text.lower() in {"true", "false"} else _no_option(definition, text, ["true", "false"])


def _enumeration(definition: PropertyDefinition, text: str) -> str | Problem:
    if not definition.options:
        return text  # its options live elsewhere: owners, pipelines, stages
    values = text.removeprefix(";").split(";") if definition.field_type == "checkbox" else [text]
    wrong = [value for value in values if value not in definition.options]
    return _no_option(definition, wrong[0], list(definition.options)) if wrong else text


def _no_option(definition: PropertyDefinition, text: str, allowed: list[str]) -> Problem:
    message = f"{text} was not one of the allowed options: [{', '.join(allowed)}]"
    return Problem(definition.name, "INVALID_OPTION", message)


_KEPT: dict[str, Callable[[PropertyDefinition, str], str | Problem]] = {
    "string": _string,
    "number": _number,
    "date": _date,
    "datetime": _datetime,
    "bool": _bool,
    "enumeration": _enumeration,
}

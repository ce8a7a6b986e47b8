"""What is wrong with a statement, in the vendor's layout: the place, a caret under it, and a sentence."""

from __future__ import annotations

from recyclekit.testing.sandbox.salesforce.refusals import RequestRefusedError

_BEFORE, _AFTER = 40, 40
_HINT = "Please reference your WSDL or the describe call for the appropriate names."


class SoqlError(RequestRefusedError):
    """The statement cannot be answered."""


def at(code: str, statement: str, place: int, sentence: str) -> SoqlError:
    """Return an error that points at a place (0 for the first character) of a statement."""
    line = statement.count("\n", 0, place) + 1
    start = statement.rfind("\n", 0, place) + 1
    end = statement.find("\n", place)
    text = statement[max(start, place - _BEFORE) : min(len(statement) if end < 0 else end, place + _AFTER)]
    caret = " " * (place - max(start, place - _BEFORE)) + "^"
    return SoqlError(code, f"\n{text}\n{caret}\nERROR at Row:{line}:Column:{place - start + 1}\n{sentence}")


def malformed(statement: str, place: int, sentence: str) -> SoqlError:
    """Return the error for what is no SOQL."""
    return at("MALFORMED_QUERY", statement, place, sentence)


def unknown_column(statement: str, place: int, name: str, entity: str) -> SoqlError:
    """Return the error for a field that is not there, or that the user may not see."""
    return at(
        "INVALID_FIELD",
        statement,
        place,
        f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom field, be sure to append "
        f"the '__c' after the custom field name. {_HINT}",
    )


def unknown_relationship(statement: str, place: int, name: str, *, child: bool = False) -> SoqlError:
    """Return the error for a relationship that is not there."""
    where, code = ("FROM part of query call", "INVALID_TYPE") if child else ("field path", "INVALID_FIELD")
    return at(
        code,
        statement,
        place,
        f"Didn't understand relationship '{name}' in {where}. If you are attempting to use a custom relationship, be "
        f"sure to append the '__r' after the custom relationship name. {_HINT}",
    )

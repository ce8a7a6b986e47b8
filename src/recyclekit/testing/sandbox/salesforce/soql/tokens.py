"""A statement cut into words, literals and signs, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from recyclekit.testing.sandbox.salesforce.soql.faults import malformed
from recyclekit.testing.sandbox.salesforce.values import moment_of

LONGEST = 100_000
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<string>'(?:[^'\\]|\\.)*')
  | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:[zZ]|[+-]\d\d:?\d\d))
  | (?P<date>\d{4}-\d\d-\d\d)
  | (?P<number>[+-]?(?:\d+(?:\.\d+)?|\.\d+))
  | (?P<word>[A-Za-z]\w*(?:\.[A-Za-z]\w*)*)
  | (?P<sign><=|>=|!=|<>|[=<>(),:])
    """,
    re.VERBOSE | re.ASCII | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One piece. `kind` is word, string, number, date, datetime, sign or end; `text` is as written."""

    kind: str
    text: str
    place: int

    def says(self, *words: str) -> bool:
        """Whether it is one of these words or signs, in any mixture of cases."""
        return self.kind in {"word", "sign"} and self.text.upper() in words


def tokens(statement: str) -> Iterator[Token]:
    """Yield the pieces of a statement, and an `end` behind the last.

    Raises:
        SoqlError: something that no piece begins with, a string without an end, or a date that no calendar has.
    """
    if len(statement) > LONGEST:
        raise malformed("", 0, f"SOQL statements cannot be longer than {LONGEST} characters.")
    place = 0
    while place < len(statement):
        match = _TOKEN.match(statement, place)
        if match is None:
            what = "'" if statement[place] == "'" else statement[place]
            why = "Unterminated string literal" if what == "'" else f"unexpected token: '{what}'"
            raise malformed(statement, place, why)
        kind = match.lastgroup or ""
        if kind != "space":
            yield _checked(statement, Token(kind, match.group(), place))
        place = match.end()
    yield Token("end", "<EOF>", len(statement))


def _checked(statement: str, token: Token) -> Token:
    try:
        if token.kind == "date":
            date.fromisoformat(token.text)
        elif token.kind == "datetime":
            moment_of(token.text.upper())
        elif token.kind == "string":
            unquoted(token.text)
    except ValueError as error:
        why = (
            f"Invalid string literal {token.text}. {error}" if token.kind == "string" else f"Invalid date: {token.text}"
        )
        raise malformed(statement, token.place, why) from None
    return token


def unquoted(text: str) -> str:
    r"""Return what a string literal says; `\%` and `\_` keep their backslash, for LIKE to read.

    Raises:
        ValueError: a backslash before a letter that means nothing.
    """
    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", _unescaped, text[1:-1], flags=re.DOTALL)


def _unescaped(match: re.Match[str]) -> str:
    letter = match[1]
    if len(letter) > 1:
        sign = chr(int(letter[1:], 16))
        if "\ud800" <= sign <= "\udfff":
            raise ValueError(f"Illegal character sequence '\\{letter}' in string literal.")
        return sign
    if letter in "%_":
        return match[0]
    if letter.lower() not in _ESCAPES:
        raise ValueError(f"Illegal character sequence '\\{letter}' in string literal.")
    return _ESCAPES[letter.lower()]

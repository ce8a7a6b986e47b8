"""What kinds of value a condition compares, and the refusal, in our own words, of those that do not fit together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import polars as pl

from recyclekit.policy.facts import FACTS

Token = tuple[str, str]
_COMPARES: Final = frozenset({"=", "==", "<>", "!=", "<", ">", "<=", ">="})
_BEFORE: Final = frozenset({"", "(", ",", "and", "or", "not", "when", "then", "else", "where"})
_AFTER: Final = frozenset({"", ")", ",", "and", "or", "then", "else", "end", "is"})
_TEXT, _NUMBER, _DATE, _BOOLEAN = "a text", "a number", "a date", "yes or no"


def kind_of(dtype: pl.DataType) -> str:
    """Return a column's type in words."""
    if dtype == pl.String or isinstance(dtype, pl.Enum):
        return _TEXT
    if dtype == pl.Boolean:
        return _BOOLEAN
    return _DATE if dtype.is_temporal() else _NUMBER if dtype.is_numeric() else str(dtype)


def mismatch(tokens: Sequence[Token]) -> str:
    """Return what is wrong with the first plain comparison of two kinds of value; empty where there is none.

    Args:
        tokens: (kind, token) of the condition: text, column, word, number or op.
    """
    around = [("", ""), *tokens, ("", "")]
    for at in range(len(around) - 4):
        (_, before), left, (_, sign), right, (_, after) = around[at : at + 5]
        if sign not in _COMPARES or before.lower() not in _BEFORE or after.lower() not in _AFTER:
            continue
        one, two = _kind(left), _kind(right)
        if one and two and one != two:
            return f"{_shown(left)} is {one} and {_shown(right)} is {two}{_way_out(left, right, one, two)}"
    return "; ".join(_negated(tokens))


def kinds_in_words(columns: Iterable[str]) -> str:
    """Return what kinds of value these columns hold, for a message about values that do not fit together."""
    return ", ".join(f"{name} is {kind_of(FACTS[name].dtype)}" for name in columns)


def _negated(tokens: Sequence[Token]) -> Iterator[str]:
    for at, (_, token) in enumerate(tokens[:-1]):
        following = tokens[at + 1]
        after = tokens[at + 2][1].lower() if at + 2 < len(tokens) else ""
        kind = _kind(following) if token.lower() == "not" and after in _AFTER - {"is"} else ""
        if kind and kind != _BOOLEAN and following[0] == "word":
            yield f"{_shown(following)} is {kind}, and NOT is for yes or no"


def _kind(token: Token) -> str:
    kind, text = token
    if kind in ("text", "number"):
        return _TEXT if kind == "text" else _NUMBER
    if text.lower() in ("true", "false"):
        return _BOOLEAN
    fact = FACTS.get(text.strip('"').lower()) if kind in ("word", "column") else None
    return kind_of(fact.dtype) if fact is not None else ""


def _shown(token: Token) -> str:
    return token[1].lower() if token[0] == "word" else token[1]


def _way_out(left: Token, right: Token, one: str, two: str) -> str:
    literal = right if right[0] in ("text", "number") else left if left[0] in ("text", "number") else None
    kinds = {one, two}
    if literal is None:
        return ""
    if _BOOLEAN in kinds:
        name = _shown(left if literal is right else right)
        return f"; write `{name}` or `NOT {name}`"
    if kinds == {_DATE, _TEXT}:
        return f"; write DATE {literal[1]}"
    if kinds == {_DATE, _NUMBER}:
        return "; days are counted by columns such as inactive_days and closed_days"
    if kinds == {_TEXT, _NUMBER}:
        bare = literal[1].strip("'")
        is_number = bare.replace(".", "", 1).isdecimal()
        return (f"; write {bare}" if is_number else "") if literal[0] == "text" else f"; write '{bare}'"
    return ""

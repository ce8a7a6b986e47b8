"""Turn a rule's condition into a Polars expression, and refuse whatever is not a yes-or-no question about one deal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import polars as pl
from polars.exceptions import PolarsError

from recyclekit.policy.condition_kinds import kind_of, kinds_in_words, mismatch
from recyclekit.policy.facts import FACTS
from recyclekit.policy.probe import probe
from recyclekit.yaml_file import did_you_mean

_FUNCTION_NAMES = (
    "abs", "cast", "ceil", "char_length", "coalesce", "concat", "date", "date_part", "ends_with", "extract", "floor",
    "greatest", "if", "ifnull", "interval", "least", "left", "length", "lower", "ltrim", "mod", "nullif",
    "regexp_like", "replace", "right", "round", "rtrim", "sign", "starts_with", "strpos", "substr", "trim", "try_cast",
    "upper",
)  # fmt: skip
FUNCTIONS: Final = frozenset(_FUNCTION_NAMES)
"""Functions that a condition may call: of one deal's values only, with no clock and no effect."""

_NOT_CALLS: Final = frozenset({"and", "or", "not", "in", "is", "when", "then", "else", "between", "like", "ilike"})
_CLOSING: Final = ")"
_MANY: Final = frozenset({"sum", "avg", "min", "max", "count", "first", "last", "median", "row_number", "rank"})
_FORBIDDEN: Final = {
    **dict.fromkeys(("over", "select", "exists", "filter", "within"), "a condition speaks of one deal, not of many"),
    **dict.fromkeys(
        ("current_date", "current_timestamp", "current_time", "localtime", "localtimestamp", "now", "today"),
        "a condition reads no clock; the day of the decision is the column as_of",
    ),
}
_TOKEN: Final = re.compile(
    r"(?P<text>'(?:[^']|'')*')|(?P<column>\"(?:[^\"]|\"\")*\")|(?P<word>[^\W\d]\w*)|(?P<number>\d[\w.]*)|(?P<op>[<>!=]+|\S)"
)


class ConditionError(Exception):
    """A condition that cannot be compiled; the message says what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition and the facts that it reads, in the order of FACTS."""

    sql: str
    expr: pl.Expr
    reads: tuple[str, ...]


def compile_condition(sql: str) -> Condition:
    """Compile one condition.

    Raises:
        ConditionError: bad syntax, an unknown column or value, a clock, many deals, or a result that is not boolean.
    """
    tokens = _tokens(sql)
    _refuse_words(tokens)
    try:
        expr = pl.sql_expr(sql)
    except (PolarsError, ValueError) as cause:
        raise ConditionError(f"not a condition: {_first_line(cause)}") from cause
    reads = _reads(expr)
    _refuse_unknown_values(tokens)
    wrong = mismatch(tokens)
    if wrong:
        raise ConditionError(wrong)
    _refuse_other_results(expr, reads)
    return Condition(sql, expr, reads)


def _tokens(sql: str) -> list[tuple[str, str]]:
    return [(match.lastgroup or "", match.group()) for match in _TOKEN.finditer(sql)]


def _refuse_words(tokens: list[tuple[str, str]]) -> None:
    for (kind, token), (_, following) in pairwise([*tokens, ("", "")]):
        word = token.lower().strip('"')
        is_call = following == "(" and kind in ("word", "column")
        if kind == "op" and token + following in ("--", "/*"):
            raise ConditionError("a comment is not allowed; `why` is the place for words")
        if kind == "word" and word in _FORBIDDEN:
            raise ConditionError(f"'{token}' is not allowed: {_FORBIDDEN[word]}")
        if is_call and word in _MANY:
            raise ConditionError(f"'{token}' is not allowed: a condition speaks of one deal, not of many")
        if is_call and word not in FUNCTIONS | _NOT_CALLS:
            raise ConditionError(
                f"the function '{token}' is not allowed: these are {', '.join(sorted(FUNCTIONS))}"
                + did_you_mean(word, sorted(FUNCTIONS))
            )


def _reads(expr: pl.Expr) -> tuple[str, ...]:
    names = set(expr.meta.root_names())
    for name in expr.meta.root_names():
        if name not in FACTS:
            near = did_you_mean(name, list(FACTS))
            text = "" if near else "; a text stands in single quotes"
            raise ConditionError(f"unknown column '{name}'{near}{text}")
    return tuple(name for name in FACTS if name in names)


def _refuse_unknown_values(tokens: list[tuple[str, str]]) -> None:
    """Refuse a text that its column can never hold: `status = 'stale'` would silently never match."""
    for at, (kind, token) in enumerate(tokens):
        name = token.strip('"').lower()
        if kind not in ("word", "column") or name not in FACTS or not FACTS[name].values:
            continue
        for value in _compared_with(tokens[at + 1 :]):
            if value not in FACTS[name].values:
                known = FACTS[name].values
                raise ConditionError(
                    f"{name} is never '{value}'{did_you_mean(value, known)}; it is one of {', '.join(known)}"
                )


def _compared_with(after: list[tuple[str, str]]) -> list[str]:
    words = [token.lower() for _, token in after[:3]]
    if words[:1] == ["not"]:
        after, words = after[1:], words[1:]
    if words[:1] in (["="], ["<>"], ["!="], ["=="]):
        after = after[1:2]
    elif words[:2] == ["in", "("]:
        closing = next((n for n, (_, found) in enumerate(after) if found == _CLOSING), len(after))
        after = after[2:closing]
    else:
        return []
    return [token[1:-1].replace("''", "'") for kind, token in after if kind == "text"]


def _refuse_other_results(expr: pl.Expr, reads: tuple[str, ...]) -> None:
    try:
        dtype = probe().select(expr.alias("_")).schema["_"]
    except PolarsError as cause:
        kinds = f": {kinds_in_words(reads)}" if reads else ""
        raise ConditionError(f"it mixes values that do not fit together{kinds}") from cause
    if dtype != pl.Boolean:
        raise ConditionError(f"its result is {kind_of(dtype)}; yes or no is expected, as in `amount > 0`")
    if not expr.meta.root_names():
        raise ConditionError("it names no column, so it says the same of every deal")


def _first_line(cause: Exception) -> str:
    return str(cause).strip().splitlines()[0]

"""SOQL read by recursive descent: one function for each piece of the grammar."""

from __future__ import annotations

from datetime import date, datetime

from recyclekit.testing.sandbox.salesforce.soql.faults import SoqlError, malformed
from recyclekit.testing.sandbox.salesforce.soql.relative import NEEDS_COUNT, RELATIVE
from recyclekit.testing.sandbox.salesforce.soql.syntax import (
    Both,
    Call,
    Comparison,
    Condition,
    Not,
    Order,
    Path,
    Query,
    Relative,
    Value,
)
from recyclekit.testing.sandbox.salesforce.soql.tokens import Token, tokens, unquoted

AGGREGATES = ("COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG")
_FUNCTIONS = (*AGGREGATES, "TOLABEL", "CONVERTCURRENCY", "FORMAT")
_COMPARISONS = ("=", "!=", "<>", "<", "<=", ">", ">=", "LIKE")
_RESERVED = (
    *("SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "LIKE"),
    *("NULL", "TRUE", "FALSE", "ASC", "DESC", "NULLS"),
)
_CLAUSES = ("WHERE", "GROUP", "ORDER", "LIMIT", "OFFSET", "HAVING", "FOR", "WITH", "USING", "ALL", "UPDATE")
MAX_OFFSET = 2000


def parse(statement: str) -> Query:
    """Return what a statement says.

    Raises:
        SoqlError: MALFORMED_QUERY, with the place where it stops making sense.
    """
    reader = _Reader(statement)
    query = reader.query()
    reader.expect_end()
    return query


class _Reader:
    """The pieces of a statement and how far they are read."""

    def __init__(self, statement: str) -> None:
        self._statement = statement
        self._tokens = list(tokens(statement))
        self._next = 0

    # -- the statement ----------------------------------------------------------------------------------------------

    def query(self, *, inner: bool = False) -> Query:
        self._expect("SELECT")
        select = self._select(inner=inner)
        self._expect("FROM")
        source = self._path()
        alias = None if self._peek().kind != "word" or self._peek().says(*_CLAUSES, *_RESERVED) else self._take().text
        where = self._where() if self._accept("WHERE") else None
        group_by = self._group_by(select) if self._accept("GROUP") else ()
        order_by = self._order_by() if self._accept("ORDER") else ()
        limit = self._whole_number() if self._accept("LIMIT") else None
        offset = self._offset() if self._accept("OFFSET") else 0
        return Query(self._statement, select, source, alias, where, group_by, order_by, limit, offset)

    def expect_end(self) -> None:
        if self._peek().kind != "end":
            raise self._unexpected()

    def _select(self, *, inner: bool) -> tuple[Path | Call | Query, ...]:
        items = [self._item(inner=inner)]
        while self._accept(","):
            items.append(self._item(inner=inner))
        if len(items) > 1 and any(isinstance(item, Call) and item.path is None for item in items):
            raise malformed(self._statement, self._peek().place, "Grouped query cannot use COUNT() with other fields")
        return tuple(items)

    def _item(self, *, inner: bool) -> Path | Call | Query:
        if self._peek().says("(") and not inner:
            self._take()
            query = self.query(inner=True)
            self._expect(")")
            return query
        if self._peek().says("FROM", "SELECT"):
            raise self._unexpected()
        if self._peek().says(*_FUNCTIONS) and self._peek(1).says("("):
            return self._call()
        path = self._path()
        if self._peek().kind == "word" and not self._peek().says(*_RESERVED):
            sentence = "only aggregate expressions use field aliasing"
            raise malformed(self._statement, self._peek().place, sentence)
        return path

    def _call(self) -> Call:
        name = self._take()
        self._expect("(")
        path = None if name.says("COUNT") and self._peek().says(")") else self._path()
        self._expect(")")
        named = path is not None and self._peek().kind == "word" and not self._peek().says("FROM")
        return Call(name.text.upper(), path, self._take().text if named else None, name.place)

    # -- conditions -------------------------------------------------------------------------------------------------

    def _where(self) -> Condition:
        first = self._one_condition()
        operator = self._peek().text.upper()
        if operator not in {"AND", "OR"}:
            return first
        found = [first]
        while self._accept(operator):
            found.append(self._one_condition())
        if self._peek().says("AND", "OR"):  # the vendor wants parentheses where both are used
            raise self._unexpected()
        return Both(operator, tuple(found))

    def _one_condition(self) -> Condition:
        if self._accept("NOT"):
            if self._peek().says("NOT"):
                raise self._unexpected()
            return Not(self._one_condition())
        if self._accept("("):
            found = self._where()
            self._expect(")")
            return found
        return self._comparison()

    def _comparison(self) -> Comparison:
        path = self._path()
        if self._accept("IN"):
            return Comparison(path, "IN", self._values())
        if self._accept("NOT"):
            self._expect("IN")
            return Comparison(path, "NOT IN", self._values())
        if not self._peek().says(*_COMPARISONS):
            raise self._unexpected()
        operator = self._take().text.upper()
        return Comparison(path, "!=" if operator == "<>" else operator, self._value())

    def _values(self) -> tuple[Value, ...] | Query:
        self._expect("(")
        if self._peek().says("SELECT"):
            query = self.query(inner=True)
            self._expect(")")
            return query
        found = [self._value()]
        while self._accept(","):
            found.append(self._value())
        self._expect(")")
        return tuple(found)

    def _value(self) -> Value:
        token = self._take()
        if token.kind == "string":
            return unquoted(token.text)
        if token.kind == "number":
            return float(token.text) if "." in token.text else int(token.text)
        if token.kind == "date":
            return date.fromisoformat(token.text)
        if token.kind == "datetime":
            return datetime.fromisoformat(token.text.upper())
        if token.says("TRUE", "FALSE", "NULL"):
            return {"TRUE": True, "FALSE": False}.get(token.text.upper())
        if token.kind == "word":
            return self._relative(token)
        raise self._unexpected(token)

    def _relative(self, token: Token) -> Relative:
        name = token.text.upper()
        if name not in RELATIVE:
            raise self._unexpected(token)
        if name not in NEEDS_COUNT:
            return Relative(name)
        self._expect(":")
        return Relative(name, self._whole_number())

    # -- the rest ---------------------------------------------------------------------------------------------------

    def _group_by(self, select: tuple[Path | Call | Query, ...]) -> tuple[Path, ...]:
        self._expect("BY")
        paths = [self._path()]
        while self._accept(","):
            paths.append(self._path())
        if any(isinstance(item, Query) for item in select):
            raise self._unexpected()
        return tuple(paths)

    def _order_by(self) -> tuple[Order, ...]:
        self._expect("BY")
        orders = [self._order()]
        while self._accept(","):
            orders.append(self._order())
        return tuple(orders)

    def _order(self) -> Order:
        path = self._path()
        descending = self._accept("DESC") is not None
        if not descending:
            self._accept("ASC")
        nulls_last = False
        if self._accept("NULLS"):
            nulls_last = self._peek().says("LAST")
            self._expect("FIRST", "LAST")
        return Order(path, descending, nulls_last)

    def _offset(self) -> int:
        place = self._peek().place
        offset = self._whole_number()
        if offset > MAX_OFFSET:
            raise SoqlError("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MAX_OFFSET}, at {place}")
        return offset

    def _whole_number(self) -> int:
        token = self._take()
        if token.kind != "number" or not token.text.isdigit():
            raise self._unexpected(token)
        return int(token.text)

    def _path(self) -> Path:
        token = self._take()
        if token.kind != "word" or token.says(*_RESERVED):
            raise self._unexpected(token)
        return Path(tuple(token.text.split(".")), token.place)

    # -- pieces -----------------------------------------------------------------------------------------------------

    def _peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self._peek()
        self._next += 1
        return token

    def _accept(self, word: str) -> Token | None:
        return self._take() if self._peek().says(word) else None

    def _expect(self, *words: str) -> Token:
        if not self._peek().says(*words):
            raise self._unexpected(expected=words[0])
        return self._take()

    def _unexpected(self, token: Token | None = None, *, expected: str = "") -> SoqlError:
        found = token or self._peek()
        if expected and found.kind == "end":
            return malformed(self._statement, found.place, f"expecting {expected.lower()}, found '<EOF>'")
        return malformed(self._statement, found.place, f"unexpected token: '{found.text}'")

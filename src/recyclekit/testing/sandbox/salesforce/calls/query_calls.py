"""query and queryAll: pages of rows, pages of children inside them, and locators that lead to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from recyclekit.testing.sandbox.salesforce.calls.routes import Host, Routes, answer, base
from recyclekit.testing.sandbox.salesforce.ids import make
from recyclekit.testing.sandbox.salesforce.refusals import RequestRefusedError
from recyclekit.testing.sandbox.salesforce.soql import parse
from recyclekit.testing.sandbox.salesforce.soql.answer import Row, answered
from recyclekit.testing.sandbox.wire import Answer, Request

LARGEST = 2000
SMALLEST_ASKED = 200
LOCATOR_LIVES = timedelta(days=2)
_MOST_CURSORS = 5_000  # children that go on in a page of their own have one each
_OPTIONS = "sforce-query-options"


@dataclass(slots=True)
class _Cursor:
    records: list[Any]
    row: Callable[[Any], Row]
    total: int
    made: datetime
    verb: str
    size: int


@dataclass(slots=True)
class Pages:
    """How answers are cut: knobs for tests, and the cursors that are open.

    Attributes:
        size: rows of a page, where the client does not ask for another number; None: 2,000.
        child_size: rows of a page of children inside a row.
        short: pages have fewer rows than they could, by chance, as wide rows make them.
    """

    size: int | None = None
    child_size: int = 200
    short: bool = False
    chance: Random = field(default_factory=Random)
    cursors: dict[str, _Cursor] = field(default_factory=dict)
    made: int = 0

    def keep(self, name: str, cursor: _Cursor) -> None:
        """Keep a cursor, and of all of them only the newest: a sandbox may run for days."""
        self.cursors[name] = cursor
        while len(self.cursors) > _MOST_CURSORS:
            del self.cursors[next(iter(self.cursors))]

    def expire(self) -> None:
        """Let every locator that was handed out be invalid."""
        self.cursors.clear()


class QueryCalls:
    """The calls that read by SOQL."""

    def __init__(self, host: Host, pages: Pages) -> None:
        self._host, self._pages = host, pages

    def routes(self, routes: Routes) -> None:
        """Add the calls."""
        for verb in ("query", "queryAll"):
            routes.add("GET", f"/{verb}", self._query)
            routes.add("GET", f"/{verb}/{{locator}}", self._more)

    def _query(self, request: Request) -> Answer:
        if not request.first("q"):
            raise RequestRefusedError("MALFORMED_QUERY", "A query string has to be specified")
        verb = request.path.rstrip("/").rsplit("/", 1)[-1]
        statement, org = parse(request.first("q")), self._host.org

        def page(records: list[Any], row: Callable[[Any], Row]) -> Row | None:
            return self._page(base(request), verb, records, row, self._pages.child_size) if records else None

        found = answered(org, statement, base=base(request), page=page, deleted=verb == "queryAll")
        if statement.counts_only:
            return answer({"totalSize": found.total, "done": True, "records": []})
        return answer(self._page(base(request), verb, found.records, found.row, self._size(request)))

    def _more(self, request: Request) -> Answer:
        name, _, offset = request.parts["locator"].rpartition("-")
        cursor = self._pages.cursors.get(name)
        now = self._host.org.clock()
        if cursor is None or not offset.isdecimal() or now - cursor.made > LOCATOR_LIVES:
            raise RequestRefusedError("INVALID_QUERY_LOCATOR", "invalid query locator")
        return answer(self._cut(base(request), name, cursor, int(offset)))

    def _size(self, request: Request) -> int:
        if self._pages.size is not None:
            return self._pages.size
        name, _, value = request.headers.get(_OPTIONS, "").partition("=")
        asked = int(value) if name.strip() == "batchSize" and value.strip().isdecimal() else LARGEST
        return min(LARGEST, max(SMALLEST_ASKED, asked))

    def _page(self, path: str, verb: str, records: list[Any], row: Callable[[Any], Row], size: int) -> Row:
        cursor = _Cursor(records, row, len(records), self._host.org.clock(), verb, size)
        self._pages.made += 1
        return self._cut(path, make("01g", self._pages.made), cursor, 0)

    def _cut(self, path: str, name: str, cursor: _Cursor, offset: int) -> Row:
        size = cursor.size
        if self._pages.short and size > 1:
            size = self._pages.chance.randint((size + 1) // 2, size)
        end = offset + size
        page: Row = {"totalSize": cursor.total, "done": end >= cursor.total}
        if end < cursor.total:
            self._pages.keep(name, cursor)
            page["nextRecordsUrl"] = f"{path}/{cursor.verb}/{name}-{end}"
        page["records"] = [cursor.row(record) for record in cursor.records[offset:end]]
        return page

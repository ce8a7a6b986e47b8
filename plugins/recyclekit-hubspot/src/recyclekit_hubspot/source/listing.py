"""Listing all records of a kind: one cursor, or several ranges of ids at once where the cursor is the record's id.

That the cursor is the id is not promised by HubSpot, so a probe finds it out each time. Where it does not hold, one
cursor is followed to the end: never wrong, only slower.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

import polars as pl

from recyclekit.errors import RemoteError, RetryableError
from recyclekit_hubspot.answers import read_results
from recyclekit_hubspot.columns import ID, PAGE, BadPageError, decode, read_page
from recyclekit_hubspot.source.cursor import Stretch
from recyclekit_hubspot.source.salvage import salvage
from recyclekit_hubspot.transport import Call, Transport

_LIMIT = 100
_WORTH = 2_000  # records from which on a probe is worth its calls
_NO_END = (1 << 63) - 1
_LEAST = 4  # pages that a range must be expected to hold to be split


@dataclass(frozen=True, slots=True)
class Piece:
    """One page as it came; of its records those with an id from `least` on and below `until` count."""

    body: bytes
    after: str | None
    least: int | None
    until: int | None


Batch = tuple[list[Piece], tuple[Stretch, ...]]
"""Pages, and what is left to be read behind them."""


@dataclass(slots=True)
class _Reading:
    """A stretch that is being read, with the width in ids of its last page."""

    stretch: Stretch
    width: int = 0

    def left(self, highest: int) -> int:
        """Return how many ids may still lie in it."""
        after = self.stretch.after
        until = highest + 1 if self.stretch.until is None else self.stretch.until
        return until - int(after) if after is not None and after.isdecimal() else 0


class Listing:
    """All records of one kind, page by page; about `size` of them are handed on together."""

    _asks_for = "properties"

    def __init__(self, transport: Transport, kind: str, properties: Sequence[str], *, threads: int, size: int) -> None:
        self._transport, self._kind, self._threads = transport, kind, threads
        self._limit, self._together = min(size, _LIMIT), max(size // _LIMIT, 1)
        self._properties = list(dict.fromkeys([*properties, ID]))
        self._highest = 0

    def ranges(self) -> tuple[Stretch, ...]:
        """Return ranges of ids that can be read at once; none where a probe does not find that the cursor is the id.

        A table of a few pages is not worth a probe.
        """
        top = self._search("DESCENDING", None)
        first = self._ids_behind(None) if top is not None and top[1] >= _WORTH else []
        if top is None or not first:
            return ()
        lowest, span = first[0], top[0] - first[0]
        middles = (lowest + span // 3, lowest + span * 2 // 3)
        with ThreadPoolExecutor(4, thread_name_prefix="hubspot-probe") as pool:
            behind = pool.map(self._ids_behind, (str(middle - 1) for middle in middles))
            known = pool.map(lambda middle: self._search("ASCENDING", middle), middles)
            if not all(map(_is_next, middles, behind, known)):
                return ()
        self._highest = top[0]
        starts = [lowest + span * part // self._threads for part in range(1, self._threads)]
        ends: list[int | None] = [*starts, None]
        others = zip(starts, ends[1:], strict=True)
        return (Stretch(until=ends[0]), *(Stretch(str(start - 1), end, start) for start, end in others))

    def batches(self, left: Sequence[Stretch], *, by_id: bool) -> Iterator[Batch]:
        """Yield pages, some at a time, and what is left to be read behind them; nothing left ends it.

        Args:
            left: stretches to be read.
            by_id: whether they may be split and read at once (see is_by_id).
        """
        waiting, held = [_Reading(one) for one in left], list[Piece]()
        threads = self._threads if by_id else 1
        with ThreadPoolExecutor(threads, thread_name_prefix="hubspot-list") as pool:
            active: dict[Future[tuple[bytes, str | None]], _Reading] = {}
            while waiting or active:
                self._send_off(pool, active, waiting, threads, by_id=by_id)
                done, _ = wait(active, return_when=FIRST_COMPLETED)
                for future in done:
                    held.append(self._taken(future.result(), reading := active.pop(future)))
                    if self._goes_on(reading, by_id=by_id):
                        waiting.insert(0, reading)
                if len(held) >= self._together or not (waiting or active):
                    self._send_off(pool, active, waiting, threads, by_id=by_id)
                    still = [*active.values(), *waiting]
                    yield held, tuple(replace(one.stretch) for one in still)
                    held = []

    def frame(self, pieces: Sequence[Piece], *, by_id: bool) -> tuple[pl.DataFrame, int]:
        """Return the records of pages as String columns, and how many were no records at all."""
        bodies, lost, extra = [piece.body for piece in pieces], 0, list[pl.DataFrame]()
        while True:
            try:
                found = decode(bodies, self._properties)
                break
            except BadPageError as bad:
                rows, more = self._again(pieces[bad.index])
                extra.append(rows.with_columns(pl.lit(bad.index, pl.UInt32).alias(PAGE)))
                lost += more
                bodies[bad.index] = b'{"results":[]}'
        found = pl.concat([found, *extra]) if extra else found
        return (self._within(found, pieces) if by_id else found), lost

    # -- pages

    def _fetch(self, after: str | None, limit: int | None = None) -> tuple[bytes, str | None]:
        query = [
            ("limit", str(limit or self._limit)),
            ("archived", "false"),
            (self._asks_for, ",".join(self._properties)),
        ]
        query += [("after", after)] if after is not None else []
        return self._transport.ask(Call(method="GET", path=self._path(), query=query), read_page)

    def _path(self, *rest: str) -> str:
        return self._transport.paths.objects(self._kind, *rest)

    def _again(self, piece: Piece) -> tuple[pl.DataFrame, int]:
        """Take a page apart, asking for it once more where it is none; what is no record then is set aside."""
        try:
            return salvage(piece.body, self._properties)
        except RetryableError:
            body, _ = self._fetch(piece.after)
            return salvage(body, self._properties)

    def _within(self, found: pl.DataFrame, pieces: Sequence[Piece]) -> pl.DataFrame:
        """Drop what belongs to another range: a range's last page reaches into the next."""
        if all(piece.least is None and piece.until is None for piece in pieces):
            return found
        bounds = {"least": [piece.least for piece in pieces], "until": [piece.until for piece in pieces]}
        ends = pl.DataFrame(bounds, schema={"least": pl.Int64, "until": pl.Int64})[found[PAGE]]
        ids = found[ID].cast(pl.Int64)
        return found.filter((ids >= ends["least"].fill_null(0)) & (ids < ends["until"].fill_null(_NO_END)))

    # -- ranges

    def _send_off(
        self,
        pool: ThreadPoolExecutor,
        active: dict[Future[tuple[bytes, str | None]], _Reading],
        waiting: list[_Reading],
        threads: int,
        *,
        by_id: bool,
    ) -> None:
        while len(active) < threads:
            reading = waiting.pop(0) if waiting else self._half(list(active.values())) if by_id else None
            if reading is None:
                return
            active[pool.submit(self._fetch, reading.stretch.after)] = reading

    def _half(self, readings: Sequence[_Reading]) -> _Reading | None:
        """Take the upper half of what most is left of, if that is more than a few pages."""
        wide = [one for one in readings if one.width and one.left(self._highest) >= _LEAST * one.width]
        if not wide:
            return None
        largest = max(wide, key=lambda one: one.left(self._highest) / one.width)
        middle = int(largest.stretch.after or 0) + largest.left(self._highest) // 2
        upper = _Reading(Stretch(str(middle - 1), largest.stretch.until, middle), largest.width)
        largest.stretch.until = middle
        return upper

    def _taken(self, page: tuple[bytes, str | None], reading: _Reading) -> Piece:
        body, after = page
        before, reading.stretch.after = reading.stretch.after, after
        if before is not None and after is not None and before.isdecimal() and after.isdecimal():
            reading.width = max(int(after) - int(before), 1)
        elif before is None and after is not None and after.isdecimal():
            reading.width = self._limit
        if after is not None and after == before:
            raise RemoteError("HubSpot's list turns in circles.", why=f"It gave the cursor {after} twice.")
        return Piece(body, before, reading.stretch.least, reading.stretch.until)

    def _goes_on(self, reading: _Reading, *, by_id: bool) -> bool:
        after, until = reading.stretch.after, reading.stretch.until
        return after is not None and not (by_id and until is not None and int(after) >= until)

    # -- the probe

    def _ids_behind(self, after: str | None) -> list[int]:
        """Return the next two ids behind a cursor; none where ids or cursor are no growing numbers."""
        body, following = self._fetch(after, limit=2)
        ids = decode([body], [])[ID].to_list()
        if not all(one.isdecimal() for one in ids) or not (following is None or following.isdecimal()):
            return []
        numbers = [int(one) for one in ids]
        fits = following is None or int(following) >= numbers[-1]
        return numbers if numbers == sorted(numbers) and fits else []

    def _search(self, direction: str, least: int | None) -> tuple[int, int] | None:
        """Return the id that comes first in a direction, from an id on, and how many there are in all."""
        filters = [{"propertyName": ID, "operator": "GTE", "value": str(least)}] if least is not None else []
        body = {
            "filterGroups": [{"filters": filters}] if filters else [],
            "sorts": [{"propertyName": ID, "direction": direction}],
            "properties": [ID],
            "limit": 1,
        }
        call = Call(method="POST", path=self._path("search"), body=body, searches=True)
        found = self._transport.ask(call, read_results)
        ids = [one.get("id") for one in found["results"]]
        total = found.get("total")
        return (int(ids[0]), total) if ids and str(ids[0]).isdecimal() and isinstance(total, int) else None


def _is_next(middle: int, behind: Sequence[int], known: tuple[int, int] | None) -> bool:
    """Whether a list begun behind an id, which may not exist, goes on with the next one that search knows."""
    following = [one for one in behind if one >= middle]
    return bool(following) and known is not None and following[0] == known[0]

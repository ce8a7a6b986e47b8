"""What deals' properties held before: HubSpot keeps every change, with its time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

import polars as pl

from recyclekit.errors import RetryableError
from recyclekit_hubspot.answers import read_batch
from recyclekit_hubspot.columns import ID, PAGE
from recyclekit_hubspot.field_map import HISTORY_COLUMNS
from recyclekit_hubspot.source.listing import Listing, Piece
from recyclekit_hubspot.transport import Call, Transport

_TOGETHER = 50
"""Records in a page or batch that come with history."""
_EMPTY = {**dict.fromkeys(HISTORY_COLUMNS, pl.String), ID: pl.String, PAGE: pl.UInt32}


class HistoryListing(Listing):
    """All changes of all deals, oldest first within each."""

    _asks_for = "propertiesWithHistory"

    def __init__(self, transport: Transport, properties: Sequence[str], *, threads: int, size: int) -> None:
        super().__init__(transport, "deals", properties, threads=threads, size=size)
        self._properties = list(properties)
        self._limit = min(self._limit, _TOGETHER)

    def frame(self, pieces: Sequence[Piece], *, by_id: bool) -> tuple[pl.DataFrame, int]:
        bodies = [self._sound(piece) for piece in pieces]
        found = decode_history(bodies, self._properties)
        return (self._within(found, pieces) if by_id else found), 0

    def _sound(self, piece: Piece) -> bytes:
        """Return a page that can be read: as it came, or asked for once more."""
        for body in (piece.body, None):
            page = self._fetch(piece.after)[0] if body is None else body
            try:
                decode_history([page], self._properties)
            except ValueError:
                continue
            return page
        raise RetryableError("HubSpot gave a page of changes that cannot be read.")


def history_of(transport: Transport, ids: Sequence[str], properties: Collection[str], threads: int) -> pl.DataFrame:
    """Return the changes of single deals: HISTORY_COLUMNS."""

    def part(some: Sequence[str]) -> bytes:
        inputs = [{"id": one} for one in some]
        body = {"inputs": inputs, "properties": [], "propertiesWithHistory": list(properties)}
        call = Call(method="POST", path=transport.paths.objects("deals", "batch", "read"), body=body)
        return transport.ask(call, lambda answer: (read_batch(answer), answer.body)[1])

    parts = [ids[n : n + _TOGETHER] for n in range(0, len(ids), _TOGETHER)]
    with ThreadPoolExecutor(threads, thread_name_prefix="hubspot-history") as pool:
        bodies = list(pool.map(part, parts))
    return decode_history(bodies, properties) if bodies else pl.DataFrame(schema=_EMPTY)


def decode_history(pages: Sequence[bytes], properties: Collection[str]) -> pl.DataFrame:
    """Return HISTORY_COLUMNS, ID and PAGE of pages that hold properties with their history.

    Raises:
        ValueError: a page is none.
    """
    change = pl.List(pl.Struct({"value": pl.String, "timestamp": pl.String}))
    record = pl.Struct({"id": pl.String, "propertiesWithHistory": pl.Struct(dict.fromkeys(properties, change))})
    bodies = pl.Series("page", list(pages), dtype=pl.Binary)
    try:
        read = bodies.cast(pl.String).str.json_decode(pl.Struct({"results": pl.List(record)}))
    except pl.exceptions.PolarsError as fault:
        raise ValueError("no page of changes") from fault
    results = read.struct.field("results").alias("results")
    if results.null_count():
        raise ValueError("a page without results")
    rows = pl.DataFrame([results]).with_row_index(PAGE).filter(pl.col("results").list.len() > 0)
    if rows.is_empty():
        return pl.DataFrame(schema=_EMPTY)
    rows = rows.explode("results").unnest("results").with_row_index("row").unnest("propertiesWithHistory")
    long = rows.unpivot(list(properties), index=["row", PAGE, "id"], variable_name="property", value_name="change")
    changes = long.explode("change").drop_nulls("change").unnest("change").drop_nulls("timestamp")
    value = pl.when(pl.col("value") != "").then("value")
    told = changes.select("row", PAGE, "property", deal_id="id", value=value, at="timestamp")
    return told.sort("row", "at", maintain_order=True).select(*HISTORY_COLUMNS, pl.col("deal_id").alias(ID), PAGE)

"""Raw bytes of many pages become String columns in one go; a page's own end tells where the next one begins."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

import orjson
import polars as pl

from recyclekit_hubspot.answers import Answer, NoProofError

ID = "hs_object_id"
"""The property that holds a record's id; filled from the record itself, so that it is never absent."""
PAGE = "_page"
"""Column that holds which of the pages a record came with, as UInt32."""
_AT_ONCE = 10  # pages that are taken apart together: more save no time, and their trees of values take up memory
_TAIL = 400  # bytes at the end of a page that are searched for the next cursor
_NEXT = re.compile(rb'"paging"\s*:\s*\{\s*"next"\s*:\s*\{[^{}]*?"after"\s*:\s*"?([^",}\\]+)"?[^{}]*\}\s*\}\s*\}\s*$')
_START = re.compile(rb"^\s*\{")
_LINKS = pl.Struct({
    "results": pl.List(pl.Struct({
        "from": pl.Struct({"id": pl.String}),
        "to": pl.List(pl.Struct({
            "toObjectId": pl.String,
            "associationTypes": pl.List(pl.Struct({"typeId": pl.Int64, "label": pl.String})),
        })),
        "paging": pl.Struct({"next": pl.Struct({"after": pl.String})}),
    })),
})  # fmt: skip


def next_cursor(body: bytes) -> str | None:
    """Return the cursor behind a page, None behind the last; most pages need only a look at their end.

    Raises:
        NoProofError: the page is none, or was cut off.
    """
    if _START.match(body) and (found := _NEXT.search(body, max(0, len(body) - _TAIL))) and b'"results"' in body[:_TAIL]:
        return found.group(1).decode()
    try:
        page = orjson.loads(body)
    except ValueError:
        raise NoProofError("a page that is no JSON, or was cut off") from None
    if not isinstance(page, dict) or not isinstance(page.get("results"), list):
        raise NoProofError("a page without results")
    paging = page.get("paging")
    after = paging.get("next", {}).get("after") if isinstance(paging, dict) else None
    return None if after is None else str(after)


def read_page(answer: Answer) -> tuple[bytes, str | None]:
    """Return a page's body and the cursor behind it; see next_cursor."""
    return answer.body, next_cursor(answer.body)


def decode(pages: Sequence[bytes], properties: Collection[str]) -> pl.DataFrame:
    """Return the records of pages (listings, searches or batch reads): String columns, in order, ID and PAGE.

    Raises:
        BadPageError: which page is none.
    """
    names = list(dict.fromkeys([*properties, ID]))
    try:
        found = _decoded(pages, names)
    except pl.exceptions.PolarsError:
        found = None
    if found is None or found[ID].null_count():
        raise BadPageError(_bad(pages, names))
    return found


class BadPageError(ValueError):
    """A page that cannot be read; `index` says which."""

    def __init__(self, index: int) -> None:
        super().__init__(f"page {index} cannot be read")
        self.index = index


def decode_links(pages: Sequence[bytes]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return associations: (start, end, type, label), one row per link and type; and (start, after) where more follow.

    Raises:
        NoProofError: an answer is not one of associations.
    """
    try:
        rows = _rows(pages, _LINKS)
    except pl.exceptions.PolarsError:
        raise NoProofError("associations that cannot be read") from None
    if rows is None or rows.select(pl.col("from").struct.field("id").is_null().any()).item():
        raise NoProofError("associations without where they start from")
    start = pl.col("from").struct.field("id").alias("start")
    after = pl.col("paging").struct.field("next").struct.field("after").alias("after")
    more = rows.select(start, after).drop_nulls("after")
    links = rows.select(start, "to").explode("to").unnest("to").drop_nulls("toObjectId").explode("associationTypes")
    kinds = pl.col("associationTypes").struct
    return links.select("start", end="toObjectId", type=kinds.field("typeId"), label=kinds.field("label")), more


def constant(frame: pl.DataFrame, values: Mapping[str, str | None]) -> pl.DataFrame:
    """Return a frame with further String columns of one value each."""
    return frame.with_columns(pl.lit(value, pl.String).alias(name) for name, value in values.items())


def _decoded(pages: Sequence[bytes], names: Sequence[str]) -> pl.DataFrame | None:
    record = pl.Struct({"id": pl.String, "properties": pl.Struct(dict.fromkeys(names, pl.String))})
    rows = _rows(pages, pl.Struct({"results": pl.List(record)}))
    if rows is None:
        return None
    properties = rows["properties"].struct.unnest()
    return properties.with_columns(rows[PAGE], pl.coalesce(rows["id"], ID).alias(ID))


def _rows(pages: Sequence[bytes], shape: pl.Struct) -> pl.DataFrame | None:
    """Return one row per result, its fields as columns and PAGE; None where an answer has no results at all."""
    found = [_some_rows(pages[n : n + _AT_ONCE], n, shape) for n in range(0, max(len(pages), 1), _AT_ONCE)]
    known = [rows for rows in found if rows is not None]
    return pl.concat(known) if len(known) == len(found) else None


def _some_rows(pages: Sequence[bytes], first: int, shape: pl.Struct) -> pl.DataFrame | None:
    bodies = pl.Series("page", list(pages), dtype=pl.Binary).cast(pl.String)
    results = bodies.str.json_decode(shape).struct.field("results").alias("results")
    if results.null_count():
        return None
    numbered = pl.DataFrame([results]).with_row_index(PAGE, first).filter(pl.col("results").list.len() > 0)
    return numbered.explode("results").unnest("results")


def _bad(pages: Sequence[bytes], names: Sequence[str]) -> int:
    for index, page in enumerate(pages):
        try:
            found = _decoded([page], names)
        except pl.exceptions.PolarsError:
            return index
        if found is None or found[ID].null_count():
            return index
    raise AssertionError("pages that can be read one by one can be read together")

"""Which records belong together: associations in batches of a thousand, followed to the end of each."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import polars as pl

from recyclekit.errors import RefusedError
from recyclekit_hubspot.answers import Answer, NoProofError, fault_of, read_batch
from recyclekit_hubspot.columns import decode_links
from recyclekit_hubspot.transport import Call, Transport

_TOGETHER = 1_000
_NONE = "crm.associations.NO_ASSOCIATIONS_FOUND"
_PRIMARY_COMPANY = 5
LINKS = {"start": pl.String, "end": pl.String, "type": pl.Int64, "label": pl.String}


class Links:
    """Associations of one account."""

    def __init__(self, transport: Transport, threads: int) -> None:
        self._transport, self._threads = transport, threads

    def of(self, start: str, end: str, ids: Sequence[str]) -> pl.DataFrame:
        """Return the links from these records to records of another kind: columns LINKS, one row per link and type."""
        distinct = list(dict.fromkeys(ids))
        parts = [[{"id": one} for one in distinct[n : n + _TOGETHER]] for n in range(0, len(distinct), _TOGETHER)]
        if not parts:
            return pl.DataFrame(schema=LINKS)
        with ThreadPoolExecutor(self._threads, thread_name_prefix="hubspot-links") as pool:
            found = list(pool.map(lambda part: self._all(start, end, part), parts))
        return pl.concat(found) if found else pl.DataFrame(schema=LINKS)

    def _all(self, start: str, end: str, inputs: list[dict[str, str]]) -> pl.DataFrame:
        frames = []
        path = self._transport.paths.associations(start, end, "batch", "read")
        while inputs:
            call = Call(method="POST", path=path, body={"inputs": inputs})
            links, more = self._transport.ask(call, _read)
            frames.append(links)
            inputs = [{"id": one, "after": after} for one, after in more.iter_rows()]
        return pl.concat(frames)


def main_of(links: pl.DataFrame, *, label: str | None = None) -> pl.DataFrame:
    """Return one row per start, with the end that counts most: labelled so, else primary, else of the lowest id."""
    wanted = (pl.col("label") == label).fill_null(value=False) if label is not None else pl.lit(value=False)
    primary = (pl.col("type") == _PRIMARY_COMPANY).fill_null(value=False)
    order = links.select("start", "end", rank=pl.when(wanted).then(0).when(primary).then(1).otherwise(2))
    number = pl.col("end").cast(pl.Int64, strict=False)
    return order.sort("rank", number, "end").group_by("start", maintain_order=True).agg(pl.col("end").first())


def _read(answer: Answer) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Take an answer apart; records without any association are named as errors there, and are none.

    Raises:
        NoProofError, RefusedError: it is no such answer; it names a real error.
    """
    if answer.status == 207 or b'"numErrors"' in answer.body or b'"errors"' in answer.body:
        for error in read_batch(answer).errors:
            if error.get("subCategory") != _NONE:
                fault = fault_of(error)
                raise RefusedError(
                    f"HubSpot refused to read associations. {fault.message}",
                    code=fault.code, field=fault.field, correlation=fault.correlation,
                )  # fmt: skip
    if b'"results"' not in answer.body:
        raise NoProofError("associations without results")
    return decode_links([answer.body])

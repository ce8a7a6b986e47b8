"""Records by id, a hundred a call and many calls at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

import polars as pl

from recyclekit.errors import RefusedError
from recyclekit_hubspot.answers import Answer, NoProofError, fault_of, read_batch
from recyclekit_hubspot.columns import ID, BadPageError, decode
from recyclekit_hubspot.source.salvage import salvage
from recyclekit_hubspot.transport import Call, Transport

_TOGETHER = 100
_GONE = frozenset({"OBJECT_NOT_FOUND", "NOT_FOUND"})


class Records:
    """Batch reading of one account."""

    def __init__(self, transport: Transport, threads: int) -> None:
        self._transport, self._threads = transport, threads

    def read(
        self, kind: str, ids: Sequence[str], properties: Collection[str], *, by: str | None = None, sure: bool = False
    ) -> pl.DataFrame:
        """Return the records that exist: String columns and ID.

        Args:
            kind: HubSpot's object.
            ids: their ids, or values of the unique property `by`.
            properties: wanted.
            by: a unique property to find them by.
            sure: ask once more for those that are said not to exist, where much depends on it.
        """
        found = self._all(kind, ids, properties, by)
        known = set(found[by or ID])
        missing = [one for one in ids if one not in known] if sure else []
        return pl.concat([found, self._all(kind, missing, properties, by)]) if missing else found

    def _all(self, kind: str, ids: Sequence[str], properties: Collection[str], by: str | None) -> pl.DataFrame:
        names = list(dict.fromkeys([*properties, *([by] if by else []), ID]))
        distinct = list(dict.fromkeys(ids))
        parts = [distinct[n : n + _TOGETHER] for n in range(0, len(distinct), _TOGETHER)]
        if not parts:
            return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
        with ThreadPoolExecutor(self._threads, thread_name_prefix="hubspot-read") as pool:
            bodies = list(pool.map(lambda part: self._part(kind, part, names, by), parts))
        try:
            return decode(bodies, names).select(names)
        except BadPageError:
            return pl.concat([salvage(body, names)[0] for body in bodies]).select(names)

    def _part(self, kind: str, ids: Sequence[str], names: Sequence[str], by: str | None) -> bytes:
        body = {"inputs": [{"id": one} for one in ids], "properties": list(names), "propertiesWithHistory": []}
        body |= {"idProperty": by} if by else {}
        path = self._transport.paths.objects(kind, "batch", "read")
        return self._transport.ask(Call(method="POST", path=path, body=body), _read)


def _read(answer: Answer) -> bytes:
    """Return the body of a batch read: records that are gone are named as errors there, which is an answer.

    Raises:
        NoProofError, RefusedError: it is no such answer; it names a real error.
    """
    if answer.status == 207 or b'"errors"' in answer.body:
        for error in read_batch(answer).errors:
            fault = fault_of(error)
            if fault.category not in _GONE and fault.code not in _GONE:
                raise RefusedError(
                    f"HubSpot refused to read records. {fault.message}",
                    code=fault.code, field=fault.field, correlation=fault.correlation,
                )  # fmt: skip
    elif b'"results"' not in answer.body or not answer.body.rstrip().endswith(b"}"):
        raise NoProofError("a batch without results")
    return answer.body

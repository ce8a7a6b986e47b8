"""A shelf for what is too much for memory: tables laid down in files, taken up again slice by slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from recyclekit.errors import RecyclekitError


@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True)
class Shelf:
    """Where the tables of one run lie, and how many deals are in memory at once.

    Attributes:
        size: deals of a slice.
        folder: of the files, the caller's to remove; made where it is missing. None keeps all in memory.
    """

    size: int
    folder: Path | None = None

    def starts(self, height: int) -> range:
        """Return the first row of every slice of so many rows; one slice of none where there are none."""
        return range(0, max(height, 1), self.size)

    def put(self, name: str, table: pl.DataFrame) -> pl.LazyFrame:
        """Lay a table down under a name that is not there yet; return it as it lies.

        Raises:
            RecyclekitError: there is no room.
        """
        if self.folder is None:
            return table.lazy()
        # In one batch: with each batch of a file, all texts that its column shares with the others are written again.
        return self._put(self.folder, name, table.lazy(), batch=max(table.height, 1))[0]

    def put_with(self, name: str, table: pl.LazyFrame, *beside: pl.LazyFrame) -> tuple[pl.LazyFrame, ...]:
        """Compute a table and others from the same source at once; the first is laid down, the others are small.

        Raises:
            RecyclekitError: there is no room.
        """
        if self.folder is None:
            return tuple(frame.lazy() for frame in pl.collect_all([table, *beside], engine="streaming"))
        return self._put(self.folder, name, table, *beside, batch=_BATCH)

    def _put(
        self, folder: Path, name: str, table: pl.LazyFrame, *beside: pl.LazyFrame, batch: int
    ) -> tuple[pl.LazyFrame, ...]:
        path = folder / f"{name}.arrow"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it lies among everybody's temporary files
            sink = table.sink_ipc(path, compression="uncompressed", record_batch_size=batch, lazy=True)
            _, *others = pl.collect_all([sink, *beside], engine="streaming")
        except OSError as fault:
            raise RecyclekitError(
                f"There is no room for {name} in {folder}.",
                why=str(fault),
                fix="Make room there, or name another folder in TMPDIR; nothing was written to the system.",
            ) from fault
        return (pl.scan_ipc(path), *(frame.lazy() for frame in others))


_BATCH = 100_000
"""Records of a batch where a table is laid down while it is read, so that few of them are in memory."""


def in_pieces(table: pl.DataFrame | pl.LazyFrame, rows: int) -> Iterator[pl.DataFrame]:
    """Yield a table in its order, so many rows at a time; of one that lies in files, no more than that is in memory."""
    start, whole = 0, table.lazy()
    while (piece := whole.slice(start, rows).collect()).height:
        yield piece
        start += rows


def together(parts: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """Return the slices of a table as one, in their order."""
    return parts[0] if len(parts) == 1 else pl.concat(parts)

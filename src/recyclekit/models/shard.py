"""Which part of a run's writes one of several processes carries out, and what it must know to do so. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from zlib import crc32

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One of `of` parts of a run, counted from 0: all writes of a deal are in one part, in their order."""

    number: int
    of: int

    def has(self, deal_id: str) -> bool:
        """Return whether a deal's writes are in this part: the same answer on every machine."""
        return crc32(deal_id.encode()) % self.of == self.number


class Ticket(BaseModel):
    """Lets another process write a part of a run, for as long as the one that began it holds the pipeline's lease.

    A few hundred bytes of ids and formats, fit for a flow's parameter: the writes themselves are in the ledger.
    """

    model_config = ConfigDict(frozen=True)

    run: str = Field(description="The run's id in the ledger.")
    pipeline: str = Field(description="The pipeline's name in the ledger.")
    token: int = Field(description="The lease's fencing token: once it is out of date, nothing more is written.")
    holder: str = Field(description="Who holds the lease.")
    day: date = Field(description="The business date as of which deals are read again before they are written.")
    readings: dict[str, dict[str, tuple[str, ...]]] | None = Field(
        default=None, description="What undeclared columns were read as when the plan was made."
    )


class Held(Protocol):
    """A lease, as the ledger gives it."""

    @property
    def pipeline(self) -> str: ...
    @property
    def token(self) -> int: ...
    @property
    def holder(self) -> object: ...


def ticket(
    run: str, lease: Held, day: date, readings: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None
) -> Ticket:
    """Return the ticket with which other processes write parts of a run under this lease."""
    formats = None if readings is None else {str(table): dict(found) for table, found in readings.items()}
    holder = str(lease.holder)
    return Ticket(run=run, pipeline=lease.pipeline, token=lease.token, holder=holder, day=day, readings=formats)

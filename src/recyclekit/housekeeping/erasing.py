"""Erasing a person, everywhere that recyclekit keeps anything: tombstones, connectors, files, the ledger, its log.

In that order, so that whoever is interrupted can go on from what is still named: first nobody may write about the
person any more, then all copies go, the ledger's rows last. Each step does nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from recyclekit import clock
from recyclekit.connectors.doors import provider_of
from recyclekit.connectors.manifest import Capability
from recyclekit.connectors.protocols import Erases, Sink
from recyclekit.connectors.routed import doors
from recyclekit.faultpoint import faultpoint
from recyclekit.housekeeping import state_files
from recyclekit.ledger.holding import beating, held
from recyclekit.ledger.housekeeping import Erasing
from recyclekit.models.patience import Patience
from recyclekit.models.run import Run, RunKind, RunState
from recyclekit.models.tombstone import Erasable, Tombstones


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Who is to be erased: contacts and deals by the CRM's ids, and words (a name, an address) that may stand in texts.

    A contact's id counts as such a word, too.
    """

    contacts: frozenset[str] = frozenset()
    deals: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()

    @property
    def ids(self) -> Sequence[tuple[Erasable, str]]:
        """All ids with what they stand for."""
        deals = [(Erasable.DEAL, one) for one in sorted(self.deals)]
        return [*deals, *((Erasable.CONTACT, one) for one in sorted(self.contacts))]


Elsewhere = Callable[[Tombstones, Collection[str], Collection[str]], Mapping[str, int]]
"""Erases by tombstones, words and the flow runs that asked for approval, where this package does not reach: Prefect."""


def nowhere(_stones: Tombstones, _words: Collection[str], _flow_runs: Collection[str]) -> Mapping[str, int]:
    """Erase nothing: there is no such place."""
    return {}


@dataclass(frozen=True, kw_only=True)
class Grave:
    """Where one pipeline keeps anything: its ledger, its systems, its files, and elsewhere."""

    pipeline: str
    house: Erasing
    open_sink: Callable[[], Sink]
    state: Path
    elsewhere: Elsewhere = nowhere


def deals_of(deals: pl.DataFrame, contacts: Collection[str]) -> frozenset[str]:
    """Return the deals whose contact is one of these: columns deal_id and, where the system has it, contact_id."""
    if "contact_id" not in deals.columns:
        return frozenset()
    wanted = Tombstones()
    digests = frozenset(wanted.digest(Erasable.CONTACT, one) for one in contacts)
    theirs = Tombstones(digests=digests).covers(Erasable.CONTACT, deals["contact_id"])
    return frozenset(deals["deal_id"].filter(theirs))


def erase(subject: Subject, grave: Grave, run: str) -> Run:
    """Erase a person from one pipeline, or finish what was cut short; return the run, whose counts are the receipt.

    Args:
        subject: may be empty where only something unfinished is to be finished.
        grave: of the pipeline.
        run: a new run's id; an interrupted run keeps its own.

    Raises:
        LeaseError: another run works on the pipeline; nothing was erased.
        RemoteError: a system does not answer. What is left is erased by finishing the run.
        LedgerBusyError: somebody keeps reading the ledger, so its log could not be emptied; finish the run later.
    """
    house, pipeline = grave.house, grave.pipeline
    new = Run(
        run=run, pipeline=pipeline, kind=RunKind.ERASE, state=RunState.RUNNING, as_of=None, policy=None,
        started_at=clock.now(),
    )  # fmt: skip
    seconds = Patience().lease
    with held(house, pipeline, run, seconds) as lease, beating(house, lease, seconds):
        begun = house.begin_erasing(lease, new, subject.ids).run
        deals = subject.deals | house.named(pipeline, begun)
        faultpoint("erase.systems")
        house.note_erased(lease, begun, {"systems": _in_systems(grave, deals)})
        stones = house.tombstones(pipeline, begun)
        words = subject.words | subject.contacts
        house.note_erased(lease, begun, state_files.erase(grave.state, stones, words))
        house.note_erased(lease, begun, grave.elsewhere(stones, words, _flow_runs(grave)))
        house.erase_rows(lease, begun, words)
        house.scrub()
        return house.note_erased(lease, begun, {}, RunState.SUCCESS)


def left_to_systems(sink: Sink) -> Iterator[str]:
    """Yield, in words, which systems erase people themselves, or cannot yet."""
    for door, _ in doors(sink):
        provider = provider_of(door)
        if provider is not None and not isinstance(door, Erases):
            support = provider.capabilities.get(Capability.ERASE)
            yield f"{provider.connection}: {support.reason if support else 'nobody says whether it erases people'}"


def _flow_runs(grave: Grave) -> list[str]:
    asked = grave.house.proposals(grave.pipeline, limit=None)
    return [proposal.flow_run for proposal in asked if proposal.flow_run]


def _in_systems(grave: Grave, deals: Collection[str]) -> int:
    sink = grave.open_sink()
    found = sink.erase(sorted(deals)) if deals and isinstance(sink, Erases) else 0
    faultpoint("erase.systems_done")
    return found

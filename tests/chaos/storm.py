"""A run through a storm: every eighth call goes wrong in some way, and every thousandth record is poisoned.

The storm is that of the promise: 429 5 %, 5xx 3 %, silence before and after applying 1 % each, reset 1 %, half an
answer 0.5 %, a lying 200 0.5 %, partial results 1 %.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from recyclekit.connectors import ConnectorManifest, Opening
from recyclekit.models.plan import Action
from recyclekit.models.run import Outcome
from recyclekit.testing import create_task, set_fields
from recyclekit.testing.factories import OWN
from recyclekit.testing.sandbox import Fault, FaultKind, SandboxCrm
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit.testing.stand import Stand

SILENCE = 0.3
"""Seconds until a client gives up waiting: so little that silences cost no time."""
RESUMES = 25
_SHARES = {
    FaultKind.STATUS: 0.02, FaultKind.HTML: 0.01, FaultKind.SILENCE: 0.01, FaultKind.LOST_ANSWER: 0.01,
    FaultKind.RESET: 0.01, FaultKind.CUT_OFF: 0.005, FaultKind.LYING_200: 0.005, FaultKind.PARTIAL: 0.01,
}  # fmt: skip
_THROTTLED = Fault(kind=FaultKind.STATUS, status=429, retry_after=1, probability=0.05, times=None)


@dataclass(frozen=True)
class Weather:
    """What became of a run, and of the same run under a clear sky.

    Attributes:
        poisoned: deals whose fields must be refused.
        refused: deal → (code, field) of what was set aside.
        bare: deals without our fields afterwards. tasks: how often each task stands there, by key.
        calls, clear: calls of the run in the storm, and of the clear one. struck: share of calls that a fault met.
    """

    seed: int
    outcome: Outcome
    actions: Sequence[Action]
    poisoned: frozenset[str]
    refused: Mapping[str, tuple[str, str]]
    bare: frozenset[str]
    tasks: Mapping[str, int]
    calls: int
    clear: int
    struck: float

    @property
    def told(self) -> str:
        """What a failing test prints."""
        told = self.outcome
        counts = (
            f"{told.applied} applied, {len(told.failed)} failed, {len(told.in_doubt)} in doubt, {told.unsent} unsent"
        )
        return (
            f"seed {self.seed}: {counts}; {self.calls} calls, {self.clear} under a clear sky; {self.struck:.0%} struck"
        )


@dataclass(frozen=True)
class Owner:
    """All that a stand needs of a bench here."""

    owner: str


@dataclass(frozen=True)
class Vendor:
    """A sandbox, the connector for it, and how to look at what stands there."""

    crm: SandboxCrm
    manifest: ConnectorManifest[Any]
    settings: Mapping[str, Any]
    owner: str
    deals: Sequence[str]

    def bare(self) -> frozenset[str]:
        raise NotImplementedError

    def tasks(self) -> Mapping[str, int]:
        raise NotImplementedError


class _HubSpot(Vendor):
    def bare(self) -> frozenset[str]:
        assert isinstance(self.crm, HubSpotSandbox)
        deals = self.crm.objects["deals"]
        return frozenset(deal for deal in self.deals if deals[deal].properties.get("recycle_track") != "timing")

    def tasks(self) -> Mapping[str, int]:
        assert isinstance(self.crm, HubSpotSandbox)
        return Counter(str(task.properties["recycle_key"]) for task in self.crm.objects["tasks"].values())


class _Salesforce(Vendor):
    def bare(self) -> frozenset[str]:
        assert isinstance(self.crm, SalesforceSandbox)
        deals = self.crm.objects["Opportunity"]
        return frozenset(deal for deal in self.deals if deals[deal].get("Recycle_Track__c") != "timing")

    def tasks(self) -> Mapping[str, int]:
        assert isinstance(self.crm, SalesforceSandbox)
        return Counter(str(task.get("Recycle_Key__c")) for task in self.crm.org.store.living("Task"))


def weather(vendor: str, records: int, seed: int, folder: Path, waits: list[float]) -> Weather:
    """Write fields and a task for half as many deals as there are records, in the storm and under a clear sky."""
    clear = _under(vendor, records, seed, folder / "clear", waits, storm=False)
    return _under(vendor, records, seed, folder / "storm", waits, storm=True, clear=clear.calls)


def _under(
    vendor: str, records: int, seed: int, folder: Path, waits: list[float], *, storm: bool, clear: int = 0
) -> Weather:
    folder.mkdir(parents=True)
    with VENDORS[vendor](records // 2, seed, SILENCE) as there:
        poisoned = brewed(vendor, there, records, seed) if storm else frozenset()
        stand = Stand(
            there.manifest, there.manifest.settings.model_validate(dict(there.settings)),
            Opening(folder=folder, timezone=ZoneInfo("Asia/Tokyo")), Owner(there.owner), waits, seed=str(seed),
        )  # fmt: skip
        actions = [action for deal in there.deals for action in written(deal, there.owner)]
        outcome = _to_the_end(stand, actions)
        there.crm.faults.clear()
        calls = list(there.crm.journal)
        return Weather(
            seed=seed, outcome=outcome, actions=actions, poisoned=poisoned, refused=_refused(stand), bare=there.bare(),
            tasks=there.tasks(), calls=len(calls), clear=clear,
            struck=sum(bool(call.fault) for call in calls) / len(calls),
        )  # fmt: skip


def brewed(vendor: str, there: Vendor, records: int, seed: int) -> frozenset[str]:
    """Let the storm come up; return the deals that are poisoned."""
    poisoned = frozenset(random.Random(seed).sample(there.deals, max(1, records // 1000)))
    there.crm.faults.add(*(_poison(vendor, deal) for deal in sorted(poisoned)), *_mix(vendor))
    return poisoned


def written(deal: str, owner: str) -> tuple[Action, Action]:
    """Return the two writes of a deal."""
    return set_fields(deal, {**OWN, "recycle_owner": ""}), create_task(deal, owner)


def _to_the_end(stand: Stand, actions: Sequence[Action]) -> Outcome:
    outcome = stand.run(actions)
    for _ in range(RESUMES):
        if not (outcome.unsent or outcome.in_doubt):
            break
        outcome = stand.resume()
    return outcome


def _refused(stand: Stand) -> Mapping[str, tuple[str, str]]:
    from recyclekit.testing.runs import failed_rows

    return {row["deal_id"]: (row["code"], row["field"]) for row in failed_rows(stand, "r1")}


def _mix(vendor: str) -> tuple[Fault, ...]:
    others = (
        Fault(
            kind=kind,
            probability=share,
            times=None,
            how="silence",
            rows=3,
            status=_STATUS.get(kind, 503),
            code=_FOR_NOW[vendor],
        )
        for kind, share in _SHARES.items()
    )
    return (_THROTTLED, *others)


_STATUS = {FaultKind.HTML: 502}
_FOR_NOW = {"hubspot": "", "salesforce": "UNABLE_TO_LOCK_ROW"}
"""What the records of a partial result fail for: nothing wrong with them, or they would be set aside by right."""


def _poison(vendor: str, deal: str) -> Fault:
    code, field = _POISON[vendor]
    return Fault(kind=FaultKind.POISON, record=deal, code=code, field=field)


_POISON = {
    "hubspot": ("INVALID_OPTION", "recycle_hook"),
    "salesforce": ("STRING_TOO_LONG", "Recycle_Hook__c"),
}


@contextmanager
def _hubspot(deals: int, seed: int, silence: float) -> Iterator[Vendor]:
    from recyclekit_hubspot import MANIFEST

    with HubSpotSandbox(seed=seed, burst=None, searches=None, daily=None) as crm:
        ids = list(crm.load(deals=_lost(deals)).deals.values())
        owner = next(iter(crm.portal.owners), "")
        yield _HubSpot(crm, MANIFEST, {**crm.settings, "read_timeout": silence}, owner, ids)


@contextmanager
def _salesforce(deals: int, seed: int, silence: float) -> Iterator[Vendor]:
    from recyclekit_salesforce import MANIFEST

    with SalesforceSandbox(seed=seed, timezone="Asia/Tokyo") as crm:
        ids = list(crm.load(deals=_lost(deals)).deals.values())
        yield _Salesforce(crm, MANIFEST, {**crm.settings, "timeout": silence * 4}, crm.org.person, ids)


def _lost(deals: int) -> list[dict[str, Any]]:
    return [{"deal_id": f"D-{n:06d}", "name": f"Deal {n}", "crm_state": "lost", "owner": "anna"} for n in range(deals)]


VENDORS = {"hubspot": _hubspot, "salesforce": _salesforce}

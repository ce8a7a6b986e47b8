"""A run through a storm: nothing lost, doubled or falsely done, and exactly the poisoned records set aside."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Any

import pytest

from recyclekit.connectors import Opening
from recyclekit.errors import RemoteError
from recyclekit.models.plan import Action
from recyclekit.models.tables import Table
from recyclekit.testing import create_task, set_fields
from recyclekit.testing.factories import OWN
from recyclekit.testing.sandbox import Fault, FaultKind
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit.testing.stand import Stand
from recyclekit_salesforce import MANIFEST
from recyclekit_salesforce.settings import SalesforceSettings
from recyclekit_salesforce.source import SalesforceSource

DEALS = 600
POISONED = 6
EVER = {"times": None, "path": "/services/data/*"}
STORM = (
    Fault(kind=FaultKind.STATUS, status=503, retry_after=1.0, probability=0.05, **EVER),
    Fault(kind=FaultKind.STATUS, status=500, probability=0.03, **EVER),
    Fault(kind=FaultKind.RESET, probability=0.01, **EVER),
    Fault(kind=FaultKind.LOST_ANSWER, probability=0.01, **EVER),
    Fault(kind=FaultKind.CUT_OFF, probability=0.01, **EVER),
    Fault(kind=FaultKind.LYING_200, probability=0.01, **EVER),
    Fault(kind=FaultKind.PARTIAL, probability=0.03, rows=5, code="UNABLE_TO_LOCK_ROW", **EVER),
    Fault(kind=FaultKind.LOCK_ROW, probability=0.02, times=2, path="/services/data/*"),
)


@dataclass(frozen=True)
class Owner:
    """All of a bench that a run asks for."""

    owner: str


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("bulk_from", [5_000, 40], ids=["collections", "bulk"])
def test_a_run_through_a_storm_ends_as_if_the_sun_had_shone(
    opening: Opening, monkeypatch: pytest.MonkeyPatch, seed: int, bulk_from: int
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    with SalesforceSandbox(seed=seed, timezone="Asia/Tokyo") as crm:
        loaded = crm.load(deals=[{"deal_id": f"d{n}", "crm_state": "lost"} for n in range(DEALS)])
        deals = list(loaded.deals.values())
        poisoned = set(random.Random(seed).sample(deals, POISONED))
        config = SalesforceSettings(**crm.settings, batch_size=100, bulk_write_from=bulk_from, keep_calls=0.0)
        stand = Stand(MANIFEST, config, opening, Owner(crm.org.person), waits, seed=str(seed))
        actions: list[Action] = [
            action
            for deal in deals
            for action in (set_fields(deal, {**OWN, "recycle_owner": ""}), create_task(deal, crm.org.person))
        ]
        for deal in poisoned:
            crm.faults.add(Fault(kind=FaultKind.POISON, record=deal, code="STRING_TOO_LONG", field="Recycle_Hook__c"))
        crm.faults.add(*STORM)

        outcome = stand.run(actions)
        for _ in range(20):
            if not (outcome.unsent or outcome.in_doubt):
                break
            outcome = stand.resume()
        crm.faults.clear()

        written = {deal for deal in deals if crm.objects["Opportunity"][deal].get("Recycle_Track__c") == "timing"}
        tasks = [task for task in crm.org.store.living("Task") if task.get("Recycle_Key__c")]
        told = f"seed {seed}: {outcome.unsent=} {outcome.in_doubt=} {len(outcome.failed)=}"
        assert outcome.sums_close, told
        assert (outcome.unsent, len(outcome.in_doubt)) == (0, 0), told
        assert {deal for deal, _ in outcome.failed} == poisoned, told
        assert written == set(deals) - poisoned, told
        good = sorted(one.key for one in actions if one.step and one.deal_id not in poisoned)
        assert sorted(task.get("Recycle_Key__c") for task in tasks) == good, told
        assert _struck(crm) > 0.05, "no storm"


def _struck(crm: Any) -> float:
    return len([call for call in crm.journal if call.fault]) / len(crm.journal)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("bulk_from", [50_000, 0], ids=["pages", "bulk"])
def test_reading_through_a_storm_brings_every_deal_once(
    opening: Opening, monkeypatch: pytest.MonkeyPatch, seed: int, bulk_from: int
) -> None:
    monkeypatch.setattr(time, "sleep", [].append)
    with SalesforceSandbox(seed=seed, timezone="Asia/Tokyo") as crm:
        crm.pages.size = crm.bulk_query.largest_page = 20
        loaded = crm.load(deals=[{"deal_id": f"d{n}", "crm_state": "lost"} for n in range(DEALS)])
        settings = SalesforceSettings(**crm.settings, bulk_read_from=bulk_from)
        crm.faults.add(*STORM)
        source, cursor, read = SalesforceSource(settings, opening), None, list[str]()
        for _ in range(50):
            try:
                for page in source.pages(Table.DEALS, cursor, ["Id"]):
                    read += page.records["Id"].to_list()
                    cursor = page.cursor
                break
            except RemoteError:
                continue  # a run that stops is taken up behind the last page that it has
        assert len(read) == len(set(read)), f"seed {seed}"
        assert set(read) == set(loaded.deals.values()), f"seed {seed}"
        assert len(crm.journal) < 1.5 * DEALS / 20 + 20, f"seed {seed}: too many calls"

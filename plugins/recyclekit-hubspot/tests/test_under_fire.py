"""Under fire: of thousands of reads and writes with every eighth call at fault, nothing is lost, doubled or claimed."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from recyclekit.errors import RemoteError
from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.tables import Table
from recyclekit.testing.factories import create_task, set_fields
from recyclekit.testing.sandbox.faults import Fault, FaultKind
from recyclekit_hubspot.columns import ID
from recyclekit_hubspot.sink import HubSpotSink

from .conftest import Opener, Portal, read_all, rows

DEALS = 2_000
FIRE: tuple[tuple[FaultKind, float, dict[str, object]], ...] = (
    (FaultKind.STATUS, 0.05, {"status": 429}),
    (FaultKind.STATUS, 0.03, {"status": 503}),
    (FaultKind.SILENCE, 0.01, {}),
    (FaultKind.LOST_ANSWER, 0.01, {}),
    (FaultKind.RESET, 0.01, {}),
    (FaultKind.CUT_OFF, 0.005, {}),
    (FaultKind.LYING_200, 0.005, {}),
    (FaultKind.PARTIAL, 0.01, {"rows": 3}),
)
_OPEN = {ReceiptState.PLANNED, ReceiptState.IN_DOUBT}


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_lost_doubled_or_falsely_claimed(opened: Opener, seed: int) -> None:
    print(f"seed {seed}")
    clean, _ = carry_out(opened(burst=None, searches=None), poisoned=set())
    portal = opened(burst=None, searches=None)
    deals = portal.deals(DEALS)
    poisoned = set(random.Random(seed).sample(deals, 2))
    for one in poisoned:
        poison = {"code": "INVALID_LONG_STRING", "field": "recycle_track", "path": "*/deals/batch/update"}
        portal.crm.faults.add(Fault(kind=FaultKind.POISON, record=one, **poison))
    for kind, chance, more in FIRE:
        portal.crm.faults.add(Fault.model_validate({"kind": kind, "probability": chance, "times": None, **more}))
    calls, receipts = carry_out(portal, poisoned, deals)
    failed = {r.key.split(":")[1]: (r.code, r.field) for r in receipts if r.state is ReceiptState.FAILED}
    assert failed == dict.fromkeys(poisoned, ("INVALID_LONG_STRING", "recycle_track"))
    assert calls <= clean * 1.5, f"{calls} calls under fire, {clean} without"


def carry_out(portal: Portal, poisoned: set[str], deals: list[str] | None = None) -> tuple[int, list[Receipt]]:
    """Read and write all deals; return the calls that it took and the receipts, after looking at what stands there."""
    deals = deals or portal.deals(DEALS)
    owner = portal.crm.portal.add_owner("sato").id
    read = rows(read_all(portal.source(read_timeout=0.2), Table.DEALS, [ID]))[ID].to_list()
    assert sorted(read) == sorted(deals), "each deal is read once"
    actions = [create_task(deal, owner) for deal in deals]
    actions += [set_fields(deal, {"recycle_track": "timing"}) for deal in deals]
    receipts = settled(portal.sink(read_timeout=0.2), actions)
    assert {r.state for r in receipts} <= {ReceiptState.DONE, ReceiptState.FAILED}
    tasks = Counter(one.properties["recycle_key"] for one in portal.crm.objects["tasks"].values())
    assert tasks == Counter(a.key for a in actions[: len(deals)]), "each task stands there once"
    stored = portal.crm.objects["deals"]
    unwritten = {deal for deal in deals if stored[deal].properties.get("recycle_track") != "timing"}
    assert unwritten == poisoned
    return len(portal.crm.journal), receipts


def settled(sink: HubSpotSink, actions: list[Action]) -> list[Receipt]:
    """Write as stage 5 does: what is unsent or in doubt is looked up and sent again."""
    receipts: list[Receipt] = []
    for _ in range(6):
        answers: list[Receipt] = []
        for start in range(0, len(actions), sink.batch_size):
            try:
                answers += sink.write(actions[start : start + sink.batch_size])
            except RemoteError:
                continue
        receipts += [r for r in answers if r.state not in _OPEN]
        done = {r.key for r in receipts}
        actions = [a for a in actions if a.key not in done]
        if not actions:
            break
    return receipts

"""Asked to stop, the connector ends within moments: neither a window, nor a retry, nor a silence is waited out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from recyclekit.connectors import Opening, cutting
from recyclekit.errors import StoppedError
from recyclekit.models.run import ReceiptState
from recyclekit.models.tables import Table
from recyclekit.testing import set_fields
from recyclekit.testing.factories import OWN
from recyclekit.testing.sandbox import Fault, FaultKind
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from recyclekit_hubspot.settings import HubSpotSettings
from recyclekit_hubspot.sink import HubSpotSink
from recyclekit_hubspot.source import HubSpotSource
from recyclekit_hubspot.transport.shared import transport_of

from .conftest import ZONE

pytestmark = pytest.mark.timeout(40)  # the timeouts and pauses of these tests are minutes


@pytest.fixture
def crm() -> Iterator[HubSpotSandbox]:
    with HubSpotSandbox(seed=1) as running:
        yield running


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    monkeypatch.setattr(cutting, "GRACE", 0.1)
    return threading.Event()


def opening(folder: Path, stop: threading.Event) -> Opening:
    return Opening(folder=folder, timezone=ZONE, should_stop=stop.is_set)


def settings(crm: HubSpotSandbox, **more: object) -> HubSpotSettings:
    return HubSpotSettings.model_validate({"token": crm.token, "url": crm.url, "read_timeout": 600, **more})


def sink(crm: HubSpotSandbox, where: Opening) -> HubSpotSink:
    given = settings(crm)
    return HubSpotSink(given, transport_of(given, where), ZONE)


def stop_after(crm: HubSpotSandbox, stop: threading.Event, fault: Fault) -> None:
    """Let this befall all calls; ask for the stop once it befell one."""
    crm.faults.add(fault)
    threading.Thread(target=_watch, args=(crm, stop), daemon=True).start()


def _watch(crm: HubSpotSandbox, stop: threading.Event) -> None:
    moment = threading.Event()
    while not any(call.fault for call in list(crm.journal)):
        moment.wait(0.01)
    stop.set()


def test_a_silence_ends_soon_and_what_was_sent_is_in_doubt(
    crm: HubSpotSandbox, stop: threading.Event, tmp_path: Path
) -> None:
    deal = next(iter(crm.load(deals=[{"deal_id": "D", "name": "x", "crm_state": "lost"}]).deals.values()))
    door = sink(crm, opening(tmp_path, stop))
    stop_after(crm, stop, Fault(kind=FaultKind.SILENCE, path="*/batch/update", times=None))
    assert {receipt.state for receipt in door.write([set_fields(deal, OWN)])} == {ReceiptState.IN_DOUBT}


def test_a_silence_of_many_calls_at_once_ends_soon(crm: HubSpotSandbox, stop: threading.Event, tmp_path: Path) -> None:
    deals = [{"deal_id": f"D{n}", "name": "x", "crm_state": "lost"} for n in range(450)]
    ids = list(crm.load(deals=deals).deals.values())
    door = sink(crm, opening(tmp_path, stop))
    stop_after(crm, stop, Fault(kind=FaultKind.SILENCE, path="*/batch/update", times=None))
    states = {receipt.state for receipt in door.write([set_fields(deal, OWN) for deal in ids])}
    # What had not left yet when the stop came was not sent, and is said so.
    assert ReceiptState.IN_DOUBT in states
    assert states <= {ReceiptState.IN_DOUBT, ReceiptState.PLANNED}


@pytest.mark.parametrize("retry_after", [60, None])
def test_a_pause_that_hubspot_asks_for_ends_soon(
    crm: HubSpotSandbox, stop: threading.Event, tmp_path: Path, retry_after: int | None
) -> None:
    given = settings(crm)
    source = HubSpotSource(given, transport_of(given, opening(tmp_path, stop)))
    crm.load(deals=[{"deal_id": "D", "name": "x", "crm_state": "lost"}])
    stop_after(crm, stop, Fault(kind=FaultKind.STATUS, status=429, retry_after=retry_after, times=None))
    with pytest.raises(StoppedError):
        list(source.pages(Table.DEALS, None, ["dealname"]))


def test_a_spent_window_is_not_waited_out(crm: HubSpotSandbox, stop: threading.Event, tmp_path: Path) -> None:
    given = settings(crm, burst=3)
    transport = transport_of(given, opening(tmp_path, stop))
    for _ in range(3):
        transport.get(transport.paths.owners())
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(StoppedError):
        transport.get(transport.paths.owners())

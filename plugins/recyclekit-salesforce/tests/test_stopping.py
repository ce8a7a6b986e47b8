"""Asked to stop, the connector ends within moments, over TLS too: no retry, job or silence is waited out."""

from __future__ import annotations

import threading
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from recyclekit.connectors import Opening, cutting
from recyclekit.errors import InDoubtError, RemoteError, StoppedError
from recyclekit.models.tables import Table
from recyclekit.testing import set_fields
from recyclekit.testing.factories import OWN
from recyclekit.testing.sandbox import Fault, FaultKind
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit_salesforce import MANIFEST
from recyclekit_salesforce.settings import SalesforceSettings

pytestmark = pytest.mark.timeout(60)  # the timeouts and pauses of these tests are minutes


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    monkeypatch.setattr(cutting, "GRACE", 0.1)
    return threading.Event()


@pytest.fixture
def opening(tmp_path: Path, stop: threading.Event) -> Opening:
    return Opening(folder=tmp_path, timezone=ZoneInfo("Asia/Tokyo"), should_stop=stop.is_set)


def settings(crm: SalesforceSandbox) -> SalesforceSettings:
    return SalesforceSettings.model_validate({**crm.settings, "timeout": 600})


def deal(crm: SalesforceSandbox) -> str:
    return next(iter(crm.load(deals=[{"deal_id": "D", "name": "x", "crm_state": "lost"}]).deals.values()))


def stop_after(crm: SalesforceSandbox, stop: threading.Event, fault: Fault) -> None:
    """Let this befall all calls; ask for the stop once it befell one."""

    def watch() -> None:
        moment = threading.Event()
        while not any(call.fault for call in list(crm.journal)):
            moment.wait(0.01)
        stop.set()

    crm.faults.add(fault)
    threading.Thread(target=watch, daemon=True).start()


def test_a_silence_ends_soon_and_what_was_sent_is_in_doubt(
    crm: SalesforceSandbox, stop: threading.Event, opening: Opening
) -> None:
    assert MANIFEST.open_sink is not None
    written = deal(crm)
    sink = MANIFEST.open_sink(settings(crm), opening)
    stop_after(crm, stop, Fault(kind=FaultKind.SILENCE, method="PATCH", times=None))
    try:
        states = {str(receipt.state) for receipt in sink.write([set_fields(written, OWN)])}
    except InDoubtError:
        states = {"in_doubt"}
    assert states == {"in_doubt"}


def test_a_silence_while_reading_ends_soon(crm: SalesforceSandbox, stop: threading.Event, opening: Opening) -> None:
    assert MANIFEST.open_source is not None
    deal(crm)
    source = MANIFEST.open_source(settings(crm), opening)
    stop_after(crm, stop, Fault(kind=FaultKind.SILENCE, method="GET", times=None))
    with pytest.raises(RemoteError):
        list(source.pages(Table.DEALS, None, ["Name"]))


def test_pauses_between_tries_end_soon(crm: SalesforceSandbox, stop: threading.Event, opening: Opening) -> None:
    assert MANIFEST.open_source is not None
    deal(crm)
    source = MANIFEST.open_source(settings(crm), opening)
    source.tables()
    stop_after(crm, stop, Fault(kind=FaultKind.STATUS, status=503, method="GET", times=None))
    with pytest.raises(StoppedError):
        list(source.pages(Table.DEALS, None, ["Name"]))

"""One transport per account: reading and writing share its window; each answer teaches it what is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from recyclekit.connectors import Opening
from recyclekit_hubspot import MANIFEST
from recyclekit_hubspot.transport.paths import Paths
from recyclekit_hubspot.transport.shared import transport_of

from .conftest import ZONE, Opener, Portal


def test_both_doors_of_a_connection_share_one_transport(portal: Portal, folder: Path) -> None:
    settings, opening = portal.settings(), Opening(folder=folder, timezone=ZONE)
    assert MANIFEST.open_source is not None
    assert MANIFEST.open_sink is not None
    source, sink = MANIFEST.open_source(settings, opening), MANIFEST.open_sink(settings, opening)
    assert vars(source)["_transport"] is vars(sink)["_transport"]


def test_another_token_is_another_transport(portal: Portal, folder: Path) -> None:
    opening = Opening(folder=folder, timezone=ZONE)
    first = transport_of(portal.settings(), opening)
    assert transport_of(portal.settings(), opening) is first
    assert transport_of(portal.settings(token="pat-na1-another"), opening) is not first


def test_who_may_stop_it_belongs_to_a_transport(portal: Portal, folder: Path) -> None:
    first = transport_of(portal.settings(), Opening(folder=folder, timezone=ZONE))
    stopped = Opening(folder=folder, timezone=ZONE, should_stop=lambda: True)
    assert transport_of(portal.settings(), stopped) is not first


def test_the_accounts_own_limit_is_learnt_from_its_first_answer(opened: Opener) -> None:
    portal = opened(burst=150)
    transport = portal.transport()
    for _ in range(150):
        transport.get(transport.paths.owners())
    assert portal.clock.slept == 0
    transport.get(transport.paths.owners())
    assert portal.clock.slept == pytest.approx(10, abs=0.1)


def test_other_apps_in_the_same_window_are_seen(opened: Opener) -> None:
    portal = opened(burst=20)
    ours, theirs = portal.transport(), portal.transport(keep_calls=0)
    for _ in range(10):
        theirs.get(theirs.paths.owners())
    for _ in range(10):
        ours.get(ours.paths.owners())
    ours.get(ours.paths.owners())
    assert not portal.crm.journal.calls(status=429)


def test_every_path_stands_in_one_place() -> None:
    v3, dated = Paths("v3"), Paths("2026-03")
    assert v3.objects("deals", "batch", "read") == "/crm/v3/objects/deals/batch/read"
    assert dated.objects("deals", "batch", "read") == "/crm/objects/2026-03/deals/batch/read"
    assert v3.associations("deals", "contacts", "batch", "read") == "/crm/v4/associations/deals/contacts/batch/read"
    assert dated.associations("deals", "contacts") == "/crm/associations/2026-03/deals/contacts"
    assert (v3.owners(), dated.owners()) == ("/crm/v3/owners", "/crm/owners/2026-03")
    sources = Path(__file__).parents[1] / "src"
    naming = [path.name for path in sources.rglob("*.py") if '"/crm' in path.read_text(encoding="utf-8")]
    assert naming == ["paths.py"]

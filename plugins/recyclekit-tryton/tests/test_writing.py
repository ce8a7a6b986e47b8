"""What is written into a real Tryton: proven, once, found again, and taken back unless a person changed it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import urllib3

from recyclekit.connectors import FindsByKey, ReadsBack, Sink, Undoes
from recyclekit.models.field_map import columns_of
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import ReceiptState
from recyclekit.models.tables import Table
from recyclekit.testing.factories import create_task, enrol, set_fields, undoing
from recyclekit_tryton.field_map import MAPPED, read_note
from recyclekit_tryton.sink import TrytonSink
from recyclekit_tryton.source import TrytonSource
from tests.tryton_server import Server

pytestmark = pytest.mark.xdist_group("tryton")
DEAL = "sale.opportunity"
Deal = Callable[[str], str]


@pytest.fixture
def deal(server: Server) -> Deal:
    return lambda ours: str(server.ids["deals"][ours])


def _notes(server: Server, deal_id: str) -> list[dict[str, Any]]:
    rows = server.call("GET", "ir.note?f=resource&f=message")
    return [row for row in rows if row["resource"] == f"{DEAL},{deal_id}" and read_note(row["message"])]


def _tasks(server: Server, key: str) -> list[dict[str, Any]]:
    return [row for row in server.call("GET", "project.work?f=comment&f=name") if key in (row["comment"] or "")]


def test_the_sink_is_all_that_it_declares(sink: TrytonSink) -> None:
    assert all(isinstance(sink, door) for door in (Sink, ReadsBack, FindsByKey, Undoes))


def test_fields_of_a_lost_deal_are_kept_and_read_again(sink: TrytonSink, source: TrytonSource, deal: Deal) -> None:
    own = {
        "recycle_track": "timing",
        "recycle_next_on": "2027-04-01",
        "recycle_cycle": 1,
        "recycle_hook": "「春」に\n再度",
    }
    receipt = sink.write([set_fields(deal("d5"), own)])[0]
    assert (receipt.state, bool(receipt.remote_id)) == (ReceiptState.DONE, True)
    sink.write([set_fields(deal("d5"), {"recycle_track": None}, run="r2")])
    read = sink.read_back([deal("d5")], {Table.DEALS: columns_of(MAPPED.fields[Table.DEALS])})[Table.DEALS]
    row = read.row(0, named=True)
    assert (row["recycle_track"], row["recycle_next_on"], row["recycle_cycle"]) == (None, "2027-04-01", "1")
    assert row["recycle_hook"] == "「春」に\n再度"


def test_our_notes_do_not_move_the_clock(sink: TrytonSink, source: TrytonSource, deal: Deal) -> None:
    sink.write([set_fields(deal("d15"), {"recycle_track": "timing"})])
    pages = source.pages(Table.ACTIVITIES, None, ["deal", "key"])
    keys = {row["key"] for page in pages for row in page.records.to_dicts() if row["deal"] == deal("d15")}
    assert any(key and key.startswith("kit:") for key in keys)


@pytest.mark.parametrize("make", [lambda d: set_fields(d, {"recycle_track": "x"}), lambda d: create_task(d, "anna")])
def test_the_same_key_twice_has_one_effect(
    sink: TrytonSink, server: Server, deal: Deal, make: Callable[[str], Action]
) -> None:
    action = make(deal("d25"))
    first, second = sink.write([action])[0], sink.write([action])[0]
    assert (first.remote_id, first.state) == (second.remote_id, ReceiptState.DONE)
    assert len(_tasks(server, action.key) or _notes(server, deal("d25"))) == 1


def test_many_tasks_at_once_are_all_created(sink: TrytonSink, server: Server) -> None:
    actions = [create_task(str(made), "anna", step="many") for made in list(server.ids["deals"].values())[:40]]
    receipts = sink.write(actions)
    assert {receipt.state for receipt in receipts} == {ReceiptState.DONE}
    assert len({receipt.remote_id for receipt in receipts}) == 40


def test_a_deal_that_is_gone_fails_alone(sink: TrytonSink, deal: Deal) -> None:
    good, bad, odd = (set_fields(one, {"recycle_track": "x"}) for one in (deal("d35"), "999999", "not-an-id"))
    states = {receipt.key: (receipt.state, receipt.code) for receipt in sink.write([good, bad, odd])}
    assert states[good.key][0] is ReceiptState.DONE
    assert states[bad.key] == states[odd.key] == (ReceiptState.FAILED, "gone")


def test_an_enrolment_is_made_once_and_known_again(sink: TrytonSink, deal: Deal) -> None:
    action = enrol(deal("d1"), "newsletter")
    made, again = sink.write([action])[0], sink.write([action])[0]
    assert made.remote_id
    assert (again.state, again.remote_id) == (ReceiptState.DONE, None)
    assert sink.find([action])[0].state is ReceiptState.DONE


def test_who_has_opted_out_meanwhile_is_not_enrolled(sink: TrytonSink, deal: Deal) -> None:
    receipt = sink.write([enrol(deal("d7"), "newsletter")])[0]
    assert (receipt.state, receipt.code) == (ReceiptState.SKIPPED, "opted_out")


def test_an_enrolment_without_scenario_or_party_says_so(sink: TrytonSink, deal: Deal) -> None:
    nowhere, nobody = enrol(deal("d2"), "elsewhere"), enrol(deal("d20"), "newsletter")
    codes = {receipt.key: receipt.code for receipt in sink.write([nowhere, nobody])}
    assert codes == {nowhere.key: "no_scenario", nobody.key: "no_contact"}


def test_a_lost_answer_is_in_doubt_and_then_found(
    sink: TrytonSink, server: Server, deal: Deal, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = urllib3.PoolManager.request

    def deaf(self: urllib3.PoolManager, method: str, url: str, **rest: Any) -> urllib3.BaseHTTPResponse:
        answer = ask(self, method, url, **rest)
        if method == "POST":
            raise urllib3.exceptions.ProtocolError("the answer is lost")
        return answer

    action = create_task(deal("d21"), "anna", step="lost-answer")
    with monkeypatch.context() as patch:
        patch.setattr(urllib3.PoolManager, "request", deaf)
        assert sink.write([action])[0].state is ReceiptState.IN_DOUBT
    found = sink.find([action])[0]
    assert (found.state, bool(found.remote_id)) == (ReceiptState.DONE, True)
    assert len(_tasks(server, action.key)) == 1


def test_what_was_never_sent_is_proven_absent(sink: TrytonSink, deal: Deal) -> None:
    actions = [
        set_fields(deal("d22"), {"recycle_track": "x"}, run="never"),
        create_task(deal("d22"), "a", step="never"),
        enrol(deal("d22"), "rivals"),
    ]
    assert {receipt.state for receipt in sink.find(actions)} == {ReceiptState.PLANNED}


def test_undo_restores_fields_only_where_ours_still_stand(sink: TrytonSink, server: Server, deal: Deal) -> None:
    first = set_fields(deal("d30"), {"recycle_track": "timing"}, before={"recycle_track": None})
    sink.write([first])
    sink.write([set_fields(deal("d30"), {"recycle_track": "competitor"}, run="r2")])
    changed = sink.undo([undoing(first, None)])[0]
    assert (changed.state, changed.code) == (ReceiptState.SKIPPED, "changed")
    second = set_fields(deal("d30"), {"recycle_track": "competitor"}, run="r2", before={"recycle_track": "timing"})
    assert sink.undo([undoing(second, None)])[0].state is ReceiptState.DONE
    assert sink.undo([undoing(first, None)])[0].state is ReceiptState.DONE
    assert _notes(server, deal("d30")) == []
    assert sink.undo([undoing(first, None)])[0].state is ReceiptState.DONE


def test_undo_leaves_a_task_that_somebody_edited(sink: TrytonSink, server: Server, deal: Deal) -> None:
    kept, removed = create_task(deal("d26"), "anna", step="kept"), create_task(deal("d26"), "anna", step="removed")
    ids = {receipt.key: receipt.remote_id for receipt in sink.write([kept, removed])}
    server.call("PUT", f"project.work/{ids[kept.key]}", {"progress": 0.5})
    states = {r.key: r.state for r in sink.undo([undoing(kept, ids[kept.key]), undoing(removed, ids[removed.key])])}
    assert list(states.values()) == [ReceiptState.SKIPPED, ReceiptState.DONE]
    assert [len(_tasks(server, action.key)) for action in (kept, removed)] == [1, 0]


def test_undo_of_an_enrolment_leaves_those_that_were_there_before(sink: TrytonSink, server: Server, deal: Deal) -> None:
    ours, theirs = enrol(deal("d31"), "rivals"), enrol(deal("d32"), "rivals")
    server.call(
        "POST", "marketing.automation.record",
        {"scenario": server.ids["scenarios"]["rivals"], "record": f"party.party,{server.ids['parties']['p32']}"},
    )  # fmt: skip
    ids = {receipt.key: receipt.remote_id for receipt in sink.write([ours, theirs])}
    states = [r.state for r in sink.undo([undoing(ours, ids[ours.key]), undoing(theirs, ids[theirs.key])])]
    assert states == [ReceiptState.DONE, ReceiptState.SKIPPED]


def test_preflight_names_scenarios_that_are_missing_or_still(sink: TrytonSink, server: Server) -> None:
    scenario = server.ids["scenarios"]["rivals"]
    assert sink.preflight(list(ActionKind)) == []
    server.call("POST", f"marketing.automation.scenario/{scenario}/stop", {})
    try:
        found = sink.preflight([ActionKind.ENROL])
    finally:
        server.call("POST", f"marketing.automation.scenario/{scenario}/draft", {})
        server.call("POST", f"marketing.automation.scenario/{scenario}/run", {})
    assert [(f.level, f.where) for f in found] == [("warning", "scenarios.rivals")]


def _reachable(server: Server, party: str) -> None:
    values = {"party": server.ids["parties"][party], "type": "email", "value": f"{party}@Example.com"}
    server.call("POST", "party.contact_mechanism", values)


def test_an_address_is_put_into_a_mailing_list_once_and_taken_out_again(
    sink: TrytonSink, server: Server, deal: Deal
) -> None:
    _reachable(server, "p41")
    action = enrol(deal("d41"), "readers")
    made, again = sink.write([action])[0], sink.write([action])[0]
    assert (made.state, again.state, again.remote_id) == (ReceiptState.DONE, ReceiptState.DONE, None)
    assert "example.com" not in f"{made} {again}".lower()
    assert sink.find([action])[0].state is ReceiptState.DONE
    assert [row["email"] for row in server.call("GET", "marketing.email?f=email")] == ["p41@example.com"]
    assert sink.undo([undoing(action, made.remote_id)])[0].state is ReceiptState.DONE
    assert server.call("GET", "marketing.email?f=email") == []
    assert sink.undo([undoing(action, None)])[0].state is ReceiptState.SKIPPED


def test_a_mailing_list_takes_nobody_without_an_address_or_who_opted_out(sink: TrytonSink, deal: Deal) -> None:
    mute, out = enrol(deal("d42"), "readers"), enrol(deal("d7"), "readers")
    states = {receipt.key: (receipt.state, receipt.code) for receipt in sink.write([mute, out])}
    assert states[mute.key] == (ReceiptState.FAILED, "no_address")
    assert states[out.key] == (ReceiptState.SKIPPED, "opted_out")


def test_a_lost_deal_that_somebody_reopened_is_open_though_it_keeps_its_end_date(
    sink: TrytonSink, server: Server, deal: Deal
) -> None:
    server.call("POST", f"sale.opportunity/{deal('d45')}/lead", {})
    server.call("POST", f"sale.opportunity/{deal('d45')}/opportunity", {})
    columns = {Table.DEALS: columns_of(MAPPED.fields[Table.DEALS])}
    row = sink.read_back([deal("d45")], columns)[Table.DEALS].row(0, named=True)
    assert (row["state"], row["end_date"]) == ("opportunity", "2025-03-05")
    assert row["state"] in (MAPPED.stages.open or ())

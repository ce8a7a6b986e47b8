"""Enrolments go to the system that nurtures, the rest to the CRM; each is looked up and taken back where it went."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from recyclekit.connectors import FindsByKey, ReadsBack, SetsUp, Sink, SplitsBatches, Undoes
from recyclekit.connectors.routed import doors, routed
from recyclekit.errors import ConnectorError
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.snapshot import Finding

ENROL, TASK, UNENROL = ActionKind.ENROL, ActionKind.CREATE_TASK, ActionKind.UNENROL


def action(kind: ActionKind) -> Action:
    return Action(key=f"k:{kind}", kind=kind, deal_id="D", cycle=1, step=None, payload={})


class Writes:
    def __init__(self, name: str, batch_size: int) -> None:
        self.name, self.batch_size, self.heard = name, batch_size, [""]

    def preflight(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        return [Finding(level="note", where=self.name, what=",".join(sorted(kinds)))]

    def calls(self, kinds: Mapping[ActionKind, int]) -> int:
        return sum(kinds.values()) * self.batch_size

    def write(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        self.heard += [a.key for a in actions]
        return [Receipt(key=a.key, state=ReceiptState.DONE, proof=self.name) for a in actions]


class Whole(Writes):
    find = undo = Writes.write

    def read_back(self, deal_ids: Sequence[str], columns: object) -> Any:
        return self.name

    def missing(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        return self.preflight(kinds)

    set_up = missing


def test_each_kind_goes_to_its_system_and_is_found_and_undone_there() -> None:
    crm, mail = Whole("crm", 100), Whole("mail", 20)
    sink = routed(crm, mail)
    assert isinstance(sink, SplitsBatches)
    assert isinstance(sink, FindsByKey)
    assert isinstance(sink, Undoes)
    assert sink.batch_size == 20
    both = [action(TASK), action(ENROL), action(ActionKind.SET_FIELDS)]
    here, over_there = sink.parts(both)
    assert [a.kind for a in here] == [TASK, ActionKind.SET_FIELDS]
    assert [r.proof for r in sink.write(here)] == ["crm", "crm"]
    for ask in (sink.write, sink.find):
        assert [r.proof for r in ask(over_there)] == ["mail"]
    assert [r.proof for r in sink.undo([action(UNENROL)])] == ["mail"]
    assert sink.calls({TASK: 2, ENROL: 3}) == 2 * 100 + 3 * 20


def test_a_call_that_would_go_to_two_systems_is_refused_before_either_hears_of_it() -> None:
    crm, mail = Whole("crm", 100), Whole("mail", 20)
    with pytest.raises(ConnectorError, match="not to two"):
        routed(crm, mail).write([action(TASK), action(ENROL)])
    assert crm.heard == mail.heard == [""]


def test_what_one_system_cannot_do_is_said_of_its_own_actions_only() -> None:
    sink = routed(Whole("crm", 100), Writes("mail", 20))
    assert isinstance(sink, FindsByKey)
    assert isinstance(sink, Undoes)
    assert [r.state for r in sink.find([action(TASK)])] == [ReceiptState.DONE]
    assert [(r.state, r.code) for r in sink.find([action(ENROL)])] == [(ReceiptState.IN_DOUBT, "cannot_find")]
    assert [(r.state, r.code) for r in sink.undo([action(UNENROL)])] == [(ReceiptState.SKIPPED, "not_undoable")]


def test_it_offers_only_what_one_of_the_two_can_do_and_reads_deals_back_from_the_crm_alone() -> None:
    neither = routed(Writes("crm", 1), Writes("mail", 1))
    assert isinstance(neither, Sink)
    assert not isinstance(neither, FindsByKey | Undoes | ReadsBack | SetsUp)
    assert not isinstance(routed(Writes("crm", 1), Whole("mail", 1)), ReadsBack)
    sink = routed(Whole("crm", 1), Whole("mail", 1))
    assert isinstance(sink, ReadsBack)
    assert sink.read_back(["D"], {}) == "crm"


def test_each_system_is_asked_before_a_run_about_its_own_kinds() -> None:
    sink = routed(Whole("crm", 1), Whole("mail", 1))
    assert isinstance(sink, SetsUp)
    for ask in (sink.preflight, sink.missing, sink.set_up):
        assert [(f.where, f.what) for f in ask([TASK, ENROL])] == [("crm", "create_task"), ("mail", "enrol")]
        assert [f.where for f in ask([TASK])] == ["crm"]
    assert [len(kinds) for _, kinds in doors(sink)] == [4, 2]

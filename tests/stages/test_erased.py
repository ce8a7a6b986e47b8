"""A person who was erased: their deals are counted and left alone, whatever the rules or the CRM say."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from recyclekit.models.memory import Memory
from recyclekit.models.tombstone import Erasable, Tombstones
from recyclekit.stages.schedule import schedule
from tests.stages.deals_by_hand import AS_OF, decide, memory, rules, snapshot, standard

EMPTY = Tombstones(salt="s")


def erased(*ids: tuple[Erasable, str]) -> Memory:
    return Memory(erased=replace(EMPTY, digests=frozenset(EMPTY.digest(kind, one) for kind, one in ids)))


LOST = {"lost_reason": "timing", "closed_on": AS_OF.replace(year=2025)}


@pytest.mark.parametrize("ids", [[(Erasable.DEAL, "d1")], [(Erasable.CONTACT, "Taro@Example.com ")]])
def test_their_deals_are_excluded_by_a_rule_of_its_own(ids: list[tuple[Erasable, str]]) -> None:
    given = snapshot({**LOST, "contact_id": "taro@example.com"}, {**LOST, "contact_id": "hana@example.com"})
    before, after = decide(given).decisions, decide(given, past=erased(*ids)).decisions
    assert before["verdict"].to_list() == ["recycle", "recycle"]
    assert after["verdict"].to_list() == ["exclude", "recycle"]
    assert after.row(0, named=True)["track"] is None
    assert rules(decide(given, past=erased(*ids)))[0] == "(erased)"
    assert after[1].equals(before[1])


def test_a_contact_and_a_deal_may_have_the_same_id() -> None:
    given = snapshot({**LOST, "deal_id": "7", "contact_id": "8"}, {**LOST, "deal_id": "8", "contact_id": "7"})
    found = decide(given, past=erased((Erasable.DEAL, "7"))).decisions
    assert found["verdict"].to_list() == ["exclude", "recycle"]


def test_ids_that_differ_in_case_are_two_ids_unless_they_are_addresses() -> None:
    given = snapshot({**LOST, "deal_id": "006Aa"}, {**LOST, "deal_id": "006AA"})
    assert decide(given, past=erased((Erasable.DEAL, "006Aa"))).decisions["verdict"].to_list() == ["exclude", "recycle"]


def test_nothing_is_planned_for_them_even_where_the_deal_still_shows_our_fields_and_a_cycle_runs() -> None:
    given = snapshot({**LOST, "crm_state": "open", "recycle_track": "timing"}, {**LOST, "recycle_track": "timing"})
    past = memory([["d2", 1, "timing", "timing", AS_OF, None, None]], [["d2", 1, "call", AS_OF, "phone", "is-1", "k"]])
    past = replace(past, erased=erased((Erasable.DEAL, "d1"), (Erasable.DEAL, "d2")).erased)
    made = schedule(decide(given, past=past).decisions, given, standard(), past, run="r1", pipeline="main", as_of=AS_OF)
    assert made.actions.is_empty()
    assert made.ended_cycles.is_empty()
    assert made.by_bucket["excluded"] == 2
    assert made.by_rule == {"(erased)": 2}


def test_without_tombstones_nothing_is_asked() -> None:
    assert not Tombstones().covers(Erasable.DEAL, pl.Series(["a", None])).any()


def test_a_digest_needs_its_salt() -> None:
    assert EMPTY.digest(Erasable.DEAL, "d1") != replace(EMPTY, salt="t").digest(Erasable.DEAL, "d1")

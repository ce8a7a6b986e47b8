"""Tombstones in the ledger: what is erased is neither written about again nor set aside by name."""

from __future__ import annotations

import pytest

from recyclekit.errors import ExitCode, StalePlanError
from recyclekit.ledger import tombs
from recyclekit.ledger.sql import SqlLedger
from recyclekit.models.snapshot import dead_letters
from recyclekit.models.tombstone import Erasable
from tests.ledger.deeds import a_plan, a_run, task


@pytest.fixture
def erased(ledger: SqlLedger) -> SqlLedger:
    ledger.release(ledger.acquire("main", "e1"))
    ids = [(Erasable.DEAL, "D1"), (Erasable.CONTACT, "C1")]
    ledger.store.write("tombs", lambda connection: tombs.put_up(connection, "main", "e1", ids))
    return ledger


def test_planning_is_told_of_them_for_their_pipeline_alone(erased: SqlLedger) -> None:
    stones = erased.memory("main").erased
    assert stones.covered(Erasable.DEAL, ["D1", "D2", "C1"]) == {"D1"}
    assert stones.covered(Erasable.CONTACT, ["C1", "D1"]) == {"C1"}
    assert not erased.memory("other").erased.digests


def test_the_salt_stays_and_an_id_has_one_tombstone(erased: SqlLedger) -> None:
    before = erased.memory("main").erased
    again = [(Erasable.DEAL, "D1"), (Erasable.DEAL, "D9")]
    erased.store.write("tombs", lambda connection: tombs.put_up(connection, "main", "e2", again))
    after = erased.memory("main").erased
    assert after.salt == before.salt
    assert len(after.digests) == len(before.digests) + 1
    of_run = erased.store.read(lambda connection: tombs.standing(connection, "main", "e2"))
    assert of_run.covered(Erasable.DEAL, ["D1", "D9"]) == {"D9"}


def test_a_plan_from_before_is_refused_and_nothing_of_it_is_recorded(erased: SqlLedger) -> None:
    lease = erased.acquire("main", "r1")
    with pytest.raises(StalePlanError, match=r"1 deal\(s\) of a person who was erased") as refused:
        erased.begin(lease, a_run(), a_plan(task("D1"), task("D2")), dead_letters())
    assert refused.value.exit_code is ExitCode.GUARD
    assert not erased.runs()


def test_a_dead_letter_forgets_which_record_it_was(erased: SqlLedger) -> None:
    letters = [
        {"stage": "normalize", "table": table, "record_id": record, "code": "bad_date", "reason": ""}
        for table, record in (("deals", "D1"), ("contacts", "C1"), ("contacts", "D1"), ("deals", None))
    ]
    lease = erased.acquire("main", "r1")
    erased.begin(lease, a_run(), a_plan(task("D2")), dead_letters(letters))
    assert erased.dead_letters("r1")["record_id"].to_list() == [None, None, "D1", None]

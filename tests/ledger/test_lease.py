"""One writer: leases exclude, end, are taken over, and fence out whoever wakes too late. On both stores."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from recyclekit import clock
from recyclekit.errors import ExitCode, LeaseError
from recyclekit.ledger import lease as leasing
from recyclekit.ledger.holder import Holder
from recyclekit.ledger.protocol import Lease
from recyclekit.ledger.schema import leases
from recyclekit.ledger.sql import SqlLedger
from recyclekit.models.run import RunState
from recyclekit.models.snapshot import dead_letters
from tests.ledger.deeds import a_plan, a_run, receipts, states, task

KEY = "main:D1:1:first"


def expire(ledger: SqlLedger, pipeline: str = "main") -> None:
    """Let the lease's time pass, on whichever clock the store goes by."""

    def work(connection: object) -> None:
        past = ledger.store.now(connection) - timedelta(seconds=1)  # type: ignore[arg-type]
        connection.execute(update(leases).where(leases.c.pipeline == pipeline).values(expires_at=past))  # type: ignore[attr-defined]

    ledger.store.write("expire", work)


def test_a_held_lease_is_refused_with_holder_and_end(ledger: SqlLedger) -> None:
    ledger.acquire("main", "r1", 60)
    with pytest.raises(LeaseError, match=f"run r1.*Process {os.getpid()} on .* ends in (60|59) s") as refused:
        ledger.acquire("main", "r2")
    assert refused.value.exit_code is ExitCode.LOCKED


def test_leases_of_two_pipelines_do_not_meet(ledger: SqlLedger) -> None:
    assert ledger.acquire("main", "r1").token == ledger.acquire("other", "r1").token == 1


def test_a_released_lease_is_free_and_its_token_grows(ledger: SqlLedger) -> None:
    first = ledger.acquire("main", "r1")
    ledger.release(first)
    ledger.release(first)
    second = ledger.acquire("main", "r2")
    assert second.token == first.token + 1
    ledger.release(first)
    ledger.renew(second)


def test_an_ended_lease_is_taken_over_and_its_holder_is_fenced_out(ledger: SqlLedger) -> None:
    old = ledger.acquire("main", "r1")
    ledger.begin(old, a_run(), a_plan(task("D1"), task("D2")), dead_letters())
    ledger.mark_sent(old, "r1", [KEY])
    expire(ledger)
    new = ledger.acquire("main", "r1")
    assert new.token == old.token + 1
    ledger.settle(new, "r1", receipts([KEY]))
    for refused in (
        lambda: ledger.renew(old),
        lambda: ledger.begin(old, a_run("r9"), a_plan(task("D9")), dead_letters()),
        lambda: ledger.mark_sent(old, "r1", ["main:D2:1:first"]),
        lambda: ledger.settle(old, "r1", receipts([KEY])),
        lambda: ledger.undo_settle(old, "r1", receipts([KEY])),
        lambda: ledger.reopen(old, "r1"),
        lambda: ledger.end(old, "r1", RunState.SUCCESS),
        lambda: ledger.end_cycles(old, ledger.memory("main").cycles),
    ):
        with pytest.raises(LeaseError, match="taken over"):
            refused()
    ledger.release(old)
    ledger.renew(new)
    assert states(ledger) == {KEY: "done", "main:D2:1:first": "planned"}
    assert [run.run for run in ledger.runs()] == ["r1"]


def test_an_ended_lease_that_nobody_took_still_counts(ledger: SqlLedger) -> None:
    held = ledger.acquire("main", "r1")
    expire(ledger)
    ledger.renew(held)
    with pytest.raises(LeaseError):
        ledger.acquire("main", "r2")


def test_a_forged_token_is_refused(ledger: SqlLedger) -> None:
    held = ledger.acquire("main", "r1")
    for token, holder in ((held.token, Holder.parse("x:1:r1:0")), (9, held.holder)):
        forged = Lease(pipeline="main", token=token, holder=holder)
        with pytest.raises(LeaseError):
            ledger.renew(forged)
    with pytest.raises(LeaseError):
        ledger.renew(Lease(pipeline="nowhere", token=1, holder=held.holder))


def test_a_holder_is_read_back_from_the_text_that_older_versions_left_too() -> None:
    known = Holder(host="db-1", pid="4711", run="r20260101-aaaa", since="2026-01-01T00:00:00+00:00")
    assert str(known) == "db-1:4711:r20260101-aaaa:2026-01-01T00:00:00+00:00"
    assert Holder.parse(str(known)) == known
    assert str(Holder.parse("somebody")) == "somebody", "what is no holder of ours stays what it is"


def test_a_lease_that_an_unknown_program_holds_is_respected_until_it_ends(ledger: SqlLedger) -> None:
    ledger.release(ledger.acquire("main", "r1"))
    later = clock.now() + timedelta(seconds=50)
    here = update(leases).where(leases.c.pipeline == "main")
    taken = here.values(holder="somebody", machine=leasing.machine(), expires_at=later)
    ledger.store.write("somebody", lambda connection: connection.execute(taken).rowcount)
    (held,) = [one for one in ledger.leases() if one.pipeline == "main"]
    assert (held.holder.host, held.is_dead, held.has_ended) == ("somebody", False, False)
    with pytest.raises(LeaseError, match="being written"):
        ledger.acquire("main", "r2")
    expire(ledger)
    assert ledger.acquire("main", "r2").token == 2


def test_the_lease_of_a_process_that_is_gone_is_taken_over_at_once(ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: E501  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", ended_process)
        ledger.acquire("main", "r1", 3600)
    assert ledger.acquire("main", "r2").token == 2


def test_the_lease_of_a_process_elsewhere_is_left_alone(ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", ended_process)
        patch.setattr(leasing, "machine", lambda: "another boot or container")
        ledger.acquire("main", "r1", 3600)
    with pytest.raises(LeaseError):
        ledger.acquire("main", "r2")


def test_a_machine_that_cannot_name_itself_takes_nothing_over_early(ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: E501  # fmt: skip
    monkeypatch.setattr(leasing, "machine", lambda: "")
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", ended_process)
        ledger.acquire("main", "r1", 3600)
    with pytest.raises(LeaseError):
        ledger.acquire("main", "r2")


def test_a_sqlite_lease_goes_by_this_machines_clock(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from recyclekit.ledger import open_ledger

    ledger = open_ledger("sqlite:///ledger.db", tmp_path)  # type: ignore[arg-type]
    ledger.acquire("main", "r1", 60)
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(seconds=61))
    assert ledger.acquire("main", "r2").token == 2
    ledger.close()


def test_a_postgres_lease_goes_by_the_servers_clock(postgres_url: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: E501  # fmt: skip
    from recyclekit.ledger import open_ledger

    ledger = open_ledger(postgres_url, tmp_path)  # type: ignore[arg-type]
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=3))
    ledger.acquire("main", "r1", 60)
    left = "SELECT extract(epoch FROM expires_at - clock_timestamp()) FROM leases WHERE pipeline = 'main'"
    assert 0 < ledger.store.read(lambda connection: connection.execute(text(left)).scalar_one()) <= 60
    monkeypatch.undo()
    with pytest.raises(LeaseError):
        ledger.acquire("main", "r2")
    ledger.close()


def ended_process() -> int:
    """Return the id of a process that has ended and was reaped."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid

"""Retrying sends what is unsent, failed or in doubt, and nothing else: asked of the CRM's own journal."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from recyclekit.errors import ExitCode
from recyclekit.testing.sandbox import Fault, FaultKind
from tests.operations.account import DAY_IS_SPENT, Account, opened, refusal
from tests.operations.server import PrefectServer
from tests.operations.stricken import awaiting_retry, deployed
from tests.operations.worker import running_worker

POOL = "recyclekit-retry"


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with opened(tmp_path / "hubspot") as account:
        yield account


@pytest.mark.prefect
def test_a_retry_in_prefect_sends_only_what_is_left_on_another_machine_too(
    prefect_sqlite: PrefectServer, account: Account, tmp_path: Path
) -> None:
    expected = account.planned
    poison, other = sorted(expected)[:2]
    account.crm.faults.add(*(refusal(expected[key], key) for key in (poison, other)), DAY_IS_SPENT)
    prefect_sqlite.pool(POOL)
    with deployed(prefect_sqlite, account, POOL) as deployment:
        with running_worker(tmp_path / "one", prefect_sqlite.url, POOL):
            run = prefect_sqlite.run(deployment)
            begun = prefect_sqlite.wait(run)
        assert begun["type"] == "FAILED"
        assert "retry this flow run" in begun["message"]
        assert account.tasks() == Counter(expected.keys() - {poison, other}), "tasks come before fields"

        # the day after, on a machine that has nothing but the project file and the ledger
        shutil.rmtree(account.folder / ".recyclekit", ignore_errors=True)
        account.crm.faults.clear()
        account.crm.faults.add(*(refusal(expected[key], key) for key in (poison, other)))
        account.crm.journal.clear()
        with running_worker(tmp_path / "another", prefect_sqlite.url, POOL):
            awaiting_retry(prefect_sqlite, run)
            again = prefect_sqlite.wait(run)
            assert (again["type"], again["name"]) == ("COMPLETED", "Set aside"), again
            assert account.written() & set(expected) == {poison, other}, "no task that stands there is sent again"
            assert account.written() - set(expected), "but the fields are that were not sent before"
            assert account.tasks() == Counter(expected.keys() - {poison, other})

            account.crm.faults.clear()
            account.crm.journal.clear()
            retry = [sys.executable, "-m", "prefect", "flow-run", "retry", run]
            assert subprocess.run(retry, env=prefect_sqlite.env, check=False, capture_output=True).returncode == 0
            assert prefect_sqlite.wait(run)["name"] == "Completed"
    assert account.written() == {poison, other}
    assert account.tasks() == Counter(expected.keys())
    assert len(account.project.ledger().runs()) == 1


def test_refused_writes_are_listed_mended_released_and_dropped(account: Account) -> None:
    expected = account.planned
    released, dropped, kept = sorted(expected)[:3]
    account.crm.faults.add(*(refusal(expected[key], key) for key in (released, dropped, kept)))
    run = account.apply().run

    listed = account.command("runs", run, "--failed", "--json")
    failed = [one for one in json.loads(listed.stdout)["actions"] if one["state"] == "failed"]
    assert {one["key"] for one in failed} == {released, dropped, kept}
    assert all(one["code"] and one["reason"] for one in failed)

    account.crm.faults.clear()
    account.crm.journal.clear()
    assert account.command("retry", run, "--drop", dropped).returncode == ExitCode.SET_ASIDE
    assert not account.written()
    assert account.command("retry", run, "--only", expected[released]).returncode == ExitCode.SET_ASIDE
    assert account.written() == {released}
    assert account.project.job().resume(run).skipped, "what was dropped stays so"
    assert account.written() == {released, kept}
    assert account.tasks() == Counter(expected.keys() - {dropped})
    assert account.planned == {dropped: expected[dropped]}, "what was dropped may be planned anew"


def test_a_storm_of_retries_respects_the_quota_and_the_lease(account: Account) -> None:
    expected = account.planned
    account.crm.faults.add(DAY_IS_SPENT)
    assert account.apply().unsent
    account.crm.faults.clear()
    account.crm.faults.add(Fault(kind=FaultKind.STATUS, status=429, retry_after=1, every=5, times=None))
    account.crm.journal.clear()

    with ThreadPoolExecutor(6) as storm:
        codes = Counter(
            done.returncode for done in storm.map(lambda _: account.command("retry", seconds=290), range(6))
        )
    assert codes[ExitCode.DONE] >= 1
    assert set(codes) <= {ExitCode.DONE, ExitCode.LOCKED}, codes
    assert account.tasks() == Counter(expected.keys())
    allowed = account.crm.journal.most_within(10)
    assert allowed <= 190, "calls in ten seconds"
    refused_by_us = account.crm.journal.calls(status=429, fault="")
    assert not refused_by_us, "the limit itself was never met"

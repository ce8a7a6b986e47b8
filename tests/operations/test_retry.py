"""Retrying sends what is unsent, failed or in doubt, and nothing else: asked of the CRM's own journal."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from recyclekit.errors import ExitCode
from recyclekit.models.plan import ActionKind
from recyclekit.models.run import Outcome
from recyclekit.testing.sandbox import Fault, FaultKind
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from recyclekit.testing.sandbox.ready import ready
from tests.operations.server import PrefectServer
from tests.operations.stricken import AS_OF, Company, awaiting_retry, deployed
from tests.operations.worker import running_worker

DEALS = 60
POOL = "recyclekit-retry"
WRITES = "*/batch/*"
DAY_IS_SPENT = Fault(kind=FaultKind.STATUS, status=429, policy="DAILY", path="*/deals/batch/update", times=None)


@dataclass
class Account(Company):
    """A company whose deals are in a HubSpot sandbox."""

    crm: HubSpotSandbox

    @property
    def planned(self) -> dict[str, str]:
        """What a plan made now would write: key → deal."""
        actions = self.project.job(as_of=AS_OF).plan().actions
        return dict(actions.filter(kind=ActionKind.CREATE_TASK).select("key", "deal_id").iter_rows())

    def apply(self) -> Outcome:
        """Plan and write in this process."""
        job = self.project.job(as_of=AS_OF)
        return job.write_back(job.plan())

    def tasks(self) -> Counter[str]:
        """Return how often each of our tasks stands in the account."""
        there = [task.properties.get("recycle_key") for task in self.crm.objects["tasks"].values() if not task.archived]
        return Counter(str(key) for key in there if key)

    def written(self) -> set[str]:
        """Return the keys of the tasks, and the deals, that calls since the journal was cleared tried to write."""
        bodies = [call.json() for call in self.crm.journal.calls(WRITES, method="POST") if "/read" not in call.path]
        inputs = [one for body in bodies for one in body.get("inputs", []) if "properties" in one]
        return {str(one["properties"].get("recycle_key") or one.get("id")) for one in inputs}


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """A HubSpot account with stalled and lost deals, and a project that works on it."""
    made = ready("hubspot", deals=DEALS, seed=7, as_of=AS_OF)
    assert isinstance(made.crm, HubSpotSandbox)
    made.crm.define_own_fields()
    folder = tmp_path / "hubspot"
    folder.mkdir()
    (folder / "recyclekit.yaml").write_text(made.project, encoding="utf-8")
    yield Account(folder, made.crm)
    made.crm.stop()


@pytest.mark.prefect
def test_a_retry_in_prefect_sends_only_what_is_left_on_another_machine_too(
    prefect_sqlite: PrefectServer, account: Account, tmp_path: Path
) -> None:
    expected = account.planned
    poison, other = sorted(expected)[:2]
    account.crm.faults.add(*(_refusal(expected[key], key) for key in (poison, other)), DAY_IS_SPENT)
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
        account.crm.faults.add(*(_refusal(expected[key], key) for key in (poison, other)))
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
    account.crm.faults.add(*(_refusal(expected[key], key) for key in (released, dropped, kept)))
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


def _refusal(deal: str, key: str) -> Fault:
    """Let HubSpot refuse one task for ever."""
    assert deal
    return Fault(kind=FaultKind.POISON, record=key, code="VALIDATION_ERROR", field="hs_task_subject", path="*/tasks/*")

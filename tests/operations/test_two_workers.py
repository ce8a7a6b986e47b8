"""Two start the same pipeline at once: one writes, the other ends at once and says who is at work."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from recyclekit.errors import ExitCode
from tests.operations.fixtures import POOL
from tests.operations.process import Program
from tests.operations.server import PrefectServer
from tests.operations.stricken import Company, at_work, deployed, fault, go_on
from tests.operations.worker import running_worker

pytestmark = pytest.mark.prefect


def test_of_two_workers_one_writes_and_the_other_says_who_holds_the_pipeline(
    prefect_sqlite: PrefectServer, worker: Program, tmp_path: Path
) -> None:
    company = Company.founded(tmp_path / "two")
    with deployed(prefect_sqlite, company, POOL) as deployment:
        first = prefect_sqlite.run(deployment, **fault("wait:stage.extract"))
        holder = at_work(company)
        pool = prefect_sqlite.pool("recyclekit-second")
        with (
            running_worker(tmp_path / "home", prefect_sqlite.url, pool),
            deployed(prefect_sqlite, company, pool) as second_deployment,
        ):
            second = prefect_sqlite.run(second_deployment)
            refused = prefect_sqlite.wait(second)
        by_hand = company.command("run", "--as-of", "2026-11-20", "--json", env=prefect_sqlite.env)
        go_on(holder)
        assert prefect_sqlite.wait(first)["type"] == "COMPLETED", prefect_sqlite.logs(first)

    name = f"Process {holder.pid} on {socket.gethostname()}"
    assert (refused["type"], refused["name"]) == ("FAILED", "Locked")
    assert name in refused["message"]
    assert by_hand.returncode == ExitCode.LOCKED, by_hand.stderr
    assert name in json.loads(by_hand.stdout)["error"]["why"]
    company.judge()
    assert len(company.project.ledger().runs()) == 1

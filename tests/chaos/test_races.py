"""Several processes want to write at once, and one that was frozen wakes up: exactly one writes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recyclekit.errors import ExitCode
from tests.chaos.forks import ROOT, race
from tests.chaos.ordeal import everything
from tests.chaos.work import PIPELINE, World, fresh, judge
from tests.ledger.test_lease import expire
from tests.stores import quick_folder

RUNNERS = 8


@pytest.fixture
def world(ledger_url: str) -> Iterator[World]:
    made = fresh(ledger_url, quick_folder())
    yield made
    made.close()
    shutil.rmtree(made.folder)


def test_of_eight_processes_exactly_one_writes(world: World) -> None:
    codes = race(world, RUNNERS)
    assert sorted(codes) == [0, *[ExitCode.LOCKED] * (RUNNERS - 1)]
    judge(world, world.apply())
    assert len(world.ledger.runs()) == 1


def test_a_process_that_was_frozen_past_its_lease_commits_nothing_when_it_wakes(world: World) -> None:
    world.crm.keyed = True
    job = json.dumps({"url": world.url, "folder": str(world.folder), "deals": world.deals})
    zombie = subprocess.Popen([sys.executable, "-m", "tests.chaos.test_races", job], cwd=ROOT)
    _, status = os.waitpid(zombie.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), "it should have frozen before its first call"
    expire(world.ledger, PIPELINE)
    judge(world, world.apply())
    before = everything(world)
    os.kill(zombie.pid, signal.SIGCONT)
    assert zombie.wait() == ExitCode.LOCKED
    assert everything(world) == before, "the zombie changed the ledger"
    judge(world, world.apply())


def _freeze() -> None:
    """Apply, and stop at the first call as a machine does that is suspended; end as the command line would."""
    from recyclekit.errors import LeaseError
    from recyclekit.faultpoint import arm

    job = json.loads(sys.argv[1])
    world = World(job["url"], Path(job["folder"]), deals=job["deals"])
    world.crm.keyed = True

    def stop(name: str) -> None:
        if name == "sink.write":
            arm(None)
            os.kill(os.getpid(), signal.SIGSTOP)

    arm(stop)
    try:
        world.apply()
    except LeaseError as error:
        os._exit(error.exit_code)
    os._exit(0)


if __name__ == "__main__":
    _freeze()

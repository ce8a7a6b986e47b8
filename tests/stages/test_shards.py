"""A run that several processes write is the same as one written alone; what a part leaves is done after."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recyclekit.errors import LeaseError
from recyclekit.models.run import Outcome, ReceiptState, RunState
from recyclekit.models.shard import Shard, Ticket
from recyclekit.pipeline import Job
from recyclekit.project import open_project
from tests.operations.company import AS_OF, sample_project


def job(folder: Path) -> Job:
    return sample_project(folder, deals=120).job(as_of=AS_OF)


def written(job: Job, outcome: Outcome) -> pl.DataFrame:
    """Return what the ledger knows of a run, without what differs from run to run."""
    return job.open_ledger().actions(outcome.run).select("deal_id", "kind", "payload", "state", "code").sort(pl.all())


def opened(folder: Path) -> Job:
    """Return the job as another process would open it."""
    return open_project(folder).job(as_of=AS_OF)


def in_parts(folder: Path, parts: int, *, without: int | None = None) -> tuple[Job, Outcome]:
    whole = job(folder)

    def share(ticket: Ticket) -> None:
        told = Ticket.model_validate_json(ticket.model_dump_json())
        for number in range(parts):
            if number != without:
                opened(folder).write_shard(told, Shard(number=number, of=parts))

    return whole, whole.sharing(share).write_back(whole.plan())


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """What one process writes."""
    mine = job(tmp_path_factory.mktemp("alone"))
    return written(mine, mine.write_back(mine.plan()))


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_a_run_written_in_parts_is_the_same_as_one_written_alone(
    alone: pl.DataFrame, tmp_path: Path, parts: int
) -> None:
    mine, outcome = in_parts(tmp_path, parts)
    assert outcome.state in {RunState.SUCCESS, RunState.PARTIAL}
    assert outcome.applied == alone.filter(pl.col("state") == "done").height
    assert outcome.already == 0
    assert written(mine, outcome).equals(alone)


def test_what_a_lost_part_leaves_is_written_by_the_one_that_began_the_run(alone: pl.DataFrame, tmp_path: Path) -> None:
    mine, outcome = in_parts(tmp_path, 3, without=1)
    assert written(mine, outcome).equals(alone)


def test_a_part_that_wakes_after_its_run_has_lost_the_lease_writes_nothing(tmp_path: Path) -> None:
    whole, tickets = job(tmp_path), list[Ticket]()

    def share(ticket: Ticket) -> None:
        tickets.append(ticket)
        raise MemoryError("the process that began the run")

    with pytest.raises(MemoryError):
        whole.sharing(share).write_back(whole.plan())
    with pytest.raises(LeaseError):
        opened(tmp_path).write_shard(tickets[0], Shard(number=0, of=1))
    states = opened(tmp_path).open_ledger().run(tickets[0].run).counts
    assert set(states) == {ReceiptState.PLANNED}


@given(deal=st.text(), of=st.integers(1, 64))
def test_every_deal_is_in_exactly_one_part(deal: str, of: int) -> None:
    assert sum(Shard(number=number, of=of).has(deal) for number in range(of)) == 1


def test_parts_are_of_like_size() -> None:
    sizes = [sum(Shard(number=n, of=8).has(f"D-{deal:05}") for deal in range(8_000)) for n in range(8)]
    assert min(sizes) > 900
    assert max(sizes) < 1_100

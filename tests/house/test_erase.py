"""Erasing a person: from a byte sweep over everything that is kept, on both stores, killed at every point."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import Connection, LargeBinary, select, text, update

from recyclekit import clock
from recyclekit.errors import StalePlanError
from recyclekit.faultpoint import arm
from recyclekit.housekeeping.erasing import Grave, Subject, erase
from recyclekit.ledger.house import House
from recyclekit.ledger.schema import leases, metadata
from recyclekit.models.memory import Memory
from recyclekit.models.plan import Plan
from recyclekit.models.proposal import Cause, ProposalState
from recyclekit.models.run import ReceiptState, Run, RunKind, RunState
from recyclekit.models.tombstone import Erasable
from recyclekit.pipeline import Job
from recyclekit.plans import plan_file
from recyclekit.project import Project, open_project
from tests.chaos.ordeal import Crash, crash_at
from tests.house.conftest import DEALS, WHO, deal_id
from tests.postgres_server import server
from tests.stores import quick_folder

AS_OF = date(2026, 11, 20)
SIGNS = (b"ERASEME", WHO.encode(), "山田".encode())
THEIRS = frozenset(deal_id(n) for n in range(DEALS) if n % 4 == 0)
WHOLE = Subject(contacts=frozenset([WHO]), deals=THEIRS, words=frozenset(["山田 花子"]))


def house(project: Project) -> House:
    opened = project.house()
    assert isinstance(opened, House)
    return opened


def grave(project: Project) -> Grave:
    return Grave(pipeline="main", house=house(project), open_sink=project.sink_of("main"), state=project.state)


def lived_in(project: Project) -> Plan:
    """Let a project have a past: a run that was written, one cut short, plans, a report, remarks. Return a plan."""
    job = project.job(as_of=AS_OF)
    first = job.plan()
    plan_file.keep(first, project.state)
    job.write_back(first)
    _say(project, "no such contact: hanako.yamada@example.co.jp, 山田 花子; see DEAL-004-ERASEME")
    later = project.job(as_of=date(2027, 8, 2))
    second = later.plan()
    plan_file.keep(second, project.state)
    _cut_short(later, second)
    third = project.job(as_of=date(2028, 8, 1)).plan()
    assert set(third.actions["deal_id"]) & THEIRS
    house(project).propose(third, next(iter(Cause)), timedelta(days=7), None)
    report = project.state / "reports" / f"{first.manifest.run}.html"
    report.parent.mkdir()
    report.write_text(f"<p>{deal_id(4)}</p>", encoding="utf-8")
    (report.parent / "other.html").write_text(f"<p>{deal_id(5)}</p>", encoding="utf-8")
    _sampled(project)
    return second


def _sampled(project: Project) -> None:
    """Let the store take samples of all values for its planner, as PostgreSQL does by itself when it finds the time."""
    opened = house(project)
    opened.tidy()
    opened.close()


def _cut_short(job: Job, plan: Plan) -> None:
    """Begin a run and stop before its second batch: what is unsent has no row of its own."""
    asked = iter([False, False, True])
    job.stopping(lambda: next(asked, True)).write_back(plan)


def _say(project: Project, remark: str) -> None:
    """Let the other side have said something of the person about somebody else's deal."""
    change = text("UPDATE actions SET reason = :said WHERE deal_id = :deal")
    proof = text("UPDATE receipts SET proof = :said WHERE action_id IN (SELECT id FROM actions WHERE deal_id = :deal)")
    with_it = {"said": remark, "deal": deal_id(5)}
    house(project).store.write(
        "say", lambda connection: [connection.execute(change, with_it), connection.execute(proof, with_it)]
    )


def sweep(project: Project) -> list[str]:
    """Return where any sign of the person is: in the bytes of files, in rows, in packed tables."""
    found = [str(path) for path in _ours(project) if _has_signs(path.read_bytes())]
    found += [where for where, content in _cells(house(project)) if _has_signs(content)]
    return found + [str(path) for path in _postgres_files(project) if _has_signs(path.read_bytes())]


def _postgres_files(project: Project) -> list[Path]:
    """Return the files in which the server keeps this ledger's database, all that is in memory written to them."""
    there = server()
    if not project.spec.ledger.startswith("postgres") or there is None:
        return []
    import psycopg

    with psycopg.connect(project.spec.ledger.replace("+psycopg", ""), autocommit=True) as connection:
        found = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
        connection.execute("CHECKPOINT")
    assert found is not None
    files = list(there.folder.rglob(f"base/{found[0]}/*"))
    assert files
    return files


def _ours(project: Project) -> Iterator[Path]:
    return (path for path in project.folder.rglob("*") if path.is_file() and path.parent.name != "crm")


def _has_signs(content: bytes) -> bool:
    unpacked = content
    if content.startswith(b"PAR1"):
        unpacked = repr(pl.read_parquet(BytesIO(content)).rows()).encode()
    return any(sign in unpacked for sign in SIGNS)


def _cells(opened: House) -> list[tuple[str, bytes]]:
    def work(connection: Connection) -> list[tuple[str, bytes]]:
        return [
            (
                f"{table.name}.{column.name}",
                bytes(value) if isinstance(column.type, LargeBinary) else str(value).encode(),
            )
            for table in metadata.sorted_tables
            for column in table.columns
            for value in connection.execute(select(column).where(column.is_not(None))).scalars()
        ]

    return opened.store.read(work)


def finished(project: Project) -> None:
    """Assert that nothing is left of the person, that sums close and that everybody else is as before."""
    assert sweep(project) == []
    opened = house(project)
    memory = opened.memory("main")
    assert not any("ERASEME" in deal for deal in memory.cycles["deal_id"])
    assert memory.cycles.height == DEALS - len(THEIRS)
    assert memory.erased.covered(Erasable.DEAL, THEIRS) == THEIRS
    [receipt] = [run for run in opened.runs("main") if run.kind is RunKind.ERASE]
    assert receipt.state is RunState.SUCCESS
    assert opened.erasing("main") is None
    for run in opened.runs("main"):
        if run.kind is RunKind.APPLY:
            assert sum(run.counts.values()) == opened.actions(run.run).height
    opened.close()


def test_nothing_is_left_of_an_erased_person_and_they_are_not_planned_for_again(project: Project) -> None:
    second = lived_in(project)
    assert {Path(place).suffix for place in sweep(project) if "/" in place} >= {".parquet", ".csv", ".html"}
    run = erase(WHOLE, grave(project), "e1")
    assert run.counts["systems"] > 0
    assert run.counts["plans"] == 2
    assert run.counts["reports"] == 1
    assert run.counts["actions"] > 0
    assert run.counts["remarks"] > 0
    assert run.counts["proposals"] == 1
    assert [one.state for one in house(project).proposals("main")] == [ProposalState.SUPERSEDED]
    finished(project)
    assert (project.state / "reports" / "other.html").exists()

    with pytest.raises(StalePlanError, match="erased since"):
        open_project(project.folder).job(as_of=AS_OF).write_back(second)
    again = open_project(project.folder).job(as_of=date(2028, 8, 1)).plan()
    assert again.manifest.by_rule["(erased)"] == len(THEIRS)
    assert again.manifest.sums_close
    assert not set(again.actions["deal_id"]) & THEIRS


def test_the_run_that_was_cut_short_goes_on_without_them(project: Project) -> None:
    second = lived_in(project)
    erase(WHOLE, grave(project), "e1")
    job = open_project(project.folder).job(as_of=date(2027, 8, 2))
    outcome = job.resume(second.manifest.run)
    assert outcome.sums_close
    assert outcome.state in {RunState.SUCCESS, RunState.PARTIAL}
    states = house(project).actions(second.manifest.run).group_by("state").len().rows()
    assert set(dict(states)) == {ReceiptState.DONE, ReceiptState.SKIPPED}
    assert sweep(project) == []


def test_undoing_a_run_leaves_alone_what_was_erased_of_it(project: Project) -> None:
    job = project.job(as_of=AS_OF)
    plan = job.plan()
    job.write_back(plan)
    erase(WHOLE, grave(project), "e1")
    outcome = open_project(project.folder).job(as_of=AS_OF).undo(plan.manifest.run)
    assert outcome.sums_close
    assert not outcome.failed
    assert house(project).memory("main").cycles.is_empty()
    assert sweep(project) == []


class Lives:
    """One past, lived again and again: the folder and its ledger as they were, in copies."""

    def __init__(self, lived: Project, kept: Path) -> None:
        self.folder, self.kept, self.url = lived.folder, kept, lived.spec.ledger
        shutil.copytree(self.folder, kept, dirs_exist_ok=True)
        self.copy: str | None = None

    def again(self) -> Project:
        self.end()
        shutil.rmtree(self.folder)
        shutil.copytree(self.kept, self.folder)
        cluster = server()
        if self.url.startswith("postgres") and cluster is not None:
            self.copy = cluster.copy_of(self.url)  # file by file: rows that were deleted leave nothing behind in it
            said = self.folder / "recyclekit.yaml"
            said.write_text(said.read_text(encoding="utf-8").replace(self.url, self.copy), encoding="utf-8")
        return open_project(self.folder)

    def end(self) -> None:
        cluster = server()
        if self.copy is not None and cluster is not None:
            cluster.drop(self.copy)
        self.copy = None


@pytest.fixture
def lives(project: Project) -> Iterator[Lives]:
    lived_in(project)
    kept = quick_folder()
    several = Lives(project, kept)
    yield several
    several.end()
    shutil.rmtree(kept)


def erased_until(n: int, project: Project) -> bool:
    """Erase as a process that is gone at its n-th fault point; return whether it came to that."""
    opened = grave(project)
    arm(crash_at(n))
    try:
        erase(WHOLE, opened, "e1")
    except Crash:
        return True
    finally:
        arm(None)
        house_of(opened).close()
    return False


def house_of(opened: Grave) -> House:
    assert isinstance(opened.house, House)
    return opened.house


def end_leases(project: Project) -> None:
    """Let the time of the lease of a process that is gone be over."""
    opened = house(project)
    over = update(leases).values(expires_at=clock.now() - timedelta(minutes=5))
    opened.store.write("over", lambda connection: connection.execute(over))
    opened.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_erasing_that_ends_anywhere_is_finished_without_naming_the_person_again(lives: Lives) -> None:
    words = Subject(words=WHOLE.words)
    n = 1
    while erased_until(n, lives.again()):
        project = open_project(lives.folder)
        end_leases(project)
        opened = grave(project)
        begun = opened.house.erasing("main")
        done = [run for run in house_of(opened).runs("main") if run.kind is RunKind.ERASE]
        if begun is not None:
            assert erase(words, opened, "e2").run == "e1"
        elif not done:
            erase(WHOLE, opened, "e1")
        house_of(opened).close()
        finished(project)
        n += 1
    finished(open_project(lives.folder))
    assert n > 25


def test_two_pipelines_are_two_graves_and_another_tenants_rows_are_not_touched(project: Project) -> None:
    lived_in(project)
    opened = house(project)
    lease = opened.acquire("other/main", "r9")
    job = project.job(as_of=AS_OF)
    plan = replace(job, pipeline="other/main", recall=lambda _: Memory()).plan()
    run = Run(
        run="r9", pipeline="other/main", kind=RunKind.APPLY, state=RunState.RUNNING, as_of=AS_OF,
        policy=plan.manifest.policy, started_at=plan.manifest.made_at,
    )  # fmt: skip
    opened.begin(lease, run, plan.actions, plan.dead_letters)
    erase(WHOLE, grave(project), "e1")
    assert set(house(project).actions("r9")["deal_id"]) >= THEIRS

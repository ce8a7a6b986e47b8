"""kill -9 at every fault point of a run and an undo, each CRM on both stores: nothing is lost, nothing there twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recyclekit.faultpoint import arm
from recyclekit.ledger.version import version
from tests.chaos.csv_crm import CsvWorld
from tests.chaos.forks import attempt
from tests.chaos.work import World, fresh, judge
from tests.stores import STORES, emptied, keep_rows, quick_folder, restored, sqlite_template

DEALS = 2
"""Two batches, the second one not full: every boundary, no more often than needed."""


class Worlds:
    """Worlds that share a store, one at a time."""

    def __init__(self, url: str, crm: type[World], deals: int) -> None:
        self.url, self.crm, self.deals = url, crm, deals
        self.kept: Path | None = None
        self.made: list[World] = []

    def empty(self) -> World:
        """Return a world with an empty ledger."""
        self.close()
        folder = quick_folder()
        if self.url.startswith("sqlite"):
            shutil.copy(sqlite_template(), folder / "ledger.db")
        else:
            emptied(self.url)
        return self._open(folder)

    def keep(self, world: World) -> None:
        """Keep what a world has come to; it ends with that."""
        world.close()
        self.made.remove(world)
        self.kept = world.folder
        if not self.url.startswith("sqlite"):
            keep_rows(self.url)

    def again(self) -> World:
        """Return a world just like the one that was kept."""
        assert self.kept is not None
        self.close()
        folder = quick_folder()
        shutil.copytree(self.kept, folder, dirs_exist_ok=True)
        if not self.url.startswith("sqlite"):
            restored(self.url)
        return self._open(folder)

    def close(self) -> None:
        """End the world that is there."""
        while self.made:
            world = self.made.pop()
            world.close()
            shutil.rmtree(world.folder)

    def _open(self, folder: Path) -> World:
        self.made.append(self.crm(self.url, folder, deals=self.deals))
        return self.made[-1]


@pytest.fixture(params=[World, CsvWorld], ids=["a CRM", "CSV files"])
def worlds(request: pytest.FixtureRequest, ledger_url: str) -> Iterator[Worlds]:
    """Make worlds, each CRM on each store."""
    several = Worlds(ledger_url, request.param, 3 if request.param is CsvWorld else DEALS)
    yield several
    several.close()
    if several.kept is not None:
        shutil.rmtree(several.kept)


def points(act: Callable[[], object]) -> list[str]:
    """Return the fault points that an act passes."""
    names: list[str] = []
    arm(names.append)
    try:
        act()
    finally:
        arm(None)
    return names


WRITES = {World: {"sink.write", "crm.applied"}, CsvWorld: {"csv.write", "csv.all_written", "csv.replaced.fields"}}


def test_a_run_killed_at_any_point_is_whole_after_one_retry(worlds: Worlds) -> None:
    names = points(worlds.empty().apply)
    assert {"ledger.settle", "ledger.settle.committed"} | WRITES[worlds.crm] <= set(names)
    for n, name in enumerate(names, start=1):
        world = worlds.empty()
        assert attempt(world, "apply", n), name
        judge(world, world.apply())
        if worlds.crm is CsvWorld:
            assert (world.folder / "deals.csv").read_text(encoding="utf-8").startswith("deal_id,stage\nD0,\n")


def test_a_retry_killed_in_turn_is_whole_after_another(worlds: Worlds) -> None:
    total = len(points(worlds.empty().apply))
    for n in range(3, total + 1, 5):
        world = worlds.empty()
        attempt(world, "apply", n)
        attempt(world, "apply", 1 + n * 7 % 19)
        attempt(world, "apply", 1 + n * 3 % 13)
        judge(world, world.apply())


def test_an_undo_killed_at_any_point_is_whole_after_another(worlds: Worlds) -> None:
    world = worlds.empty()
    world.apply()
    worlds.keep(world)
    for n, name in enumerate(points(worlds.again().undo), start=1):
        world = worlds.again()
        assert attempt(world, "undo", n), name
        outcome = world.undo("u2")
        assert outcome.sums_close, name
        judge_undone(world)


def judge_undone(world: World) -> None:
    """Assert that nothing of the run is left: fields are back, tasks are gone, the ledger has forgotten both."""
    for n in range(world.deals):
        assert not any(world.crm.fields(f"D{n}").values())
    assert not [key for key, times in world.crm.effects().items() if times and key.endswith(":first")]
    memory = world.ledger.memory("main")
    assert memory.touches.is_empty()
    assert memory.cycles.is_empty()
    undos = [run for run in world.ledger.runs() if run.kind == "undo"]
    assert len(undos) <= 1, "an undo that was cut short must be taken up again, not begun anew"
    assert world.undo("u3").planned == 0


@pytest.mark.parametrize("store", STORES)
def test_a_migration_killed_half_way_leaves_no_half_schema(store: str, request: pytest.FixtureRequest) -> None:
    url = "sqlite:///ledger.db" if store == "sqlite" else request.getfixturevalue("empty_postgres_url")
    world = fresh(url, quick_folder())
    assert attempt(world, "apply", 1)
    found = world.ledger.store.read(version)
    assert found is None
    assert world.ledger.memory("main").touches.is_empty()
    judge(world, world.apply())
    world.close()
    shutil.rmtree(world.folder)

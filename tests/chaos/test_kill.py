"""kill -9 at every fault point of a run, on both stores: after one retry nothing is lost and nothing there twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest

from recyclekit.faultpoint import arm
from recyclekit.ledger.version import version
from tests.chaos.csv_crm import CsvWorld
from tests.chaos.forks import attempt
from tests.chaos.work import World, fresh, judge
from tests.stores import STORES, emptied, quick_folder, sqlite_template

Worlds = Callable[[], World]


@pytest.fixture
def worlds(ledger_url: str) -> Iterator[Worlds]:
    """Make worlds with an empty ledger each."""
    made: list[World] = []

    def make() -> World:
        _close(made)
        if ledger_url.startswith("sqlite"):
            folder = quick_folder()
            shutil.copy(sqlite_template(), folder / "ledger.db")
            world = fresh(ledger_url, folder)
        else:
            world = fresh(emptied(ledger_url), quick_folder())
        made.append(world)
        return world

    yield make
    _close(made)


def _close(worlds: list[World]) -> None:
    while worlds:
        world = worlds.pop()
        world.close()
        shutil.rmtree(world.folder)


def points(act: Callable[[], object]) -> list[str]:
    """Return the fault points that an act passes."""
    names: list[str] = []
    arm(names.append)
    try:
        act()
    finally:
        arm(None)
    return names


def test_a_run_killed_at_any_point_is_whole_after_one_retry(worlds: Worlds) -> None:
    names = points(worlds().apply)
    assert {"sink.write", "crm.applied", "ledger.settle", "ledger.settle.committed"} <= set(names)
    for n in range(1, len(names) + 1):
        world = worlds()
        assert attempt(world, "apply", n), names[n - 1]
        outcome = world.apply()
        judge(world, outcome)


def test_a_retry_killed_in_turn_is_whole_after_another(worlds: Worlds) -> None:
    total = len(points(worlds().apply))
    for n in range(3, total + 1, 5):
        world = worlds()
        attempt(world, "apply", n)
        attempt(world, "apply", 1 + n * 7 % 19)
        attempt(world, "apply", 1 + n * 3 % 13)
        outcome = world.apply()
        judge(world, outcome)


def test_an_undo_killed_at_any_point_is_whole_after_another(worlds: Worlds) -> None:
    world = worlds()
    world.apply()
    names = points(world.undo)
    for n in range(1, len(names) + 1, 1 if world.url.startswith("sqlite") else 3):
        world = worlds()
        world.apply()
        assert attempt(world, "undo", n), names[n - 1]
        outcome = world.undo("u2")
        assert outcome.sums_close, names[n - 1]
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


@pytest.mark.parametrize("ledger_url", STORES, indirect=True)
def test_a_run_on_csv_files_killed_at_any_point_is_whole_after_one_retry(worlds: Worlds) -> None:
    names = points(as_csv(worlds()).apply)
    assert {"csv.write", "csv.all_written"} <= set(names)
    step = 1 if worlds().url.startswith("sqlite") else 4
    for n in range(1, len(names) + 1, step):
        world = as_csv(worlds())
        assert attempt(world, "apply", n), names[n - 1]
        judge(world, world.apply())
        assert (world.folder / "deals.csv").read_text(encoding="utf-8").startswith("deal_id,stage\nD0,\n")


def test_an_undo_on_csv_files_killed_at_any_point_is_whole_after_another(worlds: Worlds) -> None:
    world = as_csv(worlds())
    world.apply()
    names = points(world.undo)
    for n in range(1, len(names) + 1, 2 if world.url.startswith("sqlite") else 8):
        world = as_csv(worlds())
        world.apply()
        assert attempt(world, "undo", n), names[n - 1]
        assert world.undo("u2").sums_close, names[n - 1]
        judge_undone(world)


def as_csv(world: World) -> World:
    """Return the same ledger with CSV files for its CRM."""
    world.close()
    world.deals = 3
    files = CsvWorld(world.url, world.folder, deals=world.deals)
    world.ledger = files.ledger  # closed with the world
    return files


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

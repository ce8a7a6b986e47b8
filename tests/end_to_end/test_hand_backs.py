"""A deal whose buyer moves while it is in recycling is sales' again: planned, written, shown, explained, undone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Command
from tests.end_to_end.test_life_of_a_plan import HEADER, PROJECT, deals, edit, write

BEGAN, LATER = "2026-11-20", "2026-11-27"
CALLS = [[f"D{n:03}", "2026-05-01T10:00:00+09:00", "call"] for n in range(40)]


@pytest.fixture
def moved(tmp_path: Path, recyclekit: Command) -> Path:
    """A project in which cycles run; since they began, D001 wrote, D000 was opened again and wrote, D005 was won."""
    (tmp_path / "recyclekit.yaml").write_text(PROJECT, encoding="utf-8")
    write(tmp_path / "deals.csv", [HEADER, *deals()])
    write(tmp_path / "activities.csv", [["deal", "when", "type"], *CALLS])
    assert recyclekit("plan", "--as-of", BEGAN, "--out", "first.json").code == 0
    assert recyclekit("apply", "first.json", "--yes").code == 0
    since = [[deal, "2026-11-25T10:00:00+09:00", "email"] for deal in ("D000", "D001", "D005")]
    write(tmp_path / "activities.csv", [["deal", "when", "type"], *CALLS, *since])
    edit(tmp_path / "deals.csv", "D000", stage="Open", closed="")
    edit(tmp_path / "deals.csv", "D005", stage="Won")
    return tmp_path


def test_what_moved_is_planned_written_once_explained_and_taken_back(moved: Path, recyclekit: Command) -> None:
    planned = recyclekit("plan", "--as-of", LATER, "--out", "plan.json", "--json").json
    lost, stalled = planned["handed_back"]
    assert [lost["deal_id"], lost["signal"], lost["source"], lost["contact_on"]] == [
        "D000", "reopened", "crm_state", "2026-11-25"
    ]  # fmt: skip
    assert [stalled["deal_id"], stalled["signal"], stalled["source"], stalled["contact_on"]] == [
        "D001", "contact", "email", "2026-11-25"
    ]  # fmt: skip
    assert (stalled["track"], stalled["cycle"], stalled["steps"]) == ("stalled", 1, ["call"])
    assert planned["sums_close"]
    assert sum(planned["by_bucket"].values()) == planned["deals"]
    shown = recyclekit("plan", "--as-of", LATER).out
    assert "Handed back to sales: 2 deals" in shown
    assert "handed back to sales: contact on 2026-11-25 (email)" in shown, "the deal's own line says it"
    before = recyclekit("explain", "D001", "--as-of", LATER).out
    assert "By the next run" in before

    applied = recyclekit("apply", "plan.json", "--yes", "--json").json

    assert [(one["deal"], one["steps"]) for one in applied["handed_back"]] == [("D000", []), ("D001", ["call"])]
    again = recyclekit("apply", "plan.json", "--yes", "--json").json
    assert again["handed_back"] == [], "it was told once"
    second = recyclekit("plan", "--as-of", LATER, "--json").json
    assert sum(second["actions"].values()) == 0
    assert second["handed_back"] == []
    run = planned["run"]
    known = recyclekit("runs", run, "--json").json["handed_back"]
    assert all(one["handed_at"] and one["undone_by"] is None for one in known)
    assert "Handed back to sales: 2 of 2" in recyclekit("runs", run).out
    told = recyclekit("explain", "D001", "--as-of", LATER, "--json").json
    assert told["handed_back"] is None
    assert [one["run"] for one in told["was_handed_back"]] == [run]

    undone = recyclekit("undo", run, "--yes", "--json").json

    assert [one["deal"] for one in undone["handed_back"]] == ["D001"], "D000's open task is gone for good"
    known = recyclekit("runs", run, "--json").json["handed_back"]
    assert [(one["deal_id"], bool(one["undone_by"])) for one in known] == [("D000", False), ("D001", True)]
    assert [one["deal_id"] for one in recyclekit("plan", "--as-of", LATER, "--json").json["handed_back"]] == ["D001"]


@pytest.fixture
def answered(tmp_path: Path, recyclekit: Command) -> Path:
    """A project with one stalled deal, in whose cycle the buyer wrote."""
    (tmp_path / "recyclekit.yaml").write_text(PROJECT, encoding="utf-8")
    write(tmp_path / "deals.csv", [HEADER, deals()[1]])
    write(tmp_path / "activities.csv", [["deal", "when", "type"], CALLS[1]])
    recyclekit("plan", "--as-of", BEGAN, "--out", "first.json")
    assert recyclekit("apply", "first.json", "--yes", "--json").json["applied"] == 2
    mail = ["D001", "2026-11-25T10:00:00+09:00", "email"]
    write(tmp_path / "activities.csv", [["deal", "when", "type"], CALLS[1], mail])
    return tmp_path


@pytest.mark.usefixtures("answered")
@pytest.mark.parametrize("step", [14, 20])
def test_a_run_that_is_killed_hands_back_when_it_is_taken_up_and_tells_it_once(recyclekit: Command, step: int) -> None:
    planned = recyclekit("plan", "--as-of", LATER, "--out", "plan.json", "--json").json
    killed = recyclekit("apply", "plan.json", "--yes", "--json", env={"RECYCLEKIT_FAULT": f"kill:{step}"})
    assert (killed.code, killed.out) == (-9, "")
    told = [recyclekit("apply", "plan.json", "--yes", "--json").json["handed_back"] for _ in range(2)]
    assert [[one["deal"] for one in deals] for deals in told] == [["D001"], []]
    assert all(one["handed_at"] for one in recyclekit("runs", planned["run"], "--json").json["handed_back"])


def test_where_nothing_of_ours_is_left_the_hand_back_is_recorded_all_the_same(
    answered: Path, recyclekit: Command
) -> None:
    shutil.rmtree(answered / "deals.recyclekit")

    planned = recyclekit("plan", "--as-of", LATER, "--out", "plan.json", "--json").json

    assert (planned["actions"], [one["deal_id"] for one in planned["handed_back"]]) == ({}, ["D001"])
    assert "recyclekit apply" in recyclekit("plan", "--as-of", LATER).out
    applied = recyclekit("apply", "plan.json", "--json")
    assert (applied.code, applied.json["planned"], len(applied.json["handed_back"])) == (0, 0, 1)
    assert recyclekit("plan", "--as-of", LATER, "--json").json["handed_back"] == []
    undone = recyclekit("undo", planned["run"], "--yes", "--json").json
    assert [one["deal"] for one in undone["handed_back"]] == ["D001"]
    assert len(recyclekit("plan", "--as-of", LATER, "--json").json["handed_back"]) == 1

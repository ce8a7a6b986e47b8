"""Plan, apply, retry, undo on files, with people editing deals in between: what operations live with."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import Command

AS_OF = "2026-11-20"

PROJECT = """
version: 1
timezone: Asia/Tokyo
connections:
  crm:
    connector: csv
    settings: {deals: deals.csv, activities: activities.csv}
    fields:
      deals:
        deal_id: id
        deal_stage: stage
        account_id: company
        amount: amount
        created_on: created
        closed_on: closed
        lost_reason: reason
        next_approach_on: next_date
        hook: hook
      activities: {deal_id: deal, at: when, kind: type}
    stages: {won: [Won], lost: [Lost]}
pipelines:
  main: {source: crm}
"""
HEADER = ["id", "stage", "company", "amount", "created", "closed", "reason", "next_date", "hook"]
REASONS = ["No budget", "Chose competitor", "予算がない", "Timing", "情報収集", "Price", "連絡がつかない", ""]


def deals() -> list[list[str]]:
    rows = []
    for n in range(40):
        stage = ("Lost", "Open", "Won", "Lost")[n % 4]
        closed = "2026-03-01" if stage != "Open" else ""
        reason = REASONS[n % len(REASONS)] if stage == "Lost" else ""
        rows.append([f"D{n:03}", stage, f"A{n:03}", str(1000 + n), "2025-10-01", closed, reason, "", ""])
    return rows


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "recyclekit.yaml").write_text(PROJECT, encoding="utf-8")
    write(tmp_path / "deals.csv", [HEADER, *deals()])
    calls = [[f"D{n:03}", "2026-05-01T10:00:00+09:00", "call"] for n in range(40)]
    write(tmp_path / "activities.csv", [["deal", "when", "type"], *calls])
    return tmp_path


def write(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def edit(path: Path, deal: str, **changes: str) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    for row in rows:
        if row[0] == deal:
            for name, value in changes.items():
                row[header.index(name)] = value
    write(path, [header, *rows])


def scheduled(plan: dict[str, Any]) -> int:
    return int(plan["by_bucket"]["scheduled"])


def test_a_second_plan_right_after_apply_is_empty(project: Path, recyclekit: Command) -> None:
    before = (project / "deals.csv").read_bytes()
    first = recyclekit("plan", "--as-of", AS_OF, "--out", "plan.json", "--json")
    assert first.code == 0, first.err
    assert scheduled(first.json) > 10

    applied = recyclekit("apply", "plan.json", "--yes", "--json")

    assert applied.code == 0, applied.err
    assert applied.json["applied"] == sum(first.json["actions"].values())
    assert applied.json["sums_close"]
    second = recyclekit("plan", "--as-of", AS_OF, "--json", "--detailed-exitcode")
    assert second.code == 0, second.out
    assert sum(second.json["actions"].values()) == 0
    assert (project / "deals.csv").read_bytes() == before, "the input file was changed"


def test_pending_changes_end_with_exit_code_three_when_asked_for(project: Path, recyclekit: Command) -> None:
    assert recyclekit("plan", "--as-of", AS_OF, "--detailed-exitcode").code == 3


def test_two_deals_edited_between_plan_and_apply_are_skipped_and_undo_restores_all_but_one_edited_since(
    project: Path, recyclekit: Command
) -> None:
    made = recyclekit("plan", "--as-of", AS_OF, "--out", "plan.json", "--decisions", "decisions.csv", "--json")
    assert made.code == 0, made.err
    with (project / "decisions.csv").open(encoding="utf-8", newline="") as file:
        recycled = [row["deal_id"] for row in csv.DictReader(file) if row["verdict"] == "recycle"]
    one, two, three = recycled[0], recycled[5], recycled[7]
    edit(project / "deals.csv", one, reason="Price")
    edit(project / "deals.csv", two, stage="Won")

    applied = recyclekit("apply", "plan.json", "--yes", "--json")

    assert applied.code == 4, applied.err
    outcome = applied.json
    assert {entry["deal"] for entry in outcome["skipped"]} == {one, two}
    assert outcome["sums_close"]
    assert outcome["failed"] == []

    own = project / "deals.recyclekit" / "fields.csv"
    column = {"recycle_owner": "somebody-else"}
    with own.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = list(csv.reader(file))
    assert three in {row[header.index("deal_id")] for row in rows}
    for row in rows:
        if row[header.index("deal_id")] == three:
            for name, value in column.items():
                row[header.index(name)] = value
    write(own, [header, *rows])

    undone = recyclekit("undo", outcome["run"], "--yes", "--json")

    assert {entry["deal"] for entry in undone.json["skipped"]} == {three}
    assert undone.json["sums_close"]
    with own.open(encoding="utf-8-sig", newline="") as file:
        left = [row for row in csv.DictReader(file) if row["recycle_track"]]
    assert [row["deal_id"] for row in left] == [three]


def test_a_plan_edited_by_hand_is_refused(project: Path, recyclekit: Command) -> None:
    recyclekit("plan", "--as-of", AS_OF, "--out", "plan.json")
    text = (project / "plan.json").read_text(encoding="utf-8")
    (project / "plan.json").write_text(text.replace('"main"', '"other"', 1), encoding="utf-8")

    answer = recyclekit("apply", "plan.json", "--yes")

    assert answer.code == 9
    assert "fix:" in answer.err
    assert "Traceback" not in answer.err


def test_a_plan_older_than_the_policy_is_refused(project: Path, recyclekit: Command) -> None:
    (project / "policy.yaml").write_text("extends: standard\nname: own\nversion: '1'\n", encoding="utf-8")
    text = (project / "recyclekit.yaml").read_text(encoding="utf-8")
    (project / "recyclekit.yaml").write_text(text.replace("{source: crm}", "{source: crm, policy: policy.yaml}"))
    recyclekit("plan", "--as-of", AS_OF, "--out", "plan.json")
    (project / "policy.yaml").write_text(
        "extends: standard\nname: own\nversion: '2'\nstatus: {stalled_after: {days: 45}}\n", encoding="utf-8"
    )

    answer = recyclekit("apply", "plan.json", "--yes")

    assert answer.code == 9, answer.err
    assert "policy" in answer.err


def test_apply_without_a_terminal_and_without_yes_writes_nothing(project: Path, recyclekit: Command) -> None:
    recyclekit("plan", "--as-of", AS_OF, "--out", "plan.json")

    answer = recyclekit("apply", "plan.json")

    assert answer.code == 2
    assert not (project / "deals.recyclekit").exists()


def test_planning_creates_no_ledger_and_touches_nothing_but_its_own_state(project: Path, recyclekit: Command) -> None:
    before = {path: path.read_bytes() for path in project.iterdir() if path.is_file()}

    recyclekit("plan", "--as-of", AS_OF)

    after = {path: path.read_bytes() for path in project.iterdir() if path.is_file()}
    assert before == after


def test_retrying_a_finished_run_sends_nothing(project: Path, recyclekit: Command) -> None:
    recyclekit("plan", "--as-of", AS_OF, "--out", "plan.json")
    applied = recyclekit("apply", "plan.json", "--yes", "--json").json

    again = recyclekit("retry", applied["run"], "--json")

    assert again.code == 0, again.err
    assert again.json["applied"] == again.json["already"] == applied["applied"]


@pytest.mark.parametrize("boundary", [3, 8, 12, 16, 20])
def test_a_run_killed_half_way_is_finished_by_retry(project: Path, recyclekit: Command, boundary: int) -> None:
    planned = recyclekit("plan", "--as-of", AS_OF, "--out", "plan.json", "--json").json
    killed = recyclekit("apply", "plan.json", "--yes", env={"RECYCLEKIT_FAULT": f"kill:{boundary}"})
    assert killed.code == -9

    # Killed before its intents were recorded, there is no run yet: the plan is simply applied again.
    began = recyclekit("runs", "--json").json
    again = recyclekit("retry", "--json") if began else recyclekit("apply", "plan.json", "--yes", "--json")

    assert again.code == 0, again.err
    assert again.json["sums_close"]
    assert again.json["applied"] == sum(planned["actions"].values())
    with (project / "deals.recyclekit" / "tasks.csv").open(encoding="utf-8-sig", newline="") as file:
        keys = [row["key"] for row in csv.DictReader(file)]
    assert len(keys) == len(set(keys)) == planned["actions"]["create_task"]


def test_explain_names_rules_inputs_and_the_day_on_which_the_answer_flips(project: Path, recyclekit: Command) -> None:
    edit(project / "activities.csv", "D001", when="2026-11-01T10:00:00+09:00")

    answer = recyclekit("explain", "D001", "--as-of", AS_OF)

    assert answer.code == 0, answer.err
    assert "2026-12-31" in answer.out, "60 days after 1 November"
    assert "stalled" in answer.out


def test_an_unknown_deal_is_named_with_its_nearest_neighbours(project: Path, recyclekit: Command) -> None:
    answer = recyclekit("explain", "D01", "--as-of", AS_OF)

    assert answer.code == 2
    assert "D01" in answer.err
    assert "Traceback" not in answer.err

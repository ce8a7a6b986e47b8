"""What people do next: undo and apply again, undo a run that removed tasks, mistype a reason, parse an error."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.end_to_end.conftest import Command
from tests.end_to_end.test_life_of_a_plan import AS_OF, PROJECT, edit, project

__all__ = ["project"]


def applied(recyclekit: Command, as_of: str, name: str) -> str:
    made = recyclekit("plan", "--as-of", as_of, "--out", name)
    assert made.code == 0, made.err
    answer = recyclekit("apply", name, "--yes", "--json")
    assert answer.code == 0, answer.err
    return str(answer.json["run"])


def table(project: Path, name: str) -> list[dict[str, str]]:
    with (project / "deals.recyclekit" / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def promised_without_a_task(project: Path) -> set[str]:
    """Deals whose own fields promise a touch that no task and no enrolment stands for."""
    touched = {row["deal_id"] for row in [*table(project, "tasks.csv"), *table(project, "enrolments.csv")]}
    return {row["deal_id"] for row in table(project, "fields.csv") if row["recycle_next_on"]} - touched


def test_a_plan_that_was_written_and_taken_back_is_not_written_again(project: Path, recyclekit: Command) -> None:
    run = applied(recyclekit, AS_OF, "plan.json")
    assert recyclekit("undo", run, "--yes").code == 0

    answer = recyclekit("apply", "plan.json", "--yes")

    assert answer.code == 9
    assert "taken back" in answer.err


def test_undoing_a_run_that_removed_tasks_leaves_no_promise_without_a_task(project: Path, recyclekit: Command) -> None:
    applied(recyclekit, AS_OF, "first.json")
    won = table(project, "tasks.csv")[0]["deal_id"]
    before = (project / "deals.csv").read_bytes()
    edit(project / "deals.csv", won, stage="Won")
    second = applied(recyclekit, "2026-11-24", "second.json")
    assert won not in {row["deal_id"] for row in table(project, "tasks.csv")}

    undone = recyclekit("undo", second, "--yes", "--json")
    (project / "deals.csv").write_bytes(before)

    assert won in {entry["deal"] for entry in undone.json["skipped"]}
    assert promised_without_a_task(project) == set()
    applied(recyclekit, "2026-11-24", "third.json")
    assert promised_without_a_task(project) == set()
    assert won in {row["deal_id"] for row in table(project, "tasks.csv")}, "the deal must be planned again"


def test_a_misspelt_reason_is_named_with_the_one_that_was_meant(project: Path, recyclekit: Command) -> None:
    text = PROJECT.replace("stages:", "reasons: {No Budget: no_bugdet}\n    stages:")
    (project / "recyclekit.yaml").write_text(text, encoding="utf-8")

    answer = recyclekit("check")

    assert answer.code == 2
    assert "did you mean 'no_budget'" in answer.err
    assert "recyclekit.yaml:" in answer.err


def test_a_failure_with_json_is_one_document_too(project: Path, recyclekit: Command) -> None:
    answer = recyclekit("explain", "no-such-deal", "--json")

    assert answer.code == 2
    assert answer.json["error"]["exit_code"] == 2
    assert answer.json["error"]["what"]


def test_a_run_id_that_means_several_runs_is_a_wrong_usage(project: Path, recyclekit: Command) -> None:
    run = applied(recyclekit, AS_OF, "plan.json")
    recyclekit("undo", run, "--yes")

    answer = recyclekit("runs", "r2")

    assert answer.code == 2
    assert run in answer.err


def test_policy_check_and_doc_use_the_projects_own_deals_and_name_nobody(project: Path, recyclekit: Command) -> None:
    checked = recyclekit("policy", "check", "--as-of", AS_OF, "--json")
    assert checked.code == 0, checked.err
    told = " ".join(finding["what"] for finding in checked.json["findings"])
    assert "of your" in told

    document = recyclekit("policy", "doc", "--as-of", AS_OF)
    assert document.code == 0, document.err
    assert "such as `D0" in document.out
    assert "does not fit" in document.out

    (project / "deals.csv").unlink()
    alone = recyclekit("policy", "check", "--as-of", AS_OF, "--json")
    assert alone.code == 0, alone.err
    assert "only made-up ones were tried" in " ".join(finding["what"] for finding in alone.json["findings"])
    assert "such as `D0" not in recyclekit("policy", "doc", "--as-of", AS_OF).out


def test_policy_check_needs_no_project(tmp_path: Path, recyclekit: Command) -> None:
    assert recyclekit("policy", "check", "standard").code == 0

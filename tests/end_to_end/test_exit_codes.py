"""What a command ends with and says when something is wrong: the contract that schedulers and people rely on."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Command
from tests.end_to_end.test_life_of_a_plan import AS_OF, HEADER, PROJECT, deals, project, write

__all__ = ["project"]


def test_a_bad_row_is_named_with_line_and_column_and_loses_nothing_else(project: Path, recyclekit: Command) -> None:
    rows = deals()
    rows[3][3] = "a lot"
    rows[7][5] = "2026-02-30"
    write(project / "deals.csv", [HEADER, *rows])

    answer = recyclekit("plan", "--as-of", AS_OF)

    assert answer.code == 4
    assert "deals:5" in answer.out
    assert "amount" in answer.out
    assert "deals:9" in answer.out
    assert "closed" in answer.out
    plan = recyclekit("plan", "--as-of", AS_OF, "--json").json
    assert plan["deals"] == 40
    assert plan["dead_letters"] == 2
    assert plan["by_bucket"]["dead_letter"] == 2
    assert sum(plan["by_bucket"].values()) == 40
    assert plan["sums_close"]


def test_applying_a_plan_with_rows_set_aside_says_so_in_its_exit_code(project: Path, recyclekit: Command) -> None:
    rows = deals()
    rows[3][3] = "a lot"
    write(project / "deals.csv", [HEADER, *rows])
    recyclekit("plan", "--as-of", AS_OF, "--out", "plan.json")

    assert recyclekit("apply", "plan.json", "--yes").code == 4


def test_an_ambiguous_date_is_refused_with_both_readings(project: Path, recyclekit: Command) -> None:
    rows = [[*row[:5], "03/04/2026" if row[5] else "", *row[6:]] for row in deals()]
    write(project / "deals.csv", [HEADER, *rows])

    answer = recyclekit("plan", "--as-of", AS_OF)

    assert answer.code == 2
    assert "2026-04-03" in answer.err
    assert "2026-03-04" in answer.err
    assert "format" in answer.err


def test_a_wrong_column_is_named_with_the_nearest_right_one(project: Path, recyclekit: Command) -> None:
    text = PROJECT.replace("lost_reason: reason", "lost_reason: raeson")
    (project / "recyclekit.yaml").write_text(text, encoding="utf-8")

    answer = recyclekit("check", "--json")

    assert answer.code == 2
    told = " ".join(f"{f['what']} {f['fix']}" for f in answer.json["findings"])
    assert "raeson" in told
    assert "'reason'" in told


def test_check_shows_unmapped_stages_and_reasons_with_deals_and_money(project: Path, recyclekit: Command) -> None:
    rows = deals()
    for row in rows[::4]:
        row[6] = "Grund 17"
    write(project / "deals.csv", [HEADER, *rows])

    answer = recyclekit("check", "--as-of", AS_OF)

    assert answer.code == 0, answer.out + answer.err
    assert "Grund 17" in answer.out
    assert "10 deals" in answer.out
    assert "'Open'" in answer.out


def test_a_guard_stops_the_plan_before_anything_is_written(project: Path, recyclekit: Command) -> None:
    (project / "policy.yaml").write_text(
        "extends: standard\nname: own\nversion: '1'\nguards: {maximum_deals: 3}\n", encoding="utf-8"
    )
    text = PROJECT.replace("{source: crm}", "{source: crm, policy: policy.yaml}")
    (project / "recyclekit.yaml").write_text(text, encoding="utf-8")
    recyclekit("plan", "--as-of", AS_OF, "--out", "plan.json")

    answer = recyclekit("apply", "plan.json", "--yes")

    assert answer.code == 9
    assert "guard" in answer.err
    assert not (project / "deals.recyclekit").exists()


def test_a_second_run_is_kept_out_while_another_holds_the_lease(project: Path, recyclekit: Command) -> None:
    recyclekit("plan", "--as-of", AS_OF, "--out", "plan.json")
    recyclekit("apply", "plan.json", "--yes")
    edited = deals()
    edited[3][6] = "Chose competitor"
    write(project / "deals.csv", [HEADER, *edited])
    recyclekit("plan", "--as-of", AS_OF, "--out", "second.json")
    with sqlite3.connect(project / "ledger.db") as ledger:
        ledger.execute(
            "UPDATE leases SET holder = 'elsewhere:1:r1:2026-11-20T00:00:00Z', machine = 'another',"
            " expires_at = '2999-01-01 00:00:00.000000'"
        )

    answer = recyclekit("apply", "second.json", "--yes")

    assert answer.code == 6, answer.err
    assert "elsewhere" in answer.err


def test_a_ledger_of_a_newer_version_is_refused_and_left_alone(project: Path, recyclekit: Command) -> None:
    recyclekit("plan", "--as-of", AS_OF, "--out", "plan.json")
    recyclekit("apply", "plan.json", "--yes")
    with sqlite3.connect(project / "ledger.db") as ledger:
        ledger.execute("UPDATE alembic_version SET version_num = '9999'")

    answer = recyclekit("plan", "--as-of", AS_OF)

    assert answer.code == 2
    assert "newer" in answer.err
    assert "fix:" in answer.err


@pytest.mark.parametrize(
    ("argv", "hint"),
    [
        (["plan", "--as-of", "tomorrow"], "2026-11-22"),
        (["plan", "--pipeline", "mian"], "main"),
        (["plan", "--decisions", "decisions.xls"], ".csv"),
        (["apply", "no-such-plan.json", "--yes"], "no-such-plan.json"),
        (["apply", "recyclekit.yaml", "--yes"], "recyclekit.yaml"),
        (["undo", "r1999", "--yes"], "r1999"),
        (["plan", "--no-such-option"], "no-such-option"),
        (["plna"], "plan"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_users_mistake_gets_words_and_never_a_traceback(
    project: Path, recyclekit: Command, argv: list[str], hint: str
) -> None:
    answer = recyclekit(*argv)

    assert answer.code in {2, 9}
    assert hint in answer.err
    assert "Traceback" not in answer.err
    assert "Unexpected" not in answer.err


def test_json_is_one_document_on_stdout_and_nothing_else(project: Path, recyclekit: Command) -> None:
    for argv in (["plan", "--as-of", AS_OF], ["check"], ["runs"], ["explain", "D001"], ["connectors"], ["retry"]):
        answer = recyclekit(*argv, "--json")
        assert json.loads(answer.out) is not None or argv[0] == "runs", argv


def test_the_plan_document_holds_what_the_contract_promises(project: Path, recyclekit: Command) -> None:
    plan = recyclekit("plan", "--as-of", AS_OF, "--json").json

    promised = {"run", "as_of", "policy", "deals", "dead_letters", "by_status", "by_reason", "by_verdict", "by_rule"}
    assert promised | {"by_track", "actions", "calls", "sums_close"} <= set(plan)
    assert set(plan["policy"]) >= {"name", "version", "hash"}


def test_the_decisions_file_has_one_row_per_deal_and_the_promised_columns(project: Path, recyclekit: Command) -> None:
    recyclekit("plan", "--as-of", AS_OF, "--decisions", "decisions.csv")

    with (project / "decisions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40
    promised = "deal_id, status, reason, verdict, rule, track, next_approach_on, owner, channel, hook, inactive_days"
    assert list(rows[0])[:12] == [*promised.split(", "), "activity_source"]


def test_a_cell_that_looks_like_a_formula_is_harmless_in_the_decisions_file(project: Path, recyclekit: Command) -> None:
    rows = deals()
    rows[0][0] = "=1+1"
    write(project / "deals.csv", [HEADER, *rows])

    recyclekit("plan", "--as-of", AS_OF, "--decisions", "decisions.csv")

    text = (project / "decisions.csv").read_text(encoding="utf-8")
    assert "'=1+1" in text
    assert "\n=1+1" not in text


@pytest.mark.parametrize("most", [2_000, 20_000, 5_000_000], ids="at most {} bytes a file".format)
def test_a_full_disk_is_said_in_words_and_loses_nothing(project: Path, recyclekit: Command, most: int) -> None:
    planned = recyclekit("plan", "--as-of", AS_OF, "--out", "plan.json", "--json").json

    hindered = recyclekit("apply", "plan.json", "--yes", largest_file=most)

    assert "Traceback" not in hindered.err
    assert "Unexpected" not in hindered.err
    assert hindered.code in ({0} if most > 1_000_000 else {1, 2, 7})
    # With room again, whatever had begun is taken up; what had not, begins.
    began = recyclekit("runs", "--json").json
    again = (
        recyclekit("retry", "--json")
        if began and hindered.code
        else recyclekit("apply", "plan.json", "--yes", "--json")
    )
    assert again.code == 0, again.err
    assert again.json["applied"] == sum(planned["actions"].values())


@pytest.mark.parametrize("line", ["nonsense", "plan extra", "plan --limit 3", "policy", "sandbox nope"])
def test_wrong_usage_is_a_json_document_too_where_one_was_asked_for(line: str, recyclekit: Command) -> None:
    answer = recyclekit(*line.split(), "--json")
    assert answer.code == 2
    assert answer.json["error"]["exit_code"] == 2
    assert answer.json["error"]["what"]


def test_what_is_written_and_what_is_printed_can_be_asked_for_as_json(project: Path, recyclekit: Command) -> None:
    assert recyclekit("init", "new", "--json").json["wrote"][0] == ".gitignore"
    assert recyclekit("report", "--as-of", AS_OF, "--json").json["report"] == "report.html"
    assert recyclekit("policy", "doc", "standard", "--json").json["document"].startswith("# ")
    assert recyclekit("policy", "schema", "--json").json["properties"]

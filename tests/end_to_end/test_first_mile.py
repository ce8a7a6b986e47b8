"""The first mile of somebody with exports of their own: init, then a check that asks only what a person must say."""

from __future__ import annotations

import csv
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from recyclekit.project_file.spec import FILE
from recyclekit.samples.generator import generate
from recyclekit.samples.template import DEMO_FIELDS
from tests.end_to_end.conftest import Command

DEALS = [
    ["案件番号", "案件名", "会社名", "フェーズ", "金額（円）", "完了日", "最終接触日", "失注理由"],
    ["A-1", "導入", "山田製作所", "7.失注", "1,200,000", "2026/05/20", "2026/04/01", "予算が取れなかった"],
    ["A-2", "更新", "佐藤商事", "6.受注", "800,000", "2026/03/31", "2026/03/01", ""],
    ["A-3", "増設", "鈴木電機", "3.提案", "500,000", "2026/12/25", "2026/02/01", ""],
]


def write(path: Path, rows: list[list[str]], encoding: str = "utf-8") -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)


def errors(answer: Any) -> list[tuple[str, str]]:
    return [(f["where"], f["what"]) for f in answer.json["findings"] if f["level"] == "error"]


@pytest.mark.parametrize(
    ("tables", "left"),
    [
        ("maven_crm", []),
        ("hubspot_export", []),
        ("jp_export", []),
        ("dirty_small", []),
        ("winloss_small", []),
        ("fivetran_salesforce", []),
        # Its stages are empty: which deals are lost, only a person can say.
        ("fivetran_hubspot", [("deals.deal_stage", "The source's deals have no column 'HEADING'.")]),
    ],
)
def test_the_first_check_of_a_real_export_shows_only_what_a_person_must_decide(
    recyclekit: Command, shared: Path, tmp_path: Path, tables: str, left: list[tuple[str, str]]
) -> None:
    for path in (shared / tables).glob("*.csv"):
        shutil.copy(path, tmp_path)
    made = recyclekit("init", "--json")
    assert made.code == 0, made.err
    assert errors(recyclekit("check", "--json", "--as-of", "2026-11-22")) == left


def test_the_drafted_map_of_a_real_export_decides_as_the_one_that_was_written_by_hand(
    recyclekit: Command, shared: Path, tmp_path: Path
) -> None:
    for path in (shared / "hubspot_export").glob("*.csv"):
        shutil.copy(path, tmp_path)
    assert recyclekit("init", "--timezone", "America/New_York").code == 0

    plan = recyclekit("plan", "--as-of", "2025-05-05", "--json").json

    assert {s: plan["by_status"][s] for s in ("stalled", "open", "undated", "lost")} == {
        "stalled": 293,
        "open": 31,
        "undated": 36,
        "lost": 69,
    }


def test_our_own_sample_is_drafted_whole(recyclekit: Command, tmp_path: Path) -> None:
    generate(tmp_path, deals=200, as_of=date(2026, 11, 22))
    (tmp_path / FILE).unlink(missing_ok=True)

    made = recyclekit("init", "--json").json

    by_hand = {
        str(table): {name: one["column"] if isinstance(one, dict) else one for name, one in columns.items()}
        for table, columns in DEMO_FIELDS.items()
    }
    assert {table: found["fields"] for table, found in made["tables"].items()} == by_hand
    assert errors(recyclekit("check", "--json", "--as-of", "2026-11-22")) == []


def test_an_export_of_a_small_company_goes_from_init_to_a_plan_without_an_edit(
    recyclekit: Command, tmp_path: Path
) -> None:
    write(tmp_path / "案件一覧.csv", DEALS, "cp932")

    made = recyclekit("init")
    checked = recyclekit("check", "--json", "--as-of", "2026-11-20")
    plan = recyclekit("plan", "--as-of", "2026-11-20", "--json")

    assert made.code == 0, made.err
    assert "案件一覧.csv: deals, 3 rows; 8 of 8 columns used" in made.err
    assert errors(checked) == []
    assert {status: n for status, n in plan.json["by_status"].items() if n} == {"won": 1, "lost": 1, "stalled": 1}
    assert plan.json["by_reason"]["no_budget"] == 1


def test_init_leaves_what_is_there_and_never_a_second_project_file(recyclekit: Command, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("ours", encoding="utf-8")
    made = recyclekit("init", "--json")
    assert made.json["kept"] == ["README.md"]
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "ours"

    other = tmp_path / "other"
    other.mkdir()
    (other / ".gitignore").write_text("ledger.db*\n", encoding="utf-8")
    told = recyclekit("init", "other").err
    assert "missing there: .recyclekit/ *.recyclekit/ *.csv" in told

    (tmp_path / FILE).write_text("mine", encoding="utf-8")
    write(tmp_path / "deals.csv", DEALS)
    again = recyclekit("init")
    assert again.code == 2
    assert "recyclekit check --suggest" in again.err
    assert (tmp_path / FILE).read_text(encoding="utf-8") == "mine"


def test_an_export_elsewhere_is_read_where_it_is_and_nothing_is_written_beside_it(
    recyclekit: Command, tmp_path: Path
) -> None:
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    write(downloads / "export.csv", DEALS)
    made = recyclekit("init", "project", "--from", "deals=downloads/export.csv")
    assert made.code == 0, made.err
    assert recyclekit("plan", "--project", "project", "--as-of", "2026-11-20", "--out", "plan.json").code == 0
    assert recyclekit("apply", "--project", "project", "plan.json", "--yes").code == 0
    assert [path.name for path in downloads.iterdir()] == ["export.csv"]
    assert (tmp_path / "project" / "deals.recyclekit").is_dir()


def test_a_policy_is_checked_in_ci_without_the_secrets_of_the_crm(recyclekit: Command) -> None:
    assert recyclekit("init", "--template", "hubspot").code == 0
    checked = recyclekit("policy", "check", "policy.yaml", "--json")
    assert (checked.code, checked.json["ok"]) == (0, True), checked.err


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--from", "gone.csv"], "There is no file"),
        (["--from", "deal=deals.csv"], "did you mean 'deals'"),
        (["--from", "deals.csv", "deals.csv"], "is a file, not a folder"),
        (["--from", "deals.csv", "--template", "hubspot"], "--from is for CSV exports"),
    ],
)
def test_a_wrong_word_to_init_writes_nothing_and_says_what_to_do(
    recyclekit: Command, tmp_path: Path, argv: list[str], told: str
) -> None:
    write(tmp_path / "deals.csv", DEALS)
    answer = recyclekit("init", *argv)
    assert (answer.code, told in answer.err) == (2, True), answer.err
    assert [path.name for path in tmp_path.iterdir()] == ["deals.csv"]


def test_files_dropped_in_later_are_suggested_ready_to_be_pasted(recyclekit: Command, tmp_path: Path) -> None:
    assert recyclekit("init").code == 0
    assert recyclekit("check", "--suggest").code == 2
    write(tmp_path / "案件一覧.csv", DEALS, "cp932")

    checked = recyclekit("check")
    assert checked.code == 2
    assert "recyclekit check --suggest" in checked.err

    suggested = recyclekit("check", "--suggest")
    assert suggested.code == 0
    project = (tmp_path / FILE).read_text(encoding="utf-8")
    head, _, rest = project.partition("connections:\n")
    _, _, tail = rest.partition("\npipelines:")
    (tmp_path / FILE).write_text(f"{head}{suggested.out}\npipelines:{tail}", encoding="utf-8")
    assert errors(recyclekit("check", "--json", "--as-of", "2026-11-20")) == []


def test_a_suggestion_keeps_the_dialect_and_the_tables_that_the_project_names(
    recyclekit: Command, tmp_path: Path
) -> None:
    (tmp_path / FILE).write_text(
        "version: 1\ntimezone: Asia/Tokyo\nconnections:\n  crm:\n    connector: csv\n"
        "    settings: {deals: x.txt, separator: '|', own_tables: mine}\npipelines:\n  main: {source: crm}\n",
        encoding="utf-8",
    )
    (tmp_path / "x.txt").write_text("Deal ID|Stage\n1|Won\n2|Lost\n", encoding="utf-8")
    suggested = recyclekit("check", "--suggest", "--json").json
    assert 'separator: "|"' in suggested["yaml"]
    assert "own_tables: mine" in suggested["yaml"]
    assert "deal_id: Deal ID" in suggested["yaml"]

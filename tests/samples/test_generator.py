"""The invented export: repeatable, plausible, and nothing in it that could be real."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from datetime import date, datetime
from pathlib import Path

import pytest

from recyclekit.models.tables import Table
from recyclekit.samples import company
from recyclekit.samples.generator import SampleProject, generate

AS_OF = date(2026, 11, 22)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleProject:
    return generate(tmp_path_factory.mktemp("sample"), as_of=AS_OF)


@pytest.fixture(scope="module")
def deals(sample: SampleProject) -> list[dict[str, str]]:
    """The good rows of deals.csv."""
    rows = [row for row in read(sample, Table.DEALS) if None not in row and row["Deal ID"][:3] != "D-9"]
    return list({row["Deal ID"]: row for row in reversed(rows) if row["Deal ID"]}.values())


def read(sample: SampleProject, table: Table) -> list[dict[str, str]]:
    with (sample.folder / sample.files[table]).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        generate(tmp_path / name, deals=150, seed=7, as_of=AS_OF)
    generate(tmp_path / "other", deals=150, seed=8, as_of=AS_OF)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    assert digest(tmp_path / "one")["deals.csv"] != digest(tmp_path / "other")["deals.csv"]


def test_there_are_at_least_two_thousand_deals_and_26_columns(sample: SampleProject) -> None:
    assert sample.deals >= 2000
    assert len(company.DEAL_COLUMNS) == 26
    assert sample.rows[Table.DEALS] == sample.deals + sample.bad_rows
    assert len(read(sample, Table.DEALS)) == sample.rows[Table.DEALS]


def test_the_shares_of_won_lost_and_open_are_those_of_a_real_pipeline(deals: list[dict[str, str]]) -> None:
    stages = Counter(row["Stage"] for row in deals)
    won = sum(stages[s] for s in company.WON_STAGES) / len(deals)
    lost = sum(stages[s] for s in company.LOST_STAGES) / len(deals)
    assert 0.31 < won < 0.39
    assert 0.21 < lost < 0.29


def test_about_half_of_the_open_deals_have_been_silent_for_sixty_days(
    sample: SampleProject, deals: list[dict[str, str]]
) -> None:
    last: dict[str, date] = {}
    for row in read(sample, Table.ACTIVITIES):
        if row["Automatic"] == "false" and row["Done"] == "true":
            day = datetime.fromisoformat(row["At"]).date()
            owner = row["Activity ID"].rsplit("-", 1)[0]
            last[owner] = max(day, last.get(owner, day))
    silent = [(AS_OF - last[r["Deal ID"]]).days >= 60 for r in deals if is_open(r) and r["Deal ID"] in last]
    undated = [r for r in deals if is_open(r) and r["Deal ID"] not in last]
    assert 0.4 < sum(silent) / len(silent) < 0.6
    assert undated


def is_open(row: dict[str, str]) -> bool:
    return row["Stage"] in company.OPEN_STAGES


def test_reasons_come_as_picklist_free_text_in_two_languages_or_not_at_all(deals: list[dict[str, str]]) -> None:
    lost = [row for row in deals if row["Stage"] in company.LOST_STAGES]
    known = {v for values in company.PICKLIST.values() for v in values} | {*company.AMBIGUOUS_PICKLIST}
    texts = [r["失注理由"] for r in lost if r["失注理由"] and r["失注理由"] not in known]
    japanese = [t for t in texts if not t.isascii()]
    assert sum(r["失注理由"] in known for r in lost) > len(lost) * 0.4
    assert len(set(texts)) > len(lost) * 0.2
    assert len(japanese) > len(texts) * 0.3 < len(texts) - len(japanese)
    assert any(len(t) > 100 for t in texts)
    assert sum(not r["失注理由"] and not r["失注メモ"] for r in lost) > 10
    assert {r["失注理由"] for r in lost} >= set(company.UNMAPPED_PICKLIST)


def test_sales_filled_in_the_three_fields_for_some_and_some_of_it_is_vague(deals: list[dict[str, str]]) -> None:
    hooks = [row["フック"] for row in deals if row["フック"]]
    assert 30 < len(hooks) < 400
    assert {"How is it going?", "ご様子伺い"} & set(hooks)
    assert any(row["次回アプローチ日"] > "2026/11/22" for row in deals)


def test_mail_addresses_lead_nowhere(sample: SampleProject) -> None:
    domains = {row["Mail"].partition("@")[2] for row in read(sample, Table.CONTACTS)}
    assert domains == {"example.com", "example.jp"}


def test_accounts_know_april_quarters_october_retail_years_or_nothing(sample: SampleProject) -> None:
    calendars = {row["Fiscal Year"] for row in read(sample, Table.ACCOUNTS)}
    assert calendars >= {"4", "10", "quarter:4", "52/53:last-sat:1", ""}


def test_noise_that_must_not_move_the_clock_is_there(sample: SampleProject) -> None:
    rows = read(sample, Table.ACTIVITIES)
    assert any(row["Automatic"] == "true" and row["Bulk ID"] for row in rows)
    assert any(row["Done"] == "false" and row["At"] > f"{AS_OF}" for row in rows)
    assert any(not row["Deal ID"] for row in rows)


def test_bad_rows_are_as_many_as_asked_for(tmp_path: Path) -> None:
    clean = generate(tmp_path / "clean", deals=80, as_of=AS_OF, bad_rows=0)
    dirty = generate(tmp_path / "dirty", deals=80, as_of=AS_OF, bad_rows=6)
    lines = (dirty.folder / "deals.csv").read_text(encoding="utf-8").splitlines()
    added = set(lines) - set((clean.folder / "deals.csv").read_text(encoding="utf-8").splitlines())
    assert len(added) == 6
    assert any("2026/02/30" in line for line in added)
    ids = [line.split(",")[0] for line in lines[1:]]
    assert [n for n in Counter(ids).values() if n > 1] == [2]


def test_a_tiny_sample_can_be_made_too(tmp_path: Path) -> None:
    assert generate(tmp_path, deals=1, as_of=AS_OF, bad_rows=1).rows[Table.DEALS] == 2

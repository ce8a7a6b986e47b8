"""What a draft makes of exports: which file, which column, which format, which stage; and where it asks instead."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from recyclekit.drafting.draft import Draft, draft, named_tables
from recyclekit.drafting.exports import exports_in, read_export
from recyclekit.drafting.written import connection_lines, to_dos
from recyclekit.errors import ConfigError, InputError
from recyclekit.models.field_map import Mapped
from recyclekit.models.stage_words import meaning
from recyclekit.models.tables import Table
from recyclekit.yaml_file import parse

ZONE = ZoneInfo("Asia/Tokyo")
Rows = Sequence[Sequence[object]]


def write(path: Path, headings: Sequence[str], rows: Rows, encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([headings, *rows])
    return path


def drafted(folder: Path) -> Draft:
    return draft(folder, exports_in(folder), ZONE)


def fields(found: Draft, table: Table = Table.DEALS) -> Mapping[str, str]:
    return {name: one.heading for name, one in found.tables[table].columns.items()}


def text_of(found: Draft) -> str:
    return "\n".join(["connection:", *connection_lines(found)]) + "\n"


JAPANESE = ("商談 ID", "商談名", "取引先名", "フェーズ", "金額(税抜)", "完了予定日", "作成日", "最終活動日", "失注理由")
HUBSPOT = (
    *("Record ID", "Deal Name", "Deal Stage", "Pipeline", "Amount", "Close Date", "Create Date", "Deal owner"),
    *("Closed Lost Reason", "Associated Company IDs", "Last Contacted", "Next step"),
)
DATA_LOADER = (
    *("ID", "ACCOUNTID", "NAME", "STAGENAME", "AMOUNT", "CLOSEDATE", "CREATEDDATE", "OWNERID", "ISCLOSED", "ISWON"),
    *("LASTACTIVITYDATE", "LOSS_REASON__C"),
)
PIPEDRIVE = (
    *("Deal - ID", "Deal - Title", "Deal - Organization", "Deal - Value", "Deal - Currency of Value", "Deal - Status"),
    *(
        "Deal - Stage",
        "Deal - Deal created",
        "Deal - Deal closed on",
        "Deal - Lost reason",
        "Deal - Last activity date",
    ),
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "euc_jp", "iso2022_jp", "utf-16"])
def test_japanese_headings_are_understood_in_every_encoding(encoding: str, tmp_path: Path) -> None:
    rows = [
        [f"S-{n}", "新規", "山田製作所", stage, "1,200", "2026/05/01", "2026/01/05", "2026/03/02", "予算なし"]
        for n, stage in enumerate(["受注", "失注", "提案中"])
    ]
    write(tmp_path / "商談.csv", JAPANESE, rows, encoding)

    found = drafted(tmp_path)

    assert fields(found) == {
        "deal_id": "商談 ID",
        "name": "商談名",
        "account_id": "取引先名",
        "deal_stage": "フェーズ",
        "amount": "金額(税抜)",
        "created_on": "作成日",
        "closed_on": "完了予定日",
        "last_activity_at": "最終活動日",
        "lost_reason": "失注理由",
    }
    assert (found.stages.won, found.stages.lost, found.stages.open) == ({"受注": 1}, {"失注": 1}, {"提案中": 1})


def test_the_export_of_hubspot_is_understood(tmp_path: Path) -> None:
    row = ["1", "A", "Closed Lost", "Sales", "5", "2026-01-02", "2025-01-02", "o", "Price", "77", "2025-02-03", "call"]
    write(tmp_path / "hubspot-crm-exports-all-deals.csv", HUBSPOT, [row])

    found = fields(drafted(tmp_path))

    assert found["deal_id"] == "Record ID"
    assert found["account_id"] == "Associated Company IDs"
    assert found["last_activity_at"] == "Last Contacted"
    assert set(found.values()) == set(HUBSPOT)


def test_salesforces_own_flags_say_what_a_stage_means(tmp_path: Path) -> None:
    rows = [
        [f"006{n}", "001", "A", stage, "5", "2026-01-02", "2025-01-02", "005", closed, won, "", "Price"]
        for n, (stage, closed, won) in enumerate(
            [("Signed", "true", "true"), ("Gone", "true", "false"), ("Talking", "false", "false")]
        )
    ]
    write(tmp_path / "extract.csv", DATA_LOADER, rows)

    found = drafted(tmp_path)

    assert fields(found)["lost_reason"] == "LOSS_REASON__C"
    assert (found.stages.won, found.stages.lost, found.stages.open) == ({"Signed": 1}, {"Gone": 1}, {"Talking": 1})


def test_a_column_that_says_won_lost_or_open_of_every_deal_is_its_state(tmp_path: Path) -> None:
    rows = [
        [n, "A", "Org", "5", "USD", status, stage, "2026-01-02", "", "", "2026-03-02"]
        for n, (status, stage) in enumerate([("Won", "Demo"), ("Lost", "Offer"), ("Open", "Offer")])
    ]
    write(tmp_path / "deals.csv", PIPEDRIVE, rows)

    found = drafted(tmp_path)

    assert fields(found)["crm_state"] == "Deal - Status"
    assert fields(found)["deal_stage"] == "Deal - Stage"
    assert "stages:" not in text_of(found)


def test_a_state_that_the_stages_contradict_is_not_trusted(tmp_path: Path) -> None:
    rows = [[1, "受注", "失注"], [2, "失注", "商談中"], [3, "提案", "受注"]]
    write(tmp_path / "deals.csv", ["案件番号", "フェーズ", "ステータス"], rows)
    assert "crm_state" not in fields(drafted(tmp_path))


@pytest.mark.parametrize(
    ("stage", "means"),
    [
        ("Closed Won", "won"),
        ("closedlost", "lost"),
        ("９．失注", "lost"),
        ("[7] 受注済み", "won"),
        ("100% 受注", "won"),
        ("E: 失注", "lost"),
        ("受注見込", None),
        ("失注？", None),
        ("Won/Lost", None),
        ("見送り", None),
        ("Closed", None),
    ],
)
def test_only_a_stage_beyond_doubt_is_won_or_lost(stage: str, means: str | None) -> None:
    assert meaning(stage) == means


def test_a_stage_that_only_sounds_closed_is_asked_about_with_its_deals(tmp_path: Path) -> None:
    write(tmp_path / "deals.csv", ["Deal ID", "Stage"], [[1, "Won"], [2, "Lost"], [3, "Closed - Dead"], [4, "Demo"]])
    found = drafted(tmp_path)
    assert found.stages.asked == {"Closed - Dead": 1}
    assert any("Closed - Dead (1)" in what for _, what in to_dos(text_of(found)))


def test_a_format_is_declared_where_one_reading_fits_every_value(tmp_path: Path) -> None:
    rows = [[1, "Won", "25-10-2026", "1.234,50"], [2, "Lost", "01-03-2026", "99,00"]]
    write(tmp_path / "deals.csv", ["Deal ID", "Stage", "Close Date", "Amount"], rows)
    columns = drafted(tmp_path).tables[Table.DEALS].columns
    assert columns["closed_on"].tried.formats == ("%d-%m-%Y",)
    assert columns["amount"].tried.formats == ("1.234,5",)


def test_a_date_with_two_readings_is_asked_about_and_never_guessed(tmp_path: Path) -> None:
    rows = [[1, "Won", "05/06/2026"], [2, "Lost", "01/03/2026"]]
    write(tmp_path / "deals.csv", ["Deal ID", "Stage", "Close Date"], rows)

    text = text_of(drafted(tmp_path))

    assert "        closed_on: Close Date" in text
    assert '# closed_on: {column: "Close Date", format: "%d/%m/%Y"}' in text
    assert '# closed_on: {column: "Close Date", format: "%m/%d/%Y"}' in text
    assert any("day first" in what and "month first" in what for _, what in to_dos(text))


def test_a_heading_whose_values_are_something_else_is_not_used(tmp_path: Path) -> None:
    rows = [[n, "Won" if n % 2 else "Lost", "soon", "山田 太郎"] for n in range(30)]
    write(tmp_path / "deals.csv", ["Deal ID", "Stage", "Close Date", "先方担当者"], rows)
    found = drafted(tmp_path)
    assert set(fields(found)) == {"deal_id", "deal_stage"}
    assert '"先方担当者" is not contact_id' in text_of(found)


def test_files_join_by_the_columns_whose_values_are_found_on_both_sides(tmp_path: Path) -> None:
    mails = [f"p{n}@example.com" for n in range(20)]
    write(
        tmp_path / "deals.csv",
        ["Deal ID", "Stage", "Associated Contact Email"],
        [[f"D{n}", "Won" if n % 2 else "Lost", mails[n]] for n in range(20)],
    )
    write(
        tmp_path / "contacts.csv", ["Contact ID", "First Name", "Email"], [[f"C{n}", "x", mails[n]] for n in range(20)]
    )
    write(
        tmp_path / "calls.csv",
        ["Activity ID", "Activity Date", "Email"],
        [[n, "2026-01-02", mails[n]] for n in range(9)],
    )

    found = drafted(tmp_path)

    assert fields(found, Table.CONTACTS)["contact_id"] == "Email"
    assert fields(found, Table.ACTIVITIES)["contact_id"] == "Email"
    assert "found in contacts.csv (Email): 20 of 20 values" in text_of(found)


def test_an_id_that_stands_in_many_rows_is_asked_about(tmp_path: Path) -> None:
    rows = [[n // 3, "Won" if n % 2 else "Lost"] for n in range(30)]
    write(tmp_path / "line items.csv", ["Deal ID", "Stage"], rows)
    assert any("hardly the id" in what for _, what in to_dos(text_of(drafted(tmp_path))))


def test_of_several_exports_the_last_by_name_is_read_and_the_others_are_told(tmp_path: Path) -> None:
    for month in ("2026-09", "2026-10"):
        write(tmp_path / f"deals-{month}.csv", ["Deal ID", "Stage"], [[1, "Won"], [2, "Lost"]])
    write(tmp_path / "products.csv", ["SKU", "Price list"], [[1, 2]])
    (tmp_path / "empty.csv").write_text("")

    found = drafted(tmp_path)

    assert found.tables[Table.DEALS].export.path == "deals-2026-10.csv"
    assert set(found.others) == {"deals-2026-09.csv", "products.csv", "empty.csv"}


def test_a_person_may_say_what_a_file_lists(tmp_path: Path) -> None:
    path = write(tmp_path / "tasks.csv", ["Deal ID", "Stage", "Amount"], [[1, "Won", 2], [2, "Lost", 3]])
    ((named, table),) = named_tables([f"deals={path}"])
    found = draft(tmp_path, [named], ZONE, named={named: Table.DEALS} if table else {})
    assert list(found.tables) == [Table.DEALS]
    with pytest.raises(ConfigError, match="did you mean 'deals'"):
        named_tables(["deal=x.csv"])
    with pytest.raises(InputError, match="no file"):
        draft(tmp_path, [tmp_path / "gone.csv"], ZONE, needed=True)


def test_of_a_large_file_only_the_start_is_read(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "cp932"):
        rows = [[f"売上{n}", "受注" if n % 2 else "失注"] for n in range(2000)]  # 上 holds the byte of a line feed
        path = write(tmp_path / "deals.csv", ["案件番号", "フェーズ"], rows, encoding)
        export = read_export(path, tmp_path, sample=4001)
        assert export.rows["案件番号"].to_list() == [f"売上{n}" for n in range(export.rows.height)]
        assert not export.whole
        assert 100 < export.rows.height < 1000
        assert export.headings == ("案件番号", "フェーズ")
        assert set(export.rows["フェーズ"]) == {"受注", "失注"}


def test_what_is_missing_and_matters_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "deals.csv", ["Deal Name", "Amount", "Close Date"], [["A", 1, "2026-01-02"]])
    text = text_of(drafted(tmp_path))
    assert all(f"{name}: HEADING" in text for name in ("deal_id", "deal_stage", "lost_reason", "last_activity_at"))
    assert len(to_dos(text)) == 5  # and which stages are won


def test_a_workbook_is_named_as_one_whatever_its_name_says(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_bytes(b"PK\x03\x04\x14\x00")
    assert drafted(tmp_path).others == {"deals.csv": "deals.csv is a workbook, whatever its name says."}


@pytest.mark.parametrize(
    "heading", ["Deal: ID", "No", "#", "id, old", "'x'", '"x"', "@id", "a: b", "123", "true", "- x", "a\nb", "\x07"]
)
def test_any_heading_can_be_written_as_yaml(heading: str, tmp_path: Path) -> None:
    write(tmp_path / "deals.csv", ["Deal ID", "Stage", heading], [[1, "Won", "x"], [2, f"{heading} Lost", "y"]])
    text = text_of(drafted(tmp_path)).replace("deal_id: Deal ID", f"deal_id: {_scalar_of(heading)}")
    read = parse(text, "draft").data["connection"]
    assert Mapped.model_validate({"fields": read["fields"], "stages": read["stages"]})
    assert read["fields"]["deals"]["deal_id"] == heading


def _scalar_of(heading: str) -> str:
    from recyclekit.drafting.written import _scalar

    return _scalar(heading)

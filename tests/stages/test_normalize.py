"""Stage 2: what is good goes on typed, what is not is set aside with a reason, and the sums close."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from typing import ClassVar

import polars as pl
import pytest

from recyclekit.errors import AmbiguousError, InputError
from recyclekit.models.field_map import Mapped, StageMap
from recyclekit.models.snapshot import LINE, Extracted, dead_letters
from recyclekit.models.tables import SCHEMAS, DealSchema, Table
from recyclekit.stages.normalize import normalize
from tests.stages.records_by_hand import FIELDS, GOOD, STAGES, TOKYO, deals, letters, raw, read


def test_a_good_deal_comes_out_typed() -> None:
    snapshot = read(deals({}))
    assert snapshot.deals.row(0, named=True) == {
        "deal_id": "D1", "account_id": "A1", "deal_stage": "Won", "crm_state": "won", "amount": 1000.5,
        "created_on": date(2026, 1, 2), "closed_on": date(2026, 3, 4),
        "last_activity_at": datetime(2026, 3, 1, 10, tzinfo=UTC), "lost_reason": "予算なし",
    }  # fmt: skip
    assert (snapshot.extracted_deals, snapshot.dead_letters.height, snapshot.findings) == (1, 0, ())


def test_all_columns_have_the_declared_types_and_order() -> None:
    snapshot = read(deals({}), fields={name: {"const": ""} for name in DealSchema.column_names()} | FIELDS)
    assert dict(snapshot.deals.schema) == {name: column.dtype for name, column in DealSchema.columns().items()}
    assert DealSchema.is_valid(snapshot.deals)


def test_columns_that_are_not_mapped_or_not_there_or_not_needed_are_absent() -> None:
    assert read(deals({}), fields=FIELDS | {"hook": "Nowhere"}).deals.columns == read(deals({})).deals.columns
    snapshot = read(deals({}), needed={Table.DEALS: ["amount"]})
    assert snapshot.deals.columns == ["deal_id", "crm_state", "amount"]


def test_a_table_that_is_not_needed_stays_empty_with_its_columns() -> None:
    contacts = ({"contact_id": "C"}, [{"C": "C1"}])
    assert read(deals({}), contacts=contacts).contacts.height == 1
    snapshot = read(deals({}), contacts=contacts, needed={Table.DEALS: ["amount"]})
    assert snapshot.contacts.height == 0
    assert snapshot.contacts.columns == SCHEMAS[Table.CONTACTS].column_names()


@pytest.mark.parametrize(
    ("change", "column", "code"),
    [
        ({"Id": None}, "Id", "no_id"),
        ({"Id": "  "}, "Id", "no_id"),
        ({"Stage": None}, "Stage", "no_stage"),
        ({"Closed": "2026-02-30"}, "Closed", "bad_date"),
        ({"Closed": "soon"}, "Closed", "bad_date"),
        ({"Closed": "9999-12-31"}, "Closed", "bad_date"),
        ({"Last": "2026-03-01T25:00:00Z"}, "Last", "bad_date"),
        ({"Amount": "-5"}, "Amount", "negative_amount"),
        ({"Amount": "NaN"}, "Amount", "bad_number"),
        ({"Amount": "a lot"}, "Amount", "bad_number"),
        ({"Created": "2026-03-05"}, "Closed", "closed_before_created"),
    ],
)
def test_a_bad_value_sets_its_record_aside_and_the_others_go_on(
    change: dict[str, str | None], column: str, code: str
) -> None:
    snapshot = read(deals({}, change, {}))
    identity = None if "Id" in change else "D2"
    assert letters(snapshot) == [(identity, 3, column, code)]
    assert snapshot.deals["deal_id"].to_list() == ["D1", "D3"]
    assert snapshot.extracted_deals == 3


def test_a_record_with_two_faults_is_one_dead_letter_that_tells_both() -> None:
    snapshot = read(deals({"Closed": "2026-02-30", "Amount": "-12"}))
    assert snapshot.dead_letters.height == 1
    reason = snapshot.dead_letters["reason"][0]
    assert "Amount: '-12' is negative" in reason
    assert "Closed: '2026-02-30' is not a date" in reason


def test_a_reason_shows_forty_characters_at_most() -> None:
    (reason,) = read(deals({"Amount": "x" * 100})).dead_letters["reason"]
    assert "x" * 39 + "…" in reason
    assert "x" * 40 not in reason


def test_an_open_deals_forecast_may_lie_before_its_beginning() -> None:
    assert read(deals({"Stage": "Talking", "Created": "2026-05-01"})).dead_letters.height == 0


def test_both_dates_are_shown_where_a_deal_closed_before_it_began() -> None:
    (reason,) = read(deals({"Created": "2026-03-05"})).dead_letters["reason"]
    assert "2026-03-04" in reason
    assert "2026-03-05" in reason


def test_text_loses_outer_blanks_and_control_characters_and_empty_is_null() -> None:
    snapshot = read(
        deals({"Reason": "\u3000予算\x00なし\r\n来期  "}, {"Reason": " "}, {"Reason": ""}, {"Reason": "Select"})
    )
    assert snapshot.deals["lost_reason"].to_list() == ["予算なし 来期", None, None, "Select"]


def test_ids_are_stripped_and_nothing_else() -> None:
    snapshot = read([{**GOOD, "Id": " Ａ１ "}, {**GOOD, "Id": "A1"}])
    assert snapshot.deals["deal_id"].to_list() == ["Ａ１", "A1"]


class TestStages:
    def test_every_stage_that_is_not_named_is_open(self) -> None:
        snapshot = read(deals({"Stage": "Won"}, {"Stage": "Lost"}, {"Stage": "Anything"}))
        assert snapshot.deals["crm_state"].to_list() == ["won", "lost", "open"]

    def test_names_match_whatever_their_width_and_blanks_and_not_their_case(self) -> None:
        snapshot = read(deals({"Stage": "Ｗｏｎ"}, {"Stage": " Won "}, {"Stage": "won"}))
        assert snapshot.deals["crm_state"].to_list() == ["won", "won", "open"]
        assert snapshot.deals["deal_stage"].to_list() == ["Ｗｏｎ", "Won", "won"]

    def test_a_stage_outside_a_full_list_is_set_aside(self) -> None:
        stages = StageMap(won=("Won",), lost=("Lost",), open=("Talking",))
        snapshot = read(deals({"Stage": "Talking"}, {"Stage": "Waiting"}), stages=stages)
        assert letters(snapshot) == [("D2", 3, "Stage", "unknown_stage")]
        assert "'Waiting'" in snapshot.dead_letters["reason"][0]

    def test_a_column_of_states_wins_over_the_stage(self) -> None:
        fields = FIELDS | {"crm_state": {"column": "State", "values": {"gewonnen": "won"}}}
        snapshot = read(
            deals({"State": "gewonnen"}, {"State": "LOST"}, {"State": "open"}, {"State": "?"}), fields=fields
        )
        assert snapshot.deals["crm_state"].to_list() == ["won", "lost", "open"]
        assert letters(snapshot) == [("D4", 5, "State", "unknown_stage")]

    def test_a_constant_state_is_the_same_for_all(self) -> None:
        snapshot = read(deals({}, {}), fields={"deal_id": "Id", "crm_state": {"const": "lost"}})
        assert snapshot.deals["crm_state"].to_list() == ["lost", "lost"]


class TestRepeatedIds:
    def test_the_last_version_stands_and_the_earlier_ones_name_its_line(self) -> None:
        snapshot = read(
            deals({"Id": "D9", "Amount": "1"}, {}, {"Id": "D9", "Amount": "2"}, {"Id": "D9", "Amount": "3"})
        )
        assert snapshot.deals.select("deal_id", "amount").rows() == [("D2", 1000.5), ("D9", 3.0)]
        assert letters(snapshot) == [("D9", 2, None, "duplicate_id"), ("D9", 4, None, "duplicate_id")]
        assert all("line 5" in reason for reason in snapshot.dead_letters["reason"])

    def test_word_for_word_repeats_count_once_and_are_noted(self) -> None:
        snapshot = read(deals({"Id": "D9"}, {"Id": "D9"}, {}))
        assert snapshot.deals["deal_id"].to_list() == ["D9", "D3"]
        assert (snapshot.extracted_deals, snapshot.dead_letters.height) == (2, 0)
        assert "1 record repeats" in snapshot.findings[0].what

    def test_an_old_version_does_not_stand_in_for_a_newer_that_cannot_be_read(self) -> None:
        snapshot = read(deals({"Id": "D9"}, {"Id": "D9", "Closed": "2026-02-30"}))
        assert snapshot.deals.height == 0
        assert letters(snapshot) == [("D9", 2, None, "duplicate_id"), ("D9", 3, "Closed", "bad_date")]
        assert snapshot.extracted_deals == 2

    def test_a_bad_old_version_does_not_harm_a_newer_good_one(self) -> None:
        snapshot = read(deals({"Id": "D9", "Closed": "2026-02-30"}, {"Id": "D9"}))
        assert snapshot.deals["deal_id"].to_list() == ["D9"]
        assert letters(snapshot) == [("D9", 2, "Closed", "bad_date")]


class TestOtherTables:
    FIELDS: ClassVar = {"deal_id": "Deal", "at": "When", "kind": "Type", "done": "Done", "automatic": {"const": "no"}}

    def test_kinds_and_flags_are_understood_in_both_languages(self) -> None:
        rows = [
            {"Deal": "D1", "When": "2026-01-01", "Type": kind, "Done": done}
            for kind, done in [
                ("CALL", "TRUE"),
                ("電話", "はい"),
                ("メール", "×"),
                ("訪問", "0"),
                ("ToDo", None),
                ("?", "有"),
                (None, "No"),
            ]
        ]
        found = read(deals({}), activities=(self.FIELDS, rows)).activities
        assert found["kind"].to_list() == ["call", "call", "email", "meeting", "task", "other", "other"]
        assert found["done"].to_list() == [True, True, False, False, None, True, False]
        assert found["automatic"].to_list() == [False] * 7
        assert found["at"][0] == datetime(2025, 12, 31, 15, tzinfo=UTC)

    def test_bad_rows_are_dead_letters_of_their_own_table(self) -> None:
        rows = [
            {"Deal": "D1", "When": "2026-01-01", "Type": "Call", "Done": "perhaps"},
            {"Deal": "D1", "When": None, "Type": "Call", "Done": "yes"},
        ]
        snapshot = read(deals({}), activities=(self.FIELDS, rows))
        assert letters(snapshot) == [(None, 2, "Done", "bad_flag"), (None, 3, "When", "no_date")]
        assert set(snapshot.dead_letters["table"]) == {"activities"}
        assert (snapshot.deals.height, snapshot.extracted_deals, snapshot.activities.height) == (1, 1, 0)

    def test_of_contacts_with_one_id_the_last_stands(self) -> None:
        rows = [{"C": "C1", "Out": "no"}, {"C": "C1", "Out": "yes"}]
        snapshot = read(deals({}), contacts=({"contact_id": "C", "opted_out": "Out"}, rows))
        assert snapshot.contacts.rows() == [("C1", True)]
        assert letters(snapshot) == [("C1", 2, None, "duplicate_id")]


class TestFormats:
    def test_the_maps_own_values_are_applied_before_reading(self) -> None:
        fields = FIELDS | {
            "closed_on": {"column": "Closed", "values": {"-": "", "n/a": ""}},
            "lost_reason": {"column": "Reason", "values": {"Select": ""}},
        }
        snapshot = read(deals({"Closed": "-", "Reason": "Select"}, {"Closed": " n/a "}), fields=fields)
        assert snapshot.deals["closed_on"].to_list() == [None, None]
        assert snapshot.deals["lost_reason"].to_list() == [None, "予算なし"]

    def test_an_inferred_reading_is_told_and_can_be_declared_for_later(self) -> None:
        rows = deals({"Closed": "22/03/2026"}, {"Closed": "04/03/2026"}, {"Closed": "2026-03-05"})
        snapshot = read(rows)
        assert snapshot.deals["closed_on"].to_list() == [date(2026, 3, 22), date(2026, 3, 4), date(2026, 3, 5)]
        assert [(f.level, f.where) for f in snapshot.findings] == [("note", "deals.closed_on (Closed)")]
        assert 'format: ["iso", "%d/%m/%Y"]' in snapshot.findings[0].fix
        with pytest.raises(AmbiguousError):
            read(rows[1:])
        mapped = Mapped.model_validate({"fields": {"deals": FIELDS}, "stages": STAGES.model_dump()})
        again = normalize(
            Extracted(records={Table.DEALS: raw(rows[1:])}), mapped.declaring(snapshot.readings), timezone=TOKYO
        )
        assert again.deals.equals(snapshot.deals[1:])

    def test_declared_readings_cover_every_undeclared_date_and_amount(self) -> None:
        assert read(deals({})).readings == {
            Table.DEALS: {
                "amount": ("1,234.5",), "created_on": ("iso",), "closed_on": ("iso",), "last_activity_at": ("iso",)
            }
        }  # fmt: skip

    def test_plain_numbers_are_read_again_where_the_others_have_a_decimal_comma(self) -> None:
        rows = deals(*({"Amount": "1.054"} for _ in range(50)), {"Amount": "12,5"})
        assert set(read(rows).deals["amount"].to_list()) == {1054.0, 12.5}

    def test_small_numbers_with_points_only_are_refused(self) -> None:
        with pytest.raises(AmbiguousError, match=r"deals.amount \(Amount\)"):
            read(deals({"Amount": "1.054"}, {"Amount": "2.500"}))

    def test_a_format_that_cannot_be_used_is_refused_before_reading(self) -> None:
        with pytest.raises(InputError, match="cannot tell a date"):
            read(deals({}), fields=FIELDS | {"closed_on": {"column": "Closed", "format": "%H:%M"}})


@pytest.mark.parametrize("fields", [{}, {"deal_id": "Id"}, {"deal_id": "Nowhere", "deal_stage": "Stage"}])
def test_without_id_or_state_there_are_no_deals(fields: dict[str, str]) -> None:
    with pytest.raises(InputError, match="cannot be used without"):
        read(deals({}), fields=fields)


def test_a_constant_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InputError, match="constant"):
        read(deals({}), fields=FIELDS | {"closed_on": {"const": "someday"}})


def test_no_deals_at_all_are_no_error() -> None:
    snapshot = read(deals({}), extracted=partial(_without_rows))
    assert (snapshot.deals.height, snapshot.extracted_deals) == (0, 0)
    assert snapshot.deals.schema["closed_on"] == pl.Date


def _without_rows(records: dict[Table, pl.LazyFrame]) -> Extracted:
    return Extracted(records={table: frame.filter(pl.lit(value=False)) for table, frame in records.items()})


def test_what_extract_set_aside_counts_as_extracted() -> None:
    lost = dead_letters([{"stage": "extract", "table": "deals", "line": 9, "code": "ragged", "reason": "r"},
        {"stage": "extract", "table": "contacts", "line": 9, "code": "ragged", "reason": "r"}])  # fmt: skip
    snapshot = read(deals({}), extracted=partial(Extracted, set_aside=lost))
    assert snapshot.extracted_deals == 2
    assert snapshot.dead_letters.height == 2


def test_a_source_that_fails_while_it_is_read_is_named() -> None:
    broken = raw(deals({})).with_columns(pl.col("Amount").str.to_integer().cast(pl.String))
    with pytest.raises(InputError, match="The deals cannot be read"):
        normalize(
            Extracted(records={Table.DEALS: broken}),
            Mapped.model_validate({"fields": {"deals": FIELDS}}),
            timezone=TOKYO,
        )


def test_lines_are_the_records_own() -> None:
    frame = raw(deals({}, {"Amount": "x"})).with_columns(pl.Series(LINE, [40, 70], dtype=pl.UInt64))
    mapped = Mapped.model_validate({"fields": {"deals": FIELDS}})
    assert normalize(Extracted(records={Table.DEALS: frame}), mapped, timezone=TOKYO).dead_letters[
        "line"
    ].to_list() == [70]

"""The writing door: own tables beside the input, one effect per key, three-way undo, drift seen on reading back."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from recyclekit.connectors import FindsByKey, ReadsBack, Sink, Undoes
from recyclekit.connectors.csv import own_tables
from recyclekit.connectors.csv.settings import CsvSettings
from recyclekit.connectors.csv.sink import CsvSink
from recyclekit.connectors.csv.source import CsvSource
from recyclekit.errors import ConnectorError, InputError, LeaseError, RetryableError
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import ReceiptState
from recyclekit.models.tables import Table
from tests.connectors.csv.files import put

DEALS = "deal_id,stage\nD1,lost\nD2,lost\nD3,won\n"
TASK = {"subject": "Call D1", "due_on": "2026-12-01", "channel": "phone", "owner": "u1", "step": "first", "confirm": 1}


def action(kind: ActionKind, deal: str = "D1", key: str | None = None, **payload: object) -> Action:
    return Action(key=key or f"main:{deal}:1:{kind}", kind=kind, deal_id=deal, cycle=1, step=None, payload=payload)


def set_fields(deal: str = "D1", run: str = "r1", **payload: object) -> Action:
    return action(ActionKind.SET_FIELDS, deal, f"main:{deal}:1:fields:{run}", **payload)


def restore(deal: str, back: Mapping[str, object], expect: Mapping[str, object]) -> Action:
    return action(ActionKind.RESTORE_FIELDS, deal, f"undo:{deal}", **back, expect=expect)


@pytest.fixture(autouse=True, params=["small", "large"])
def columns_are_kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever holds, holds for tables whose columns are kept beside them as well."""
    if request.param == "large":
        monkeypatch.setattr(own_tables, "COLUMNS_FROM", 0)


@pytest.fixture
def sink(tmp_path: Path) -> CsvSink:
    put(tmp_path / "deals.csv", DEALS)
    return CsvSink(CsvSettings(deals=Path("deals.csv")), tmp_path)


def own(tmp_path: Path, name: str) -> Path:
    return tmp_path / "deals.recyclekit" / f"{name}.csv"


def states(receipts: object) -> list[str]:
    return [str(receipt.state) for receipt in receipts]  # type: ignore[attr-defined]  # receipts of any door


def test_it_is_all_that_a_stand_in_crm_must_be(sink: CsvSink) -> None:
    for door in (Sink, ReadsBack, FindsByKey, Undoes):
        assert isinstance(sink, door)


def test_a_batch_lands_in_three_readable_tables_and_the_input_stays(sink: CsvSink, tmp_path: Path) -> None:
    receipts = sink.write(
        [
            set_fields(recycle_track="timing", recycle_cycle=1, recycle_hook="予算, 来期\n「再開」"),
            action(ActionKind.CREATE_TASK, **TASK),
            action(ActionKind.ENROL, track="newsletter", list="L1", from_on="2026-12-01"),
        ]
    )

    assert states(receipts) == ["done"] * 3
    assert all(receipt.remote_id and receipt.proof for receipt in receipts)
    assert (tmp_path / "deals.csv").read_text() == DEALS
    assert own(tmp_path, "fields").read_bytes().startswith(b"\xef\xbb\xbfdeal_id,recycle_track,")
    task = pl.read_csv(own(tmp_path, "tasks")).row(0, named=True)
    assert (task["status"], task["subject"], task["further"]) == ("open", "Call D1", '{"confirm": 1}')
    assert pl.read_csv(own(tmp_path, "enrolments")).row(0, named=True)["list"] == "L1"
    there = {path.name for path in (tmp_path / "deals.recyclekit").iterdir()}
    assert there - {".fields.parquet"} == {".lock", "enrolments.csv", "fields.csv", "tasks.csv"}


def test_reading_again_shows_what_was_written(sink: CsvSink, tmp_path: Path) -> None:
    sink.write([set_fields(recycle_track="timing", recycle_cycle=1)])
    sink.write([set_fields(run="r2", recycle_track=None, recycle_rule="x"), set_fields("D2", recycle_track="price")])
    frame, _ = CsvSource(CsvSettings(deals=Path("deals.csv")), tmp_path).scan(
        Table.DEALS, ["deal_id", "recycle_track", "recycle_cycle", "recycle_rule"]
    )

    assert frame.collect().rows() == [
        (2, "D1", None, "1", "x"),
        (3, "D2", "price", None, None),
        (4, "D3", None, None, None),
    ]


def test_the_same_key_twice_has_one_effect(sink: CsvSink, tmp_path: Path) -> None:
    batch = [set_fields(recycle_track="a"), action(ActionKind.CREATE_TASK, **TASK), action(ActionKind.ENROL, list="L")]
    first = sink.write([*batch, *batch])
    before = {name: own(tmp_path, name).stat().st_mtime_ns for name in ("fields", "tasks", "enrolments")}
    again = CsvSink(CsvSettings(deals=Path("deals.csv")), tmp_path).write(batch)

    assert list(first[:3]) == list(first[3:]) == list(again)
    assert before == {name: own(tmp_path, name).stat().st_mtime_ns for name in before}


def test_an_older_key_written_again_does_not_bring_old_values_back(sink: CsvSink) -> None:
    old, new = set_fields(recycle_track="old"), set_fields(run="r2", recycle_track="new")
    sink.write([old])
    sink.write([new])

    assert states(sink.write([old])) == ["done"]
    assert sink.read_back(["D1"], {Table.DEALS: ["recycle_track"]})[Table.DEALS].rows() == [(2, "new")]


def test_find_tells_done_from_absent(sink: CsvSink) -> None:
    batch = [set_fields(recycle_track="a"), action(ActionKind.CREATE_TASK, **TASK), action(ActionKind.ENROL, list="L")]
    assert states(sink.find(batch)) == ["planned"] * 3
    sink.write(batch)

    assert states(sink.find(batch)) == ["done"] * 3
    assert states(sink.find([replace(batch[0], key="other")])) == ["planned"]


def test_a_field_that_is_not_ours_fails_alone(sink: CsvSink) -> None:
    receipts = sink.write([set_fields(stage="won"), set_fields("D2", recycle_track="a")])

    assert states(receipts) == ["failed", "done"]
    assert (receipts[0].code, receipts[0].field) == ("unknown_field", "stage")


def test_undo_puts_everything_back_that_nobody_touched(sink: CsvSink, tmp_path: Path) -> None:
    task, enrolment = action(ActionKind.CREATE_TASK, **TASK), action(ActionKind.ENROL, list="L")
    sink.write([set_fields(recycle_track="a", recycle_cycle=1), task, enrolment])
    undo = [
        restore("D1", {"recycle_track": None, "recycle_cycle": None}, {"recycle_track": "a", "recycle_cycle": 1}),
        replace(task, key="undo:task", kind=ActionKind.REMOVE_TASK, remote_id=task.key),
        replace(enrolment, key="undo:enrol", kind=ActionKind.UNENROL, remote_id=enrolment.key),
    ]

    assert states(sink.undo(undo)) == ["done"] * 3
    assert states(sink.undo(undo)) == ["done"] * 3
    assert states(sink.find(undo)) == ["done"] * 3
    assert sink.read_back(["D1"], {Table.DEALS: ["recycle_track"]})[Table.DEALS].rows() == [(2, None)]
    assert pl.read_csv(own(tmp_path, "tasks")).height == pl.read_csv(own(tmp_path, "enrolments")).height == 0
    assert states(sink.write([task])) == ["done"]
    assert pl.read_csv(own(tmp_path, "tasks")).height == 1


def test_undo_leaves_a_field_that_a_person_changed(sink: CsvSink, tmp_path: Path) -> None:
    sink.write([set_fields(recycle_track="a", recycle_owner="u1"), set_fields("D2", recycle_track="a")])
    path = own(tmp_path, "fields")
    path.write_text(path.read_text("utf-8-sig").replace("u1", "u9"), encoding="utf-16")
    undo = [
        restore("D1", {"recycle_track": None, "recycle_owner": None}, {"recycle_track": "a", "recycle_owner": "u1"}),
        restore("D2", {"recycle_track": None}, {"recycle_track": "a"}),
    ]
    receipts = sink.undo(undo)

    assert states(receipts) == ["skipped", "done"]
    assert receipts[0].field == "recycle_owner"
    assert "A person changed recycle_owner" in receipts[0].reason
    assert sink.read_back(["D1"], {Table.DEALS: ["recycle_track", "recycle_owner"]})[Table.DEALS].rows() == [
        (2, "a", "u9")
    ]


@pytest.mark.parametrize(("old", "new"), [("open", "done"), ("2026-12-01", "2026-12-24"), ("phone", "mail")])
def test_undo_leaves_a_task_that_a_person_touched(sink: CsvSink, tmp_path: Path, old: str, new: str) -> None:
    task = action(ActionKind.CREATE_TASK, **TASK)
    sink.write([task])
    put(own(tmp_path, "tasks"), own(tmp_path, "tasks").read_bytes().decode("utf-8-sig").replace(old, new, 1), "cp932")
    receipt = sink.undo([replace(task, key="undo", kind=ActionKind.REMOVE_TASK, remote_id=task.key)])[0]

    assert receipt.state is ReceiptState.SKIPPED
    assert new in own(tmp_path, "tasks").read_text("cp932")


def test_columns_that_a_person_added_survive_our_writes(sink: CsvSink, tmp_path: Path) -> None:
    sink.write([set_fields(recycle_track="a")])
    frame = pl.read_csv(own(tmp_path, "fields"), infer_schema=False).with_columns(memo=pl.lit("mine")).drop("keys")
    frame.write_csv(own(tmp_path, "fields"))
    sink.write([set_fields("D2", recycle_track="b")])

    after = pl.read_csv(own(tmp_path, "fields"), infer_schema=False)
    assert after["memo"].to_list() == ["mine", None]
    assert after["recycle_track"].to_list() == ["a", "b"]


@pytest.mark.parametrize(
    "text", ["=1+1", "+81 3", "-x", "@a", "\t=x", "＝１", "'=x", "''+", "-5", "+1,000.5", "'", "x"]
)
def test_formulas_are_disarmed_on_disk_and_read_back_exactly(sink: CsvSink, tmp_path: Path, text: str) -> None:
    sink.write([set_fields(recycle_hook=text)])
    raw = pl.read_csv(own(tmp_path, "fields"), infer_schema=False)["recycle_hook"][0]

    assert raw[0] not in "=@\t＝"
    assert raw[0] not in "+-" or raw.strip("+-").replace(",", "").replace(".", "").isdigit()
    assert sink.read_back(["D1"], {Table.DEALS: ["recycle_hook"]})[Table.DEALS]["recycle_hook"].to_list() == [text]


def test_read_back_gives_the_deals_asked_for_as_they_are_now(sink: CsvSink, tmp_path: Path) -> None:
    put(tmp_path / "calls.csv", "deal,at\nD1,2026-01-01\nD9,2026-01-02\n")
    sink = CsvSink(CsvSettings(deals=Path("deals.csv"), activities=Path("calls.csv")), tmp_path)
    columns = {Table.DEALS: ["deal_id", "stage", "recycle_track"], Table.ACTIVITIES: ["deal"], Table.CONTACTS: ["x"]}
    first = sink.read_back(["D3", "D1", "gone"], columns)
    put(tmp_path / "deals.csv", DEALS.replace("D1,lost", "D1,won!"))
    second = sink.read_back(["D1"], columns)

    assert first[Table.DEALS].rows() == [(2, "D1", "lost", None), (4, "D3", "won", None)]
    assert first[Table.ACTIVITIES].rows() == [(2, "D1"), (3, "D9")]
    assert Table.CONTACTS not in first
    assert second[Table.DEALS].rows() == [(2, "D1", "won!", None)]


def test_a_full_disk_leaves_everything_as_it_was(
    sink: CsvSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = [set_fields(recycle_track="a"), action(ActionKind.CREATE_TASK, **TASK)]
    sink.write(batch)
    before = {path.name: path.read_bytes() for path in (tmp_path / "deals.recyclekit").iterdir()}
    calls = iter(range(100))

    def full(number: int) -> None:
        if next(calls) == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RetryableError, match=r"disk of .* is full"):
        sink.write([set_fields("D2", recycle_track="a"), action(ActionKind.CREATE_TASK, "D2", **TASK)])

    assert {path.name: path.read_bytes() for path in (tmp_path / "deals.recyclekit").iterdir()} == before


def test_a_table_that_a_person_saves_at_the_same_moment_is_not_overwritten(
    sink: CsvSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink.write([set_fields(recycle_track="a")])
    really = os.fsync

    def save_meanwhile(number: int) -> None:
        really(number)
        put(own(tmp_path, "fields"), "deal_id,recycle_track\nD1,theirs\n")

    monkeypatch.setattr(os, "fsync", save_meanwhile)
    with pytest.raises(RetryableError, match="saved by somebody at the same moment"):
        sink.write([set_fields("D2", recycle_track="b")])
    monkeypatch.undo()

    assert states(sink.write([set_fields("D2", recycle_track="b")])) == ["done"]
    rows = sink.read_back(["D1", "D2"], {Table.DEALS: ["recycle_track"]})[Table.DEALS].rows()
    assert rows == [(2, "theirs"), (3, "b")]


def test_a_second_writer_is_kept_out(sink: CsvSink, tmp_path: Path) -> None:
    other = CsvSink(CsvSettings(deals=Path("deals.csv")), tmp_path)

    with sink._own.alone(), pytest.raises(LeaseError, match="Another process is writing"):
        other.write([set_fields(recycle_track="a")])


def test_an_own_table_broken_by_hand_is_found_before_the_run(sink: CsvSink, tmp_path: Path) -> None:
    sink.write([set_fields(recycle_track="a")])
    with own(tmp_path, "fields").open("a") as file:
        file.write('D2,"oops\n')
    findings = sink.preflight([ActionKind.SET_FIELDS])

    assert [finding.level for finding in findings] == ["error"]
    assert "line 3" in findings[0].what
    with pytest.raises(InputError, match="Somebody edited the file"):
        sink.write([set_fields("D3", recycle_track="a")])


def test_preflight_finds_nothing_where_all_is_well(sink: CsvSink, tmp_path: Path) -> None:
    assert list(sink.preflight(list(ActionKind))) == []
    assert not (tmp_path / "deals.recyclekit").exists()


def test_preflight_names_what_stands_in_the_way(tmp_path: Path) -> None:
    put(tmp_path / "deals.csv", "ID\n1\n")
    put(tmp_path / "file", "")
    sink = CsvSink(CsvSettings(deals=Path("deals.csv"), own_tables=Path("file/own")), tmp_path)
    whats = [finding.what for finding in sink.preflight([ActionKind.SET_FIELDS])]

    assert whats[0] == "The folder cannot be written."
    assert any("No column is known as the deal's id" in what for what in whats)


def test_only_its_own_folder_is_made(tmp_path: Path) -> None:
    put(tmp_path / "deals.csv", DEALS)
    sink = CsvSink(CsvSettings(deals=Path("deals.csv"), own_tables=Path("nowhere/own")), tmp_path)
    assert [finding.what for finding in sink.preflight([])] == [f"There is no folder {tmp_path / 'nowhere'}."]
    with pytest.raises(RetryableError, match="No such file"):
        sink.write([set_fields(recycle_track="timing")])
    assert not (tmp_path / "nowhere").exists()


def test_calls_are_counted_in_batches(tmp_path: Path) -> None:
    sink = CsvSink(CsvSettings(deals=Path("deals.csv"), batch_size=10), tmp_path)

    assert sink.calls({}) == 0
    assert sink.calls({ActionKind.SET_FIELDS: 11, ActionKind.ENROL: 9}) == 2
    with pytest.raises(ConnectorError, match="at most 10"):
        sink.write([set_fields(recycle_track="a")] * 11)


def test_columns_kept_beside_a_table_count_only_for_the_file_they_were_written_to(
    sink: CsvSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_tables, "COLUMNS_FROM", 1)
    sink.write([set_fields(recycle_track="timing")])
    path, columns = own(tmp_path, "fields"), tmp_path / "deals.recyclekit" / ".fields.parquet"
    tables = own_tables.OwnTables(path.parent)
    assert tables.table("fields").equals(own_tables._read(path))

    path.write_bytes(path.read_bytes().replace(b"timing", b"budget"))
    assert own_tables.OwnTables(path.parent).table("fields")["recycle_track"].to_list() == ["budget"]

    columns.write_bytes(b"PAR1 cut short")
    assert own_tables.OwnTables(path.parent).table("fields")["recycle_track"].to_list() == ["budget"]

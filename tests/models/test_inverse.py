"""The inverse of a run's writes."""

from __future__ import annotations

import json

import polars as pl

from recyclekit.models.inverse import NOT_UNDOABLE, inverse, undone_key

ROW = {
    "key": "main:D1:1:first", "kind": "create_task", "deal_id": "D1", "cycle": 1, "step": "first", "change": "+",
    "rule": "lost", "track": "timing", "payload": '{"due_on":"2026-01-05"}', "before": None, "fingerprint": "f",
    "remote_id": "77",
}  # fmt: skip
OWN = {
    "key": "main:D1:1:fields:r1", "kind": "set_fields", "payload": '{"recycle_track":"timing","recycle_owner":null}',
    "before": '{"recycle_track":"old","recycle_cycle":2}',
}  # fmt: skip


def payloads(*rows: dict[str, object]) -> list[tuple[str, str, dict[str, object]]]:
    found = inverse("u1", pl.DataFrame([{**ROW, **row} for row in rows], infer_schema_length=None))
    return [(row["key"], row["kind"], json.loads(row["payload"])) for row in found.iter_rows(named=True)]


def test_writes_are_taken_back_last_first() -> None:
    assert [key for key, _, _ in payloads(ROW, OWN)] == ["undo:u1:main:D1:1:fields:r1", "undo:u1:main:D1:1:first"]
    assert undone_key("u1", "undo:u1:main:D1:1:first") == "main:D1:1:first"


def test_fields_go_back_to_what_they_were_where_they_still_hold_ours() -> None:
    _, kind, payload = payloads(OWN)[0]
    assert kind == "restore_fields"
    assert payload == {
        "recycle_track": "old",
        "recycle_owner": None,
        "expect": {"recycle_track": "timing", "recycle_owner": None},
    }


def test_a_task_is_removed_by_its_id_and_key() -> None:
    found = inverse("u1", pl.DataFrame([ROW])).row(0, named=True)
    assert (found["kind"], found["remote_id"]) == ("remove_task", "77")
    assert json.loads(found["payload"]) == {"due_on": "2026-01-05", "key": "main:D1:1:first"}
    assert payloads({"kind": "enrol"})[0][1] == "unenrol"


def test_what_has_no_way_back_says_so() -> None:
    assert payloads({**OWN, "before": None})[0][2] == {NOT_UNDOABLE: "the old values are not known"}
    assert "no way back" in str(payloads({"kind": "remove_task"})[0][2][NOT_UNDOABLE])


def test_fields_stay_where_the_task_they_promise_was_removed() -> None:
    found = payloads(OWN, {"kind": "remove_task", "key": "main:D1:gone"}, {**OWN, "deal_id": "D2"})
    assert [NOT_UNDOABLE in payload for _, _, payload in found] == [False, True, True]


def test_an_overdue_task_that_was_overtaken_stays_removed_and_the_rest_goes_back() -> None:
    gone = {"kind": "remove_task", "key": "main:D1:gone", "payload": '{"key":"main:D1:1:first","overtaken":true}'}
    found = payloads(OWN, gone, ROW)
    assert [(kind, NOT_UNDOABLE in payload) for _, kind, payload in found] == [
        ("remove_task", False), ("remove_task", True), ("restore_fields", False),
    ]  # fmt: skip
    assert "overdue" in str(found[1][2][NOT_UNDOABLE])

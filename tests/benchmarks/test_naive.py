"""A comparison is fair where both sides give the same result: the model per row decides and writes what the plan does.

Only the reading of free text differs: there, keywords stand for the product's classifier.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from recyclekit.models.plan import Plan
from recyclekit.project import open_project
from recyclekit.samples.bulk import generate_bulk
from tests.benchmarks import pipeline_naive
from tests.benchmarks.pipeline_data import _write_file
from tests.benchmarks.pipeline_floor import AS_OF

ROWS = 3_000
FREE_TEXT = ("text", "unclear")
Row = dict[str, Any]


class Both(NamedTuple):
    """The decisions of both sides by deal, and their writes by deal and what they are."""

    plan: dict[str, Row]
    naive: dict[str, Row]
    plan_writes: dict[tuple[str, ...], Row]
    naive_writes: dict[tuple[str, ...], Row]

    @property
    def alike(self) -> set[str]:
        """The deals on which no difference in reading free text bears."""
        return {
            deal
            for deal, row in self.plan.items()
            if (row["reason"], row["reason_source"]) == (self.naive[deal]["reason"], self.naive[deal]["reason_source"])
        }


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("naive")
    return _both(generate_bulk(folder / "deals.csv", ROWS))


def test_both_decide_on_the_same_deals(both: Both) -> None:
    assert both.plan.keys() == both.naive.keys()
    assert len(both.plan) == ROWS


def test_only_free_text_is_read_differently(both: Both) -> None:
    apart = both.plan.keys() - both.alike
    assert {both.plan[deal]["reason_source"] for deal in apart} <= {*FREE_TEXT}
    assert {both.naive[deal]["reason_source"] for deal in apart} <= {*FREE_TEXT}
    sure = [row for row in both.plan.values() if row["reason_source"] not in FREE_TEXT]
    assert len(sure) > 0.7 * ROWS


def test_the_decisions_are_equal_in_all_fields(both: Both) -> None:
    fields = pipeline_naive.Decision.model_fields
    expected = {deal: {name: both.plan[deal][name] for name in fields} for deal in both.alike}
    assert {deal: both.naive[deal] for deal in both.alike} == expected


def test_every_kind_of_decision_is_among_those_compared(both: Both) -> None:
    rows = [both.plan[deal] for deal in both.alike]
    assert {row["status"] for row in rows} == {"won", "lost", "stalled", "open", "undated"}
    assert {row["bucket"] for row in rows} == {"scheduled", "waiting", "excluded", "review", "none"}
    timed = {row["track"] for row in rows if row["next_approach_on"]}
    assert timed >= {"stalled", "named_date", "rival_contract", "other_door", "next_budget", "newsletter", "pending"}


def test_the_writes_are_equal(both: Both) -> None:
    expected = {key: row for key, row in both.plan_writes.items() if row["deal_id"] in both.alike}
    found = {key: row for key, row in both.naive_writes.items() if row["deal_id"] in both.alike}
    assert found == expected
    assert {row["kind"] for row in expected.values()} == {"create_task", "enrol", "set_fields"}
    assert {row["payload"].get("step") for row in expected.values()} >= {"ask", "enrol", "call"}


def test_ragged_rows_repeated_ids_and_blanks(tmp_path: Path) -> None:
    path = generate_bulk(tmp_path / "deals.csv", 200)
    blanks = path.read_text(encoding="utf-8").replace(",Closed Lost,", ", Closed Lost ,").replace(",fs-", ", fs-")
    lines = blanks.splitlines()
    again = next(line for line in lines if ",Closed Won," in line)
    bad = lines[20].split(",")
    bad[lines[0].split(",").index("amount")] = "many"
    lines[30:30] = [f"{lines[3]},too,long", "D-ragged,breaks off"]
    lines += [again.replace("Closed Won", "Closed Lost"), ",".join(bad)]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    both = _both(path)
    assert both.plan.keys() == both.naive.keys()
    assert len(both.plan) == 199  # without the one whose last version cannot be read
    assert both.plan[again.split(",")[0]]["status"] == "lost"
    for deal in both.alike:
        assert both.naive[deal].items() <= both.plan[deal].items()
    assert {row["status"] for row in both.naive.values()} == {"won", "lost", "stalled", "open", "undated"}
    assert pipeline_naive.decide(path, len(lines)) == len(both.naive_writes)
    assert len(pipeline_naive.decisions(path, 10)) == 10


def _both(path: Path) -> Both:
    _write_file(path.parent, {"deals": path.name})
    made = open_project(path.parent).job(None, date(2026, 11, 22)).plan()
    assert made.manifest.as_of == AS_OF
    decided, actions = pipeline_naive.plan(path, 10 * ROWS)
    naive = {decision.deal_id: decision.model_dump() for decision in decided}
    return Both(
        {row["deal_id"]: row for row in made.decisions.iter_rows(named=True)},
        naive,
        _plan_writes(made),
        _by_key(json.loads(action) for action in actions),
    )


def _plan_writes(made: Plan) -> dict[tuple[str, ...], Row]:
    return _by_key(
        {**row, "payload": json.loads(row["payload"]), "before": json.loads(row["before"] or "null")}
        for row in made.actions.iter_rows(named=True)
    )


def _by_key(writes: Iterable[Row]) -> dict[tuple[str, ...], Row]:
    """Return writes by the parts of their keys without the run, which those of our own fields bear at the end."""
    found = {}
    for row in writes:
        key = tuple(row["key"].split(":")[:4])
        assert key not in found
        found[key] = {name: row[name] for name in ("kind", "deal_id", "payload", "before")}
    return found

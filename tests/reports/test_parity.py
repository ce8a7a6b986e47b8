"""Two systems side by side: alike, or told in words where they are not."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from recyclekit.models.decision import SCHEDULED
from recyclekit.models.tables import DealSchema
from recyclekit.reports.parity import Side, as_json, compare

DEAL = {"deal_id": "1", "external_id": "X1", "crm_state": "lost", "amount": 100.0, "lost_reason": "no budget"}
DECIDED = {
    "deal_id": "1", "status": "lost", "reason": "no_budget", "verdict": "recycle", "rule": "recycle_no_budget",
    "track": "next_budget", "next_approach_on": date(2026, 4, 1), "owner": "anna",
}  # fmt: skip


def side(name: str, *rows: tuple[dict[str, Any], dict[str, Any]], number: int = 0) -> Side:
    """Deals under ids of this system's own: `number` is added to each."""
    deals = [{**DEAL, **deal, "deal_id": str(number + place)} for place, (deal, _) in enumerate(rows)]
    decided = [{**DECIDED, **made, "deal_id": str(number + place)} for place, (_, made) in enumerate(rows)]
    columns = {name: DealSchema.create_empty().schema[name] for deal in deals for name in deal}
    return Side(name=name, deals=pl.DataFrame(deals, schema=columns), decisions=pl.DataFrame(decided, schema=SCHEDULED))


def test_the_same_deals_under_other_ids_are_the_same() -> None:
    found = compare(side("csv", ({}, {})), side("hubspot", ({}, {}), number=900))
    assert found.is_same
    assert (found.compared, found.differences.height) == (1, 0)


def test_what_differs_is_told_with_what_the_systems_hold_differently() -> None:
    found = compare(
        side("csv", ({}, {})), side("crm", ({"lost_reason": "価格"}, {"reason": "price", "verdict": "exclude"}))
    )
    assert not found.is_same
    assert found.by_column["reason"] == found.by_column["verdict"] == 1
    row = found.differences.filter(pl.col("column") == "reason").row(0, named=True)
    assert (row["deal"], row["a"], row["b"]) == ("X1", "no_budget", "price")
    assert row["inputs"] == "lost_reason: no budget / 価格"


def test_a_date_that_only_one_side_has_differs() -> None:
    found = compare(side("a", ({}, {})), side("b", ({}, {"next_approach_on": None, "owner": None})))
    assert {row["column"] for row in found.differences.to_dicts()} == {"next_approach_on", "owner"}
    assert {row["b"] for row in found.differences.to_dicts()} == {None}


def test_deals_of_one_side_only_are_listed() -> None:
    found = compare(side("a", ({}, {}), ({"external_id": "X2"}, {})), side("b", ({}, {}), ({"external_id": "X3"}, {})))
    assert (found.only_a, found.only_b, found.compared) == (["X2"], ["X3"], 1)
    assert not found.is_same


def test_an_id_that_stands_for_two_deals_is_not_compared() -> None:
    found = compare(side("a", ({}, {}), ({}, {})), side("b", ({}, {})))
    assert (found.ambiguous, found.compared, found.is_same) == (["X1"], 0, False)


def test_without_an_external_id_the_deals_own_id_joins() -> None:
    found = compare(side("a", ({"external_id": None}, {}), number=5), side("b", ({"external_id": "5"}, {}), number=7))
    assert found.is_same


def test_what_a_system_cannot_express_is_listed_not_hidden() -> None:
    found = compare(side("csv", ({"need_type": 3, "hook": "spring"}, {})), side("crm", ({}, {})))
    assert (found.lacks_a, found.lacks_b) == ([], ["need_type", "hook"])
    assert found.is_same


def test_it_prints_as_json() -> None:
    told = as_json(compare(side("a", ({}, {})), side("b", ({}, {"owner": "ben"}))))
    assert told["same"] is False
    assert told["differences"] == [{"deal": "X1", "column": "owner", "a": "anna", "b": "ben", "inputs": ""}]

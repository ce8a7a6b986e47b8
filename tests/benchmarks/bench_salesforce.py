"""Reading Salesforce into columns: Bulk API 2.0 against pages of JSON, on the sandbox; a ratio of one run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from statistics import median

from tests.benchmarks.crm_server import crm_server
from tests.benchmarks.figure import Figure
from tests.benchmarks.measured import Cost, cost

DEALS, ROUNDS = 100_000, 3


def measure() -> Iterator[Figure]:
    found: dict[str, list[Cost]] = {"salesforce_json": [], "salesforce_bulk": []}
    with crm_server("salesforce", DEALS) as settings:
        for _ in range(ROUNDS):
            for case, costs in found.items():
                costs.append(cost("tests.benchmarks.connector_cases", case, json.dumps(settings)))
    pages, bulk = (
        median(1e6 * one.answer["cpu"] / one.answer["records"] for one in found[case]) for case in found
    )  # fmt: skip
    note = f"processor time a record, {DEALS:,} deals; {bulk:.1f} microseconds by Bulk 2.0"
    yield Figure(name="JSON pages / Bulk 2.0", value=pages / bulk, bar=2.5, better="higher", note=note)
    for case, name in (("salesforce_json", "in pages of JSON"), ("salesforce_bulk", "by Bulk 2.0")):
        peak = max(one.peak for one in found[case])
        yield Figure(name=f"peak memory of reading {name}", value=peak, unit="MB", bar=150)

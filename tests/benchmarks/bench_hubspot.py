"""Reading and writing HubSpot, against a bare loop, the vendor's SDK and dlt, on the sandbox: ratios of one run."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from statistics import median
from typing import Any

import urllib3

from tests.benchmarks.connector_cases import PROPERTIES
from tests.benchmarks.crm_server import crm_server
from tests.benchmarks.figure import Figure
from tests.benchmarks.measured import Cost, cost
from tests.benchmarks.rivals import ask_rival

CASES = "tests.benchmarks.connector_cases"
DEALS, ROUNDS = 100_000, 3
FAR, ONE_BY_ONE = 0.15, 10_000
"""Seconds of an answer's way, and the deals that the fallback reads over it: it takes three times as long."""
NEAR, UPDATES = 0.05, 60_000
OTHERS = {
    "meltano-tap-hubspot==0.10.1": "rival_tap_hubspot.py",
    "airbyte-cdk==7.39.1": "rival_airbyte.py",
}
BURST, WINDOW, PAGE = 190, 10, 100


def measure() -> Iterator[Figure]:
    refused: list[int] = []
    yield from _reading()
    yield from _far_away(refused)
    yield from _writing(refused)
    yield Figure(name="calls refused with a 429", value=sum(refused), unit="calls", bar=0, note="all that is far away")


def _reading() -> Iterator[Figure]:
    found: dict[str, list[Cost]] = {}
    with crm_server("hubspot", DEALS) as settings:
        for _ in range(ROUNDS):
            for case in ("hubspot_bare", "hubspot_ours"):
                found.setdefault(case, []).append(_cost(case, settings))
        found["hubspot_sdk"] = [_cost("hubspot_sdk", settings)]
        asked = json.dumps(settings), ",".join(PROPERTIES)
        dlt = ask_rival("dlt[filesystem,parquet]==1.31.0", "rival_dlt.py", *asked)
        others = {package: ask_rival(package, script, *asked) for package, script in OTHERS.items()}
    ours, bare = (_per_record([one.answer for one in found[case]]) for case in ("hubspot_ours", "hubspot_bare"))
    sdk = _per_record([found["hubspot_sdk"][0].answer])
    peak = max(one.peak for one in found["hubspot_ours"])
    what = f"processor time a record, {DEALS:,} deals, page after page; {ours:.1f} microseconds here"
    yield Figure(name="reading / a bare urllib3 loop", value=ours / bare, bar=1.25, note=what)
    yield Figure(name="hubspot-api-client get_all / reading", value=sdk / ours, bar=10, better="higher")
    if dlt is not None:
        note = "a pipeline from rest_api into Parquet files"
        yield Figure(name="dlt rest_api / reading", value=_per_record([dlt]) / ours, bar=8, better="higher", note=note)
        bare_records = 1e6 * dlt["cpu_of_source"] / dlt["records"]
        yield Figure(name="dlt rest_api's source alone / reading", value=bare_records / ours, note="dicts, no columns")
    for package, answer in others.items():
        if answer is not None:
            name = f"{package.partition('==')[0]} / reading"
            yield Figure(name=name, value=_per_record([answer]) / ours, note="its messages, written into a file")
    yield Figure(name="peak memory of reading", value=peak, unit="MB", bar=150)


def _far_away(refused: list[int]) -> Iterator[Figure]:
    with crm_server("hubspot", DEALS, latency=FAR, limited=True, refused=refused) as settings:
        _warm_up(settings)
        ranges = _cost("hubspot_ranges", {**settings, "burst": BURST})
    bound = _bound(math.ceil(DEALS / PAGE), FAR)
    note = f"{DEALS:,} deals, {FAR * 1000:.0f} ms away, {BURST} calls in {WINDOW} s; the limit allows {bound:.1f} s"
    yield Figure(name="reading in ranges / the limit", value=ranges.answer["wall"] / bound, bar=1.1, note=note)
    yield Figure(name="peak memory of reading in ranges", value=ranges.peak, unit="MB", bar=150)
    with crm_server("hubspot", ONE_BY_ONE, latency=FAR, limited=True, refused=refused) as settings:
        one_by_one = _cost("hubspot_ours", {**settings, "burst": BURST})
    paces = one_by_one.answer["wall"] / math.ceil(ONE_BY_ONE / PAGE), WINDOW / BURST
    note = f"the fallback: seconds a call, over {ONE_BY_ONE:,} deals"
    yield Figure(name="reading by one cursor / the limit", value=paces[0] / paces[1], note=note)


def _writing(refused: list[int]) -> Iterator[Figure]:
    with crm_server("hubspot", UPDATES, latency=NEAR, limited=True, refused=refused) as settings:
        took = _cost("hubspot_write", settings)
    bound = _bound(math.ceil(UPDATES / PAGE), NEAR)
    assert took.answer["records"] == UPDATES, took.answer
    note = f"{UPDATES:,} updates, {NEAR * 1000:.0f} ms away; the limit allows {bound:.1f} s"
    yield Figure(name="writing / the limit", value=took.answer["wall"] / bound, bar=1.03, note=note)


def _warm_up(settings: dict[str, Any]) -> None:
    """Let the sandbox sort its records by id once, which the vendor's index has done long before anybody asks."""
    headers = {"Authorization": f"Bearer {settings['token']}"}
    for direction in ("ASCENDING", "DESCENDING"):
        body = {"sorts": [{"propertyName": "hs_object_id", "direction": direction}], "limit": 1, "properties": []}
        url = f"{settings['url']}/crm/v3/objects/deals/search"
        assert urllib3.request("POST", url, json=body, headers=headers).status == 200


def _bound(calls: int, latency: float) -> float:
    """Return the seconds that so many calls take at least: each full window must end before the next begins."""
    return (calls - 1) // BURST * WINDOW + latency


def _cost(case: str, settings: dict[str, Any]) -> Cost:
    return cost(CASES, case, json.dumps(settings))


def _per_record(answers: list[dict[str, Any]]) -> float:
    """Return microseconds of processor time a record; the median of the rounds."""
    return median(1e6 * answer["cpu"] / answer["records"] for answer in answers)

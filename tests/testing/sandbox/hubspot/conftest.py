"""A HubSpot account for each test, with a few records, and a plain client that says nothing of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
import urllib3

from recyclekit.testing.sandbox import StillClock
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox

SEED = 20261122
OBJECTS = "/crm/v3/objects"


@dataclass(frozen=True)
class Said:
    """An answer: its status, its JSON (None where it is none), its headers."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def ids(self) -> list[str]:
        return [one["id"] for one in self.body["results"]]


class Api:
    """Plain calls with the token of the sandbox, or another."""

    def __init__(self, crm: HubSpotSandbox) -> None:
        self.crm, self.token = crm, crm.token
        self.pool = urllib3.PoolManager(retries=False, timeout=5, maxsize=8)

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> Said:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        raw = self.pool.request(
            method,
            self.crm.url + path + ("?" + urlencode(query, doseq=True) if query else ""),
            body=None if body is None else orjson.dumps(body),
            headers=headers,
        )
        is_json = raw.headers.get("Content-Type", "").startswith("application/json") and raw.data
        return Said(raw.status, orjson.loads(raw.data) if is_json else None, raw.headers)

    def get(self, path: str, **query: Any) -> Said:
        return self("GET", path, **query)

    def post(self, path: str, body: Any) -> Said:
        return self("POST", path, body)

    def pages(self, path: str, **query: Any) -> list[Said]:
        """All pages of a list."""
        found = [self.get(path, **query)]
        while "paging" in found[-1].body:
            found.append(self.get(path, **query, after=found[-1].body["paging"]["next"]["after"]))
        return found

    def batch(self, kind: str, verb: str, inputs: list[dict[str, Any]], **more: Any) -> Said:
        return self.post(f"{OBJECTS}/{kind}/batch/{verb}", {"inputs": inputs, **more})

    def search(self, kind: str, *filters: tuple[str, str, Any], **more: Any) -> Said:
        groups = [{"filters": [_filter(*one) for one in filters]}] if filters else []
        return self.post(f"{OBJECTS}/{kind}/search", {"filterGroups": groups, "limit": 200, **more})


def _filter(name: str, operator: str, value: Any) -> dict[str, Any]:
    key = "values" if isinstance(value, list) else "value"
    return {"propertyName": name, "operator": operator, **({} if value is None else {key: value})}


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def crm(clock: StillClock) -> Iterator[HubSpotSandbox]:
    print(f"seed {SEED}")
    with HubSpotSandbox(seed=SEED, clock=clock) as running:
        yield running


@pytest.fixture
def api(crm: HubSpotSandbox) -> Iterator[Api]:
    client = Api(crm)
    yield client
    client.pool.clear()


def some_deals(number: int) -> list[dict[str, Any]]:
    """Deals half of which are lost, owned by three people."""
    states = ("lost", "open")
    return [
        {
            "deal_id": f"D-{n:04d}",
            "name": f"Deal {n}",
            "amount": 1000 * n,
            "currency": "JPY",
            "deal_pipeline": "default",
            "deal_stage": {"lost": "closedlost", "open": "qualifiedtobuy"}[states[n % 2]],
            "crm_state": states[n % 2],
            "owner": f"fs-{n % 3}",
            "lost_reason": "No budget" if n % 2 == 0 else None,
        }
        for n in range(number)
    ]

"""One way each of reading or writing a CRM's deals, in a fresh process; prints what it took as JSON.

python -m tests.benchmarks.connector_cases CASE SETTINGS-AS-JSON [COUNT]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

PROPERTIES = (
    "dealname", "amount", "deal_currency_code", "dealstage", "pipeline", "hubspot_owner_id", "createdate", "closedate",
    "notes_last_contacted", "closed_lost_reason",
)  # fmt: skip
_PAGES = 50
_WINDOW = 10.5  # seconds after which the account's window is empty


def hubspot_ours(settings: dict[str, Any]) -> int:
    """Our connector, through stage 1, which lays many records down in files."""
    from recyclekit_hubspot import MANIFEST

    return _extracted(MANIFEST, {"parallel": False, "companies": False, "burst": 1_000_000, **settings})


def hubspot_ranges(settings: dict[str, Any]) -> int:
    """The same, in ranges of ids at once."""
    from recyclekit_hubspot import MANIFEST

    return _extracted(MANIFEST, {"companies": False, "burst": 1_000_000, **settings})


def hubspot_bare(settings: dict[str, Any]) -> int:
    """The floor: urllib3, page after page, decoded into columns fifty pages at a time."""
    import orjson
    import urllib3

    pool, after, held, records = urllib3.PoolManager(), "", list[bytes](), 0
    while True:
        url = f"{settings['url']}/crm/v3/objects/deals?limit=100&properties={','.join(PROPERTIES)}{after}"
        answer = pool.request("GET", url, headers={"Authorization": f"Bearer {settings['token']}"})
        held.append(answer.data)
        following = orjson.loads(answer.data).get("paging", {}).get("next", {}).get("after")
        if len(held) == _PAGES or not following:
            records += _columns(held).height
            held = []
        if not following:
            return records
        after = f"&after={following}"


def _columns(pages: list[bytes]) -> pl.DataFrame:
    record = pl.Struct({"id": pl.String, "properties": pl.Struct(dict.fromkeys(PROPERTIES, pl.String))})
    texts = pl.Series([page.decode() for page in pages])
    decoded = texts.str.json_decode(pl.Struct({"results": pl.List(record)}))
    return decoded.struct.field("results").explode().struct.unnest().unnest("properties")


def hubspot_sdk(settings: dict[str, Any]) -> int:
    """The vendor's own SDK as its README says: get_all."""
    from hubspot import HubSpot

    client = HubSpot(access_token=settings["token"], host=settings["url"])
    return len(client.crm.deals.get_all(properties=list(PROPERTIES)))


def hubspot_write(settings: dict[str, Any], count: int = 60_000) -> int:
    """Our sink: so many updates of own fields, batch after batch."""
    from recyclekit.connectors import Opening
    from recyclekit.models.tables import Table
    from recyclekit.testing import set_fields
    from recyclekit_hubspot import MANIFEST

    opening = Opening(folder=Path(), timezone=ZoneInfo("Asia/Tokyo"))
    config = MANIFEST.settings.model_validate(settings)
    assert MANIFEST.open_source is not None
    assert MANIFEST.open_sink is not None
    source = MANIFEST.open_source(config, opening)
    column = str(source.mapped().fields[Table.DEALS]["deal_id"].column)
    deals = [deal for page in source.pages(Table.DEALS, None, [column]) for deal in page.records[column]][:count]
    sink = MANIFEST.open_sink(config, opening)
    actions = [set_fields(deal, {"recycle_track": "timing", "recycle_cycle": 1}) for deal in deals]
    time.sleep(_WINDOW)  # what was read to find the deals counts no more
    began, done = time.perf_counter(), 0
    for start in range(0, len(actions), sink.batch_size):
        done += sum(r.state == "done" for r in sink.write(actions[start : start + sink.batch_size]))
    _TOOK.append(time.perf_counter() - began)
    return done


def salesforce_json(settings: dict[str, Any]) -> int:
    """Our connector, by pages of JSON."""
    from recyclekit_salesforce import MANIFEST

    return _extracted(MANIFEST, {**settings, "bulk_read_from": 1_000_000_000})


def salesforce_bulk(settings: dict[str, Any]) -> int:
    """Our connector, by Bulk API 2.0."""
    from recyclekit_salesforce import MANIFEST

    return _extracted(MANIFEST, {**settings, "bulk_read_from": 1})


def _extracted(manifest: Any, settings: dict[str, Any]) -> int:
    from recyclekit.connectors import Opening
    from recyclekit.models.field_map import columns_of
    from recyclekit.models.tables import Table
    from recyclekit.stages.extract import extract

    opening = Opening(folder=Path(), timezone=ZoneInfo("Asia/Tokyo"))
    source = manifest.open_source(manifest.settings.model_validate(settings), opening)
    specs = source.mapped().fields[Table.DEALS]
    columns = [c for c in columns_of(specs) if c == specs["deal_id"].column or c in PROPERTIES or "url" not in settings]
    with tempfile.TemporaryDirectory() as scratch:
        found = extract(source, tables={Table.DEALS: columns}, scratch=Path(scratch))
        rows: int = found.records[Table.DEALS].select(pl.len()).collect().item()
        return rows


CASES: dict[str, Callable[..., int]] = {
    case.__name__: case
    for case in (
        hubspot_ours, hubspot_ranges, hubspot_bare, hubspot_sdk, hubspot_write, salesforce_json, salesforce_bulk,
    )
}  # fmt: skip
_LOADED = {
    "hubspot": ("orjson", "urllib3", "hubspot.crm.deals", "recyclekit_hubspot.source", "recyclekit.stages.extract"),
    "salesforce": ("orjson", "recyclekit_salesforce.source", "recyclekit.stages.extract"),
}
"""What any of a vendor's cases imports."""
_TOOK: list[float] = []
"""Seconds on the clock that a case timed by itself, without its own preparation."""


def main(case: str, settings: str, *count: str) -> None:
    """Run a case once; imports are paid before the clock starts."""
    given = json.loads(settings)
    for module in _LOADED[case.partition("_")[0]]:
        import_module(module)
    cpu, wall = time.process_time(), time.perf_counter()
    records = CASES[case](given, *map(int, count))
    took = _TOOK[0] if _TOOK else time.perf_counter() - wall
    print(json.dumps({"records": records, "cpu": time.process_time() - cpu, "wall": took}))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What a run saves that asks only for what changed: calls and processor time of one reading, of reading everything."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time
from typing import Any
from unittest.mock import patch

from recyclekit import clock
from recyclekit.project import open_project
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit.testing.sandbox.seeding import demo_company
from tests.benchmarks.figure import Figure
from tests.end_to_end.test_only_changes import AS_OF, Hours, changed, described

DEALS, CHANGED = 10_000, 100


def measure() -> Iterator[Figure]:
    yield from _of("hubspot", lambda hours: HubSpotSandbox(seed=1, clock=hours, burst=None, searches=None, daily=None))
    yield from _of("salesforce", lambda hours: SalesforceSandbox(seed=1, clock=hours))


def _of(vendor: str, sandbox: Callable[[Hours], Any]) -> Iterator[Figure]:
    company, hours = demo_company(deals=DEALS, as_of=AS_OF), Hours()
    with patch.object(clock, "now", hours), sandbox(hours) as crm, tempfile.TemporaryDirectory() as folder:
        loaded = crm.load(
            deals=[{**row, "external_id": row["deal_id"]} for row in company.deals], contacts=company.contacts,
            accounts=company.accounts, activities=company.activities,
        )  # fmt: skip
        described(Path(folder), crm, vendor, loaded)
        ids = list(loaded.deals.values())[:: DEALS // CHANGED]
        hours.pass_by(2)
        _reading(Path(folder), crm, "changes")
        for some in (ids[:1], ids):  # all were made at one moment: only the next change draws a line behind it
            hours.pass_by(2)
            changed(crm, vendor, some)
            hours.pass_by(2)
            calls, seconds = _reading(Path(folder), crm, "changes")
        whole_calls, whole_seconds = _reading(Path(folder), crm, "whole")
    is_open = sum(row["crm_state"] == "open" for row in company.deals)
    told = f"{CHANGED} of {DEALS:,} deals changed, {is_open:,} are open"
    yield Figure(name=f"{vendor}: calls", value=calls / whole_calls, note=f"{calls} of {whole_calls}; {told}")
    yield Figure(name=f"{vendor}: processor time", value=seconds / whole_seconds, note="the sandbox's own included")


def _reading(folder: Path, crm: Any, connection: str) -> tuple[int, float]:
    crm.journal.clear()
    began = process_time()
    open_project(folder).job_on(connection, as_of=AS_OF).extract()
    return len(crm.journal), process_time() - began

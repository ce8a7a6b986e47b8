"""A sandbox CRM in a process of its own, full of deals, so that a benchmark measures the client alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from recyclekit.testing.sandbox import SandboxCrm
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox

STATES = ("won", "lost", "open")
REASONS = (
    "予算がない",
    "The budget was cut, and nobody knows until when",
    "Went with a competitor",
    "時期尚早",
    "価格",
)


@contextmanager
def crm_server(
    vendor: str, deals: int, *, latency: float = 0.0, limited: bool = False, refused: list[int] | None = None
) -> Iterator[dict[str, Any]]:
    """Run it; yield the connector's settings for it. Afterwards `refused` holds how many calls got a 429."""
    command = [sys.executable, "-m", "tests.benchmarks.crm_server", vendor, str(deals), str(latency), str(int(limited))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the {vendor} sandbox did not start")
        yield json.loads(line)
        process.stdin.close()
        if refused is not None:
            refused.append(int(process.stdout.readline()))


def _sandbox(vendor: str, latency: float, *, limited: bool) -> SandboxCrm:
    if vendor == "salesforce":
        return SalesforceSandbox(seed=1, latency=latency, timezone="Asia/Tokyo")
    if limited:
        return HubSpotSandbox(seed=1, latency=latency, daily=None)
    return HubSpotSandbox(seed=1, latency=latency, burst=None, searches=None, daily=None)


def _deals(count: int) -> Iterator[dict[str, Any]]:
    for n in range(count):
        yield {
            "deal_id": f"D-{n:07d}",
            "name": f"Deal {n} 再提案",
            "crm_state": STATES[n % 3],
            "amount": 1000.0 + n,
            "currency": "JPY",
            "owner": f"rep{n % 20}",
            "lost_reason": REASONS[n % 5] if n % 3 == 1 else None,
        }


def main(vendor: str, deals: str, latency: str, limited: str) -> None:
    """Load, say where it is, and serve until standard input is closed."""
    with _sandbox(vendor, float(latency), limited=limited == "1") as crm:
        crm.load(deals=list(_deals(int(deals))))  # type: ignore[attr-defined]  # every vendor has it
        print(json.dumps(crm.settings), flush=True)
        sys.stdin.read()
        print(sum(call.status == 429 for call in crm.journal), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What it costs to have connectors installed: importing each, beyond the contract that all of them share."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points

from recyclekit.connectors.registry import GROUP
from tests.benchmarks.figure import Figure

ROUNDS = 9
MOST = 0.1  # seconds of a processor: the promise of the contract
TIMED = """
import sys, time
import recyclekit.connectors, recyclekit.errors, recyclekit.events
import recyclekit.models.field_map, recyclekit.models.plan, recyclekit.models.run, recyclekit.models.snapshot
began = time.process_time()
__import__(sys.argv[1])
print(time.process_time() - began)
"""


def measure() -> Iterator[Figure]:
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        seconds = [_import(entry.module) for _ in range(ROUNDS)]
        note = f"processor time of importing {entry.module} after the contract; median of {ROUNDS}"
        yield Figure(name=f"import {entry.name}", value=statistics.median(seconds), unit="s", bar=MOST, note=note)


def _import(module: str) -> float:
    command = [sys.executable, "-c", TIMED, module]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

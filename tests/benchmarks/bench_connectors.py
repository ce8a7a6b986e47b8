"""What it costs to have connectors installed, to import each beyond the contract, and to begin one of one's own."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import entry_points

from recyclekit.connectors.registry import GROUP
from tests.benchmarks.figure import Figure

ROUNDS = 9
MOST = 0.1  # seconds of a processor: the promise of the contract
NAME, LONGEST = "bench", 120
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
    note = "processor time from `connectors new` to a green kit; on a quiet machine the clock shows little more"
    yield Figure(name="a connector of one's own", value=_begun(), unit="s", bar=LONGEST, note=note)


def _begun() -> float:
    began = _spent()
    with tempfile.TemporaryDirectory() as home:
        for words in (["new", NAME, "--out", home], ["test", NAME, "--folder", f"{home}/recyclekit-{NAME}"]):
            command = [sys.executable, "-m", "recyclekit", "connectors", *words]
            subprocess.run(command, check=True, capture_output=True)
    return _spent() - began


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _import(module: str) -> float:
    command = [sys.executable, "-c", TIMED, module]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

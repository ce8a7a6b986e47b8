"""Run one case in a fresh process and measure it as the operating system does.

Linux carries the peak of memory over from the process that forks to the program that takes its place, so a case that is
started from a large process would seem as large. So a launcher that holds nothing stands between (`launcher.py`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

DATA = Path("build/bench/data")
LAUNCHER = Path(__file__).with_name("launcher.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a process took: processor seconds (user and system), seconds on the clock, peak memory in MB."""

    cpu: float
    wall: float
    peak: float
    answer: Any = None


def cost(module: str, case: str, *args: object) -> Cost:
    """Run `python -m module case args…` and return its cost; the case prints one JSON document or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        told, said = Path(folder, "told"), Path(folder, "said")
        command = [sys.executable, "-m", module, case, *map(str, args)]
        with said.open("wb") as out:
            run = [sys.executable, "-I", "-S", LAUNCHER, told, *command]
            subprocess.run(run, stdout=out, check=True, env=_environment())
        status, cpu, wall, peak = json.loads(told.read_bytes())
        text = said.read_bytes()
    if status:
        raise RuntimeError(f"{module} {case} ended with {status}")
    return Cost(cpu=cpu, wall=wall, peak=peak, answer=json.loads(text) if text.strip() else None)


def _environment() -> dict[str, str]:
    """Return this process's environment without what recyclekit, or Polars for it, has set in it by being imported.

    A floor and a rival run as they would by themselves; recyclekit sets the same again in its own cases.
    """
    return {name: value for name, value in os.environ.items() if name not in _SET_BY_IMPORTS}


_SET_BY_IMPORTS = ("_RJEM_MALLOC_CONF", "POLARS_CSV_CHUNK_SIZE", "OPENBLAS_NUM_THREADS")


def rounds(n: int, module: str, cases: dict[str, tuple[object, ...]]) -> dict[str, list[Cost]]:
    """Run every case once per round, interleaved, so that a machine that slows down slows all of them."""
    found: dict[str, list[Cost]] = {name: [] for name in cases}
    for _ in range(n):
        for name, args in cases.items():
            found[name].append(cost(module, name, *args))
    return found


def cpu_ratio(over: list[Cost], under: list[Cost]) -> float:
    """Return the median over rounds of the ratio of processor time."""
    return median(a.cpu / b.cpu for a, b in zip(over, under, strict=True))

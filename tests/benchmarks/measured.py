"""Run one case in a fresh process and measure it as the operating system does."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a process took: processor seconds (user and system), seconds on the clock, peak memory in MB."""

    cpu: float
    wall: float
    peak: float
    answer: Any = None


def cost(module: str, case: str, *args: object) -> Cost:
    """Run `python -m module case args…` and return its cost; the case prints one JSON document or nothing."""
    with tempfile.TemporaryFile() as out:
        began = os.times().elapsed
        child = subprocess.Popen([sys.executable, "-m", module, case, *map(str, args)], stdout=out)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = os.times().elapsed - began
        out.seek(0)
        text = out.read()
    if child.returncode:
        raise RuntimeError(f"{module} {case} ended with {child.returncode}")
    answer = json.loads(text) if text.strip() else None
    return Cost(cpu=used.ru_utime + used.ru_stime, wall=wall, peak=used.ru_maxrss / 1024, answer=answer)


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

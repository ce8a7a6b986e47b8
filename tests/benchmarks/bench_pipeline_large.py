"""Ten million deals: does time grow with the deals and no faster, and does memory stay bounded? Minutes, so on demand.

Runs with `make bench only=pipeline_large`, or among the others where RECYCLEKIT_BENCH_LARGE=1 is set.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from tests.benchmarks import pipeline_data
from tests.benchmarks.figure import Figure
from tests.benchmarks.measured import cost

CASES = "tests.benchmarks.pipeline_cases"
SMALL, LARGE = 1_000_000, 10_000_000


def measure() -> Iterable[Figure]:
    """Yield time and memory of ten million deals, one run of each size."""
    if "pipeline_large" not in sys.argv and os.environ.get("RECYCLEKIT_BENCH_LARGE") != "1":
        yield Figure(name="10M deals", value=float("nan"), note="not measured: RECYCLEKIT_BENCH_LARGE is not 1")
        return
    small = cost(CASES, "plan", pipeline_data.project(SMALL))
    large = cost(CASES, "plan", pipeline_data.project(LARGE))
    note = f"{large.cpu:.1f} s against {small.cpu:.1f} s of processor"
    yield Figure(name="10M deals, of 1M deals", value=large.cpu / small.cpu, bar=12, note=note)
    note = f"{large.wall:.1f} s against {small.wall:.1f} s"
    yield Figure(name="10M deals, of 1M deals, on the clock", value=large.wall / small.wall, bar=12, note=note)
    yield Figure(name="peak of 10M deals", value=large.peak, unit="MB", bar=2_000)

"""A million deals from CSV to a plan, against a bare scan with the same conditions and against a model per row."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from statistics import median

from tests.benchmarks import pipeline_data
from tests.benchmarks.figure import Figure
from tests.benchmarks.measured import Cost, cpu_ratio, rounds

CASES = "tests.benchmarks.pipeline_cases"
ROWS = 1_000_000
SAMPLE = 50_000
"""Rows that the model per row is measured on; its cost grows with the rows, so that is scaled."""
ROUNDS = 5


def measure() -> Iterable[Figure]:
    """Yield ratios of processor time, medians over rounds in which every case runs once in a fresh process."""
    folder = pipeline_data.project(ROWS)
    applied = pipeline_data.applied(ROWS)
    cases: dict[str, tuple[object, ...]] = {
        "floor": (folder,),
        "plan": (folder,),
        "first": (folder,),
        "again": (applied,),
        "ragged": (pipeline_data.ragged(ROWS),),
        "naive": (folder, SAMPLE),
    }
    found = rounds(ROUNDS, CASES, cases)
    floor = found["floor"]
    yield _decisions(found["plan"], floor)
    yield _ratio("plan with every write laid out, of the bare scan", found["plan"], floor, None)
    yield _ratio("plan and intents recorded, of the bare scan", found["first"], floor, 3.0)
    yield _ratio("plan again, nothing changed, of the bare scan", found["again"], floor, 2.2)
    writes = max(one.answer["actions"] for one in found["again"])
    yield Figure(name="writes where nothing changed", value=writes, unit="", bar=0)
    yield _ratio("plan with one ragged row, of the plan", found["ragged"], found["plan"], 1.4)
    yield _naive(found["naive"], found["plan"])
    peak = max(one.peak for one in found["plan"])
    yield Figure(name="peak of the plan", value=peak, unit="MB", bar=700)
    yield from _stages(found["plan"])
    yield from _rules(folder)


def _decisions(plans: list[Cost], floor: list[Cost]) -> Figure:
    """Compare like with like: the scan ends with decisions, so a plan counts up to its dates and owners."""
    decided = [replace(one, cpu=one.cpu - one.answer["stages"]["writes"]) for one in plans]
    return _ratio("decisions with dates and owners, of the bare scan", decided, floor, 1.6)


def _ratio(name: str, over: list[Cost], under: list[Cost], bar: float | None) -> Figure:
    note = f"{median(c.cpu for c in over):.2f} s against {median(c.cpu for c in under):.2f} s of processor"
    return Figure(name=name, value=cpu_ratio(over, under), bar=bar, note=note)


def _naive(naive: list[Cost], plan: list[Cost]) -> Figure:
    scaled = [_scaled(one) for one in naive]
    value = median(a / b.cpu for a, b in zip(scaled, plan, strict=True))
    note = f"{median(scaled):.0f} s of processor, from {SAMPLE:,} of {ROWS:,} rows"
    return Figure(name="a model per row with a rule loop, of the plan", value=value, bar=12, better="higher", note=note)


def _scaled(one: Cost) -> float:
    seconds: float = one.answer["seconds"]
    return one.cpu - seconds + seconds * ROWS / SAMPLE


def _stages(plans: list[Cost]) -> Iterator[Figure]:
    for stage in plans[0].answer["stages"]:
        value = median(one.answer["stages"][stage] for one in plans)
        yield Figure(name=f"  of which {stage}", value=value, unit="s", note="processor")


def _rules(folder: object) -> Iterator[Figure]:
    """Yield what a policy of many rules costs: its facts and rules together, and its rules alone."""
    found = rounds(ROUNDS, CASES, {"rules": (folder, 20)}), rounds(ROUNDS, CASES, {"rules": (folder, 200)})
    for name, part, bar in (
        ("facts and 200 rules, of 20", "seconds", 3.0),
        ("  of which rules alone", "judging", None),
    ):
        few, many = (median(one.answer[part] for one in costs["rules"]) for costs in found)
        note = f"{many:.2f} s against {few:.2f} s of processor, {ROWS:,} deals, their free text not read"
        yield Figure(name=name, value=many / few, bar=bar, note=note)


if __name__ == "__main__":
    for figure in measure():
        print(figure, file=sys.stderr)

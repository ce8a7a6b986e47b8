"""Run every `bench_*.py` beside this file (or those named), print the figures and save them to `build/bench/`."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests import benchmarks
from tests.benchmarks.figure import Figure

OUT = Path("build/bench")


def main(wanted: list[str]) -> int:
    names = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name.startswith("bench_"))
    chosen = [n for n in names if not wanted or n.removeprefix("bench_") in wanted]
    if not chosen:
        print(f"no such benchmark: {', '.join(wanted)}; there are: {', '.join(names)}", file=sys.stderr)
        return 2
    OUT.mkdir(parents=True, exist_ok=True)
    console, missed = Console(), 0
    for name in chosen:
        figures: list[Figure] = list(importlib.import_module(f"tests.benchmarks.{name}").measure())
        (OUT / f"{name}.json").write_text(json.dumps([asdict(f) for f in figures], indent=1), encoding="utf-8")
        console.print(_table(name, figures))
        missed += sum(f.holds is False for f in figures)
    console.print(f"{missed} figure(s) past their bar; saved in {OUT}/")
    return 0


def _table(name: str, figures: list[Figure]) -> Table:
    table = Table(title=name, title_justify="left")
    for column in ("figure", "value", "bar", "", "note"):
        table.add_column(column, justify="right" if column in ("value", "bar") else "left")
    for f in figures:
        sign = "<=" if f.better == "lower" else ">="
        bar = "" if f.bar is None else f"{sign} {f.bar:g}"
        mark = {True: "ok", False: "MISSED", None: ""}[f.holds]
        table.add_row(f.name, f"{f.value:,.3g} {f.unit}", bar, mark, f.note)
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

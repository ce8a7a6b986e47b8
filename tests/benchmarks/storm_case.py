"""Stage 5 writing so many records through a storm (or a clear sky), in a fresh process; prints what it says of them.

python -m tests.benchmarks.storm_case VENDOR FILE-OF-JSON, which holds settings, owner, folder and where the plan lies
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from recyclekit.connectors import Opening
from recyclekit.models.run import Outcome
from recyclekit.testing import runs
from recyclekit.testing.stand import Stand
from tests.chaos.storm import RESUMES, Owner


def main(vendor: str, file: str) -> None:
    """Write, resume until nothing is open, and say what became of it."""
    given: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
    waits: list[float] = []
    time.sleep = waits.append  # nothing here is worth waiting for
    manifest = import_module(f"recyclekit_{vendor}").MANIFEST
    opening = Opening(folder=Path(given["folder"]), timezone=ZoneInfo("Asia/Tokyo"))
    config = manifest.settings.model_validate(given["settings"])
    stand = Stand(manifest, config, opening, Owner(given["owner"]), waits, seed="storm")
    outcome = _to_the_end(stand, pl.scan_parquet(given["plan"]))
    refused = {row["deal_id"]: (row["code"], row["field"]) for row in runs.failed_rows(stand, "r1")}
    print(json.dumps(_told(outcome, refused)))


def _to_the_end(stand: Stand, actions: pl.LazyFrame) -> Outcome:
    outcome = runs.write_frame(stand, actions)
    for _ in range(RESUMES):
        if not (outcome.unsent or outcome.in_doubt):
            break
        outcome = stand.resume()
    return outcome


def _told(outcome: Outcome, refused: dict[str, tuple[str, str]]) -> dict[str, Any]:
    return {
        "records": outcome.planned, "applied": outcome.applied, "failed": len(outcome.failed),
        "in_doubt": len(outcome.in_doubt), "unsent": outcome.unsent, "closes": outcome.sums_close, "refused": refused,
    }  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The state folder of a project, `.recyclekit`: plans, reports, mirrors; cleaned of erased people, tidied by age."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path

import polars as pl

from recyclekit.connectors.mirror import FOLDER as MIRROR
from recyclekit.faultpoint import faultpoint
from recyclekit.models.tombstone import RECORD, Erasable, Tombstones, cleaning
from recyclekit.whole_file import write_whole

PLANS = "plans"
_DECISIONS = ".decisions.parquet"
Clean = Callable[[str], str]


def erase(state: Path, stones: Tombstones, words: Collection[str] = ()) -> Mapping[str, int]:
    """Take erased people out of kept plans, and remove reports that name them; return how many of each changed.

    A plan that would write about them, or whose dead letters name them, goes whole. Of the others only the decisions
    name them: these lose their rows, and their words where sales wrote them into another deal's hook. Mirrors go whole:
    the next run reads everything again, and not whom the system has erased. Does nothing twice, and may be cut short
    anywhere.

    Args:
        state: the project's state folder.
        stones: what is erased.
        words: names and addresses; a report that holds one goes, too.
    """
    clean = cleaning(stones, words)
    return {
        "mirrors": _erase_mirrors(state / MIRROR),
        "plans": _erase_plans(state / PLANS, stones, clean),
        "reports": _erase_texts(state, clean),
    }


def tidy(state: Path, before: datetime) -> int:
    """Remove kept plans and reports that were last changed before a moment; return how many files went."""
    old = [path for path in _files(state) if _changed_at(path) < before.timestamp()]
    manifests_first = sorted(old, key=lambda path: path.suffix != ".json")
    for path in manifests_first:
        path.unlink(missing_ok=True)
    return len(old)


def _erase_mirrors(mirrors: Path) -> int:
    tables = {path.parent for path in _files(mirrors)}
    for table in tables:
        faultpoint("state_files.remove")
        shutil.rmtree(table)
    return len(tables)


def _erase_plans(plans: Path, stones: Tombstones, clean: Clean) -> int:
    """Handle file by file, not plan by plan: what a killed process left of a plan has no manifest."""
    tables = [path for path in _files(plans) if path.suffix == ".parquet"]
    doomed = {_run(path) for path in tables if not path.name.endswith(_DECISIONS) and _names(path, stones, clean)}
    shorter = [path for path in tables if path.name.endswith(_DECISIONS) and _run(path) not in doomed]
    changed = sum(_without_them(path, stones, clean) for path in shorter)
    for run in doomed:
        # the manifest first: without it the rest is no plan
        for path in sorted(plans.glob(f"{run}.*"), key=lambda path: path.suffix != ".json"):
            faultpoint("state_files.remove")
            path.unlink(missing_ok=True)
    return len(doomed) + changed


def _run(path: Path) -> str:
    return path.name.split(".")[0]


def _names(path: Path, stones: Tombstones, clean: Clean) -> bool:
    """Return whether a plan's table names an erased person; one that cannot be read is no plan any more."""
    try:
        table = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError):
        return True
    if "deal_id" in table.columns and stones.covers(Erasable.DEAL, table["deal_id"]).any():
        return True
    if "reason" in table.columns and _said_otherwise(table["reason"], clean):
        return True
    letters = {"table", "record_id"} <= set(table.columns)
    return letters and any(
        stones.covers(kind, table.filter(pl.col("table") == name)["record_id"]).any() for name, kind in RECORD.items()
    )


def _without_them(path: Path, stones: Tombstones, clean: Clean) -> bool:
    """Leave erased deals, and their words, out of kept decisions; return whether there were any."""
    try:
        table = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError):
        path.unlink(missing_ok=True)
        return True
    theirs, hooks = stones.covers(Erasable.DEAL, table["deal_id"]), _said_otherwise(table["hook"], clean)
    if not (theirs.any() or hooks):
        return False

    def write(part: Path) -> None:
        table.filter(~theirs).with_columns(pl.col("hook").replace(hooks)).write_parquet(part)
        faultpoint("state_files.rewritten")

    write_whole(path, write)
    return True


def _said_otherwise(texts: pl.Series, clean: Clean) -> dict[str, str]:
    """Return the texts that name them, each with what is left of it."""
    return {text: kept for text in texts.drop_nulls().unique() if (kept := clean(text)) != text}


def _erase_texts(state: Path, clean: Clean) -> int:
    """Remove whatever else names them: reports, and exports that somebody put here. Manifests hold counts alone."""
    gone = 0
    for path in _files(state):
        if path.suffix in {".json", ".parquet"}:
            continue
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            continue  # a draft of a run that goes on meanwhile
        if clean(text) != text:
            faultpoint("state_files.remove")
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _changed_at(path: Path) -> float:
    """Return when a file was last changed, in seconds of the epoch; never, where a run has just taken it away."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []

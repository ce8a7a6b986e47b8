"""Plans as files: a readable manifest that seals Parquet files beside it, and decisions for a spreadsheet.

`plan.json` is the manifest; `plan.actions.parquet` holds the actions; ended cycles, dead letters and hand-backs lie
beside it where there are any. What was edited by hand, swapped or lost is noticed before anything is written to a CRM.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import polars as pl
from pydantic import ValidationError

from recyclekit.errors import InputError, PlanError, StalePlanError
from recyclekit.models.decision import SCHEDULED
from recyclekit.models.export import guard_formulas
from recyclekit.models.hand_back import no_hand_backs
from recyclekit.models.memory import ENDED_CYCLES
from recyclekit.models.plan import Manifest, Plan
from recyclekit.models.snapshot import DEAD_LETTERS
from recyclekit.whole_file import write_whole

FORMAT = 1
FOLDER = "plans"
LEADING = (
    "deal_id", "status", "reason", "verdict", "rule", "track", "next_approach_on", "owner", "channel", "hook",
    "inactive_days", "activity_source",
)  # fmt: skip
"""The columns that a decisions file begins with; the rest of SCHEDULED follows."""

_AGAIN = "Make a new plan: recyclekit plan --out plan.json"
_IO = (OSError, pl.exceptions.PolarsError)


def save(plan: Plan, path: Path) -> Path:
    """Write a plan: the manifest to `path`, its tables beside it; each file appears whole or not at all.

    The manifest comes last, so that a plan that was cut short is no plan.

    Raises:
        InputError: the folder cannot be written to, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        actions = _save_table(plan.scan_actions(), path, "actions")
        tables = {
            "ended_cycles": plan.ended_cycles, "dead_letters": plan.dead_letters, "handed_back": plan.handed_back
        }  # fmt: skip
        beside = dict(_save_table(table.lazy(), path, name) for name, table in tables.items() if table.height)
        manifest = plan.manifest.model_copy(
            update={"actions_file": actions[0], "actions_sha256": actions[1], "beside": beside, "seal": None}
        )
        sealed = manifest.model_copy(update={"seal": seal(manifest)})
        text = json.dumps(sealed.model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n"
        write_whole(path, lambda part: part.write_bytes(text.encode()))
    except _IO as error:
        raise _unsaved(path, error) from error
    return path


def load(path: Path) -> Plan:
    """Read a saved plan; its decisions are not part of it and come back empty.

    Raises:
        InputError: there is no such file.
        StalePlanError: it was edited, or its tables are missing or are others.
        PlanError: it is no plan, or a newer version wrote it.
    """
    manifest = _read_manifest(path)
    if manifest.seal != seal(manifest):
        raise StalePlanError(
            f"The plan {path} was changed after it was made.",
            why="Its seal does not fit: only what recyclekit planned and a person read is written.",
            fix=_AGAIN,
        )
    tables: dict[str, pl.DataFrame] = {
        name.split(".")[-2]: _load_table(path, name, sha256)
        for name, sha256 in ((str(manifest.actions_file), manifest.actions_sha256), *manifest.beside.items())
    }
    return Plan(
        manifest=manifest,
        actions=tables["actions"],
        decisions=pl.DataFrame(schema=SCHEDULED),
        dead_letters=tables.get("dead_letters", pl.DataFrame(schema=DEAD_LETTERS)),
        ended_cycles=tables.get("ended_cycles", pl.DataFrame(schema=ENDED_CYCLES)),
        handed_back=tables.get("handed_back", no_hand_backs()),
    )


def keep(plan: Plan, state: Path) -> Path:
    """Save a plan with its decisions under a project's state folder by its run; return its path. Errors as `save`."""
    path = save(plan, _kept_path(state, plan.manifest.run))
    try:
        write_whole(_beside(path, "decisions"), plan.scan_decisions().sink_parquet)
    except _IO as error:
        raise _unsaved(path, error) from error
    return path


def kept(state: Path, run: str) -> Plan:
    """Read a plan that `keep` saved, with its decisions where they are still there and can be read.

    Raises:
        PlanError: there is none of this run; otherwise as `load`.
    """
    path = _kept_path(state, run)
    if not path.is_file():
        raise PlanError(f"There is no plan of run {run} in {path.parent}.", fix="`recyclekit runs` lists all runs.")
    plan, decisions = load(path), _beside(path, "decisions")
    if not decisions.is_file():
        return plan
    with suppress(OSError, pl.exceptions.PolarsError):  # they are there to be looked at, and under no seal
        plan = replace(plan, decisions=pl.read_parquet(decisions))
    return plan


def seal(manifest: Manifest) -> str:
    """Return SHA-256 over the manifest without its seal, as canonical JSON: sorted keys, no blanks."""
    content = manifest.model_dump(mode="json", exclude={"seal"})
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def save_decisions(decisions: pl.DataFrame, path: Path) -> None:
    """Write the decisions, one row per deal: .csv (UTF-8; no cell runs as a formula), .parquet or .jsonl.

    Raises:
        InputError: another ending, or the file cannot be written.
    """
    table = decisions.select(*LEADING, pl.exclude(*LEADING))
    writers: dict[str, Callable[[Path], object]] = {
        ".csv": lambda part: guard_formulas(table).write_csv(part),
        ".parquet": table.write_parquet,
        ".jsonl": table.write_ndjson,
    }
    if path.suffix not in writers:
        raise InputError(f"Decisions cannot be saved as {path.name}.", fix=f"Choose one of {', '.join(writers)}.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, writers[path.suffix])
    except _IO as error:
        raise InputError(f"Decisions cannot be saved to {path}.", why=f"{error}.") from error


# -- inside ----------------------------------------------------------------------------------------------------------


def _kept_path(state: Path, run: str) -> Path:
    return state / FOLDER / f"{run}.json"


def _unsaved(path: Path, error: Exception) -> InputError:
    return InputError(
        f"The plan cannot be saved to {path}.", why=f"{error}.", fix="Choose another place, or make room."
    )


def _beside(path: Path, name: str) -> Path:
    """Return where a plan's table lies; two plans never share one, whatever dots are in their names."""
    plan = path.stem if path.suffix == ".json" else path.name
    return path.with_name(f"{plan}.{name}.parquet")


def _save_table(table: pl.LazyFrame, path: Path, name: str) -> tuple[str, str]:
    file = _beside(path, name)
    write_whole(file, table.sink_parquet)
    return file.name, _sha256(file)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_manifest(path: Path) -> Manifest:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(f"There is no plan {path}.", fix=_AGAIN) from error
    except (OSError, ValueError) as error:
        raise PlanError(f"The plan {path} cannot be read.", why=f"It is no JSON: {error}.", fix=_AGAIN) from error
    if not isinstance(content, dict) or "actions_sha256" not in content:
        raise PlanError(f"{path} is no plan.", why="It holds other data.", fix=_AGAIN)
    if content.get("format") != FORMAT:
        raise PlanError(
            f"The plan {path} has format {content.get('format')!r}; this version knows {FORMAT}.",
            why="Another version of recyclekit made it.",
            fix="Upgrade recyclekit, or make a new plan with this version.",
        )
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        where = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        raise StalePlanError(f"The plan {path} was edited.", why=f"It does not fit at {where}.", fix=_AGAIN) from error


def _load_table(path: Path, name: str, sha256: str | None) -> pl.DataFrame:
    file = path.parent / name
    if Path(name).name != name or not file.is_file():
        raise StalePlanError(
            f"The plan {path} lacks its file {name}.",
            why="The manifest and its tables belong together in one folder.",
            fix=f"Move {Path(name).name} back beside it, or make a new plan.",
        )
    if _sha256(file) != sha256:
        raise StalePlanError(f"{file} is not what was planned.", why="Its content has changed since.", fix=_AGAIN)
    return pl.read_parquet(file)

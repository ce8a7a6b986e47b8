"""The projects that the pipeline benchmarks read: made once, under `build/bench/data`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from recyclekit.samples.bulk import BULK_REASONS, BULK_STAGES, generate_bulk
from tests.benchmarks.measured import DATA, cost

CASES = "tests.benchmarks.pipeline_cases"


def project(rows: int) -> Path:
    """Return the folder of a project with so many deals in one CSV file."""
    folder = _folder(rows)
    if not (folder / "deals.csv").exists():
        made = generate_bulk(folder / "deals.csv.part", rows)
        made.rename(folder / "deals.csv")
    _write_file(folder, {"deals": "deals.csv"})
    return folder


def ragged(rows: int) -> Path:
    """Return the folder of a project over the same deals, one row in the middle of which breaks off."""
    source = project(rows)
    folder = source.with_name(f"{source.name}-ragged")
    if not (folder / "deals.csv").exists():
        folder.mkdir(parents=True, exist_ok=True)
        content = (source / "deals.csv").read_bytes()
        middle = content.index(b"\n", len(content) // 2) + 1
        part = folder / "deals.csv.part"
        part.write_bytes(b"".join((content[:middle], b"D-ragged,breaks off\n", content[middle:])))
        part.rename(folder / "deals.csv")
    _write_file(folder, {"deals": "deals.csv"})
    return folder


def applied(rows: int) -> Path:
    """Return the folder of a project over the same deals whose plan was applied: what it recorded stays valid."""
    source = project(rows)
    folder = source.with_name(f"{source.name}-applied")
    if (folder / "done").exists() and cost(CASES, "again", folder).answer["actions"] == 0:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _write_file(folder, {"deals": f"../{source.name}/deals.csv", "own_tables": "own"})
    cost(CASES, "apply", folder)
    (folder / "done").touch()
    return folder


def _folder(rows: int) -> Path:
    return DATA / f"m{rows // 1_000_000}"


def _write_file(folder: Path, settings: dict[str, str]) -> None:
    reasons = {value: list(code) if isinstance(code, tuple) else code for value, code in BULK_REASONS.items()}
    stages = {state: list(names) for state, names in BULK_STAGES.items()}
    crm = {"connector": "csv", "settings": settings, "stages": stages, "reasons": reasons}
    document = {
        "version": 1,
        "timezone": "Asia/Tokyo",
        "connections": {"crm": crm},
        "pipelines": {"main": {"source": "crm"}},
    }
    # JSON is YAML.
    (folder / "recyclekit.yaml").write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")


def policy_of(rules: int) -> str:
    """Return a policy of so many rules: each about a reason, an owner and an amount, the last one about all."""
    made = []
    for number in range(rules - 1):
        code = _CODES[number % len(_CODES)]
        when = f"reason = '{code}' AND owner = 'fs-{number % 40 + 1:02d}' AND amount > {number * 7919 % 9_000_000}"
        made.append(_rule(f"rule_{number}", when))
    made.append(_rule("rest", "inactive_days >= 0"))
    document = {"format": 1, "name": "many", "version": "1", "labels": {"ja": "many", "en": "many"},
                "reasons": {"read_text": False}, "rules": made}  # fmt: skip
    return json.dumps(document, ensure_ascii=False)


def _rule(name: str, when: str) -> dict[str, object]:
    return {"name": name, "when": when, "verdict": "exclude", "labels": {"ja": name, "en": name}}


_CODES = ("timing", "competitor", "no_budget", "price", "unresponsive", "status_quo", "needs_mismatch")

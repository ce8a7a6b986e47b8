"""The tier that each connector earned last on this machine; it is forgotten when the connector's code changes."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from recyclekit import __version__
from recyclekit.connectors.manifest import API_VERSION, ConnectorManifest
from recyclekit.testing.tiers import Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """What the kit found, and of what: `code` is a hash of the connector's code and of the contract's version."""

    tier: str
    passed: int
    failed: int
    left_out: int
    tested_on: str
    code: str


def badges() -> Mapping[str, Badge]:
    """Return all badges that are kept, by connector; none where nothing was tested or the file cannot be read."""
    try:
        kept = json.loads(_file().read_text(encoding="utf-8"))
        return {str(name): Badge(**found) for name, found in kept.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def badge_of(manifest: ConnectorManifest[Any], kept: Mapping[str, Badge]) -> Badge | None:
    """Return a connector's badge; None where it was never tested, or its code is not what was tested."""
    badge = kept.get(manifest.name)
    return badge if badge is not None and badge.code == code_of(manifest) else None


def keep(manifest: ConnectorManifest[Any], score: Score, today: date) -> Badge:
    """Remember what a connector earned."""
    badge = Badge(
        tier=str(score.tier),
        passed=score.passed,
        failed=score.failed,
        left_out=score.left_out,
        tested_on=today.isoformat(),
        code=code_of(manifest),
    )
    path = _file()
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {name: asdict(found) for name, found in {**badges(), manifest.name: badge}.items()}
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    beside.write_text(json.dumps(kept, indent=2, sort_keys=True), encoding="utf-8")
    beside.replace(path)
    return badge


def code_of(manifest: ConnectorManifest[Any]) -> str:
    """Return a hash of the connector's modules, its version and the contract's: equal as long as nothing changed."""
    module = str((manifest.open_source or manifest.open_sink or manifest.settings).__module__)
    seen = hashlib.sha256(f"{manifest.name} {manifest.version} {__version__} {API_VERSION}".encode())
    for path in _modules(module):
        seen.update(path.name.encode() + b"\0" + path.read_bytes())
    return seen.hexdigest()[:16]


def _modules(module: str) -> list[Path]:
    loaded = sys.modules.get(module)
    package = module if hasattr(loaded, "__path__") else module.rpartition(".")[0] or module
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        return []
    origin = Path(found.origin)
    return sorted(origin.parent.rglob("*.py")) if found.submodule_search_locations else [origin]


def _file() -> Path:
    kept = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA")
    folder = Path(kept) if kept else Path.home() / ".local" / "state"
    return folder / "recyclekit" / "connectors.json"

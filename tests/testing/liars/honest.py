"""The honest connector that every liar spoils: the one of the template, generated and imported."""

from __future__ import annotations

import importlib
import sys
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from recyclekit.connectors import ConnectorManifest

TEMPLATE = Path(__file__).parents[3] / "src/recyclekit/testing/template"


@dataclass(frozen=True)
class Honest:
    """The generated package's modules, and its toy CRM and bench."""

    package: ModuleType
    source: ModuleType
    sink: ModuleType
    settings: ModuleType
    transport: ModuleType
    answers: ModuleType
    toy_crm: ModuleType
    bench: ModuleType

    @property
    def manifest(self) -> ConnectorManifest[Any]:
        return self.package.MANIFEST

    def reading(self, **methods: object) -> ConnectorManifest[Any]:
        """Return a manifest whose source has these methods in place of its own."""
        spoilt = type("SpoiltSource", (self.source.HonestSource,), methods)
        return replace(self.manifest, open_source=spoilt)

    def writing(self, **methods: object) -> ConnectorManifest[Any]:
        """Return a manifest whose sink has these methods in place of its own."""
        spoilt = type("SpoiltSink", (self.sink.HonestSink,), methods)
        return replace(self.manifest, open_sink=spoilt)


@cache
def honest() -> Honest:
    """Generate the package once per process and import it."""
    from copier import run_copy

    folder = Path(tempfile.mkdtemp(prefix="recyclekit-honest-"))
    run_copy(str(TEMPLATE), folder, data={"name": "honest"}, defaults=True, quiet=True)
    sys.path[:0] = [str(folder / "src"), str(folder / "tests")]
    names = ("source", "sink", "settings", "transport", "answers")
    modules = {name: importlib.import_module(f"recyclekit_honest.{name}") for name in names}
    beside = {name: importlib.import_module(name) for name in ("toy_crm", "bench")}
    return Honest(package=importlib.import_module("recyclekit_honest"), **modules, **beside)

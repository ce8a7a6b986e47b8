"""Runs the kit on one connector, in a process of its own, and hands its results on while it runs."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from urllib.parse import unquote, urlsplit

from recyclekit.errors import ConfigError
from recyclekit.testing.proving import Tier
from recyclekit.testing.tiers import COLLECTED, RESULTS, Result

CONFORMANCE = "test_conformance.py"
"""The file beside a connector's source that subclasses the suite, somewhere under its folder `tests`."""
_LAST_WORDS = 600  # of pytest's output, where nothing else tells what went wrong


@dataclass
class KitRun:
    """One run of the kit. `total` is known once the tests are collected; `said` is pytest's own output."""

    connector: str
    tests: tuple[Path, ...]
    root: Path
    only: str | None = None
    total: int | None = None
    results: list[Result] = field(default_factory=list)
    said: str = ""
    code: int = 0

    def go(self) -> Iterator[Result]:
        """Run, and yield each test's result as it comes.

        Raises:
            ConfigError: pytest is not there, or found nothing to run.
        """
        if importlib.util.find_spec("pytest") is None:
            raise ConfigError("The kit needs pytest.", fix="pip install 'recyclekit[testing]'")
        with tempfile.TemporaryDirectory(prefix="recyclekit-kit-") as folder:
            file, lines = Path(folder) / "results.jsonl", list[str]()
            file.touch()
            with file.open(encoding="utf-8") as results, self._start(file) as process:
                assert process.stdout is not None
                for line in process.stdout:
                    lines.append(line)
                    yield from self._news(results.read())
                self.code = process.wait()
                yield from self._news(results.read())
        self.said = "".join(lines)
        if not self.results:
            raise ConfigError(
                f"The kit found nothing to test for '{self.connector}'.",
                why=self.said[-_LAST_WORDS:].strip(),
                fix=f"Look at {', '.join(map(str, self.tests))}: does a class that begins with Test subclass"
                " ConnectorSuite, and does its `manifest` have this name?",
            )

    def _start(self, file: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pytest", "-v", "--color=no", "-p", "recyclekit.testing.recorder", "-p"]
        command += ["no:cacheprovider", *(["-k", self.only] if self.only else []), *map(str, self.tests)]
        environment = os.environ | {RESULTS: str(file), "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(  # noqa: S603  # our own interpreter, on tests that the caller named
            command, cwd=self.root, env=environment, text=True, encoding="utf-8", errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def _news(self, text: str) -> Iterator[Result]:
        for line in text.splitlines():
            said = json.loads(line)
            if COLLECTED in said:
                self.total = int(said[COLLECTED])
            elif said["connector"] == self.connector:
                result = Result(**{**said, "tier": Tier(said["tier"])})
                self.results.append(result)
                yield result


def find_tests(connector: str, distribution: str | None, folder: Path | None) -> tuple[Path, tuple[Path, ...]]:
    """Return the folder to run in and the connector's conformance tests there.

    Args:
        connector: its name, for the error.
        distribution: that provides it, where it is installed: an editable one has its tests beside its source.
        folder: of its source, where given; of one that is not installed from source, the current folder counts.

    Raises:
        ConfigError: there are none.
    """
    root = folder or (_source_of(distribution) if distribution else None) or Path()
    found = tuple(sorted((root / "tests").rglob(CONFORMANCE)))
    if found:
        return root.resolve(), tuple(path.resolve() for path in found)
    raise ConfigError(
        f"There are no conformance tests of '{connector}' in {root.resolve()}.",
        why=f"The kit needs a bench, which lies beside a connector's source in tests/{CONFORMANCE}.",
        fix=f"Run it in the connector's folder, or name that: recyclekit connectors test {connector} --folder DIR",
    )


def _source_of(distribution: str) -> Path | None:
    """Return the folder that an editable distribution was installed from."""
    try:
        text = Distribution.from_name(distribution).read_text("direct_url.json")
    except (PackageNotFoundError, ValueError):
        return None
    told = json.loads(text) if text else {}
    if not told.get("dir_info", {}).get("editable"):
        return None
    return Path(unquote(urlsplit(str(told.get("url", ""))).path))

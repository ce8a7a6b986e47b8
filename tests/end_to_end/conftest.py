"""A project on disk, and the command line as a person uses it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[3] / "shared" / "data" / "tables"


@dataclass(frozen=True)
class Answer:
    """What a command printed and ended with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)


Command = Callable[..., Answer]


@pytest.fixture
def recyclekit(tmp_path: Path) -> Command:
    """Run the command line in a process of its own, in the test's folder."""

    def run(*argv: object, env: dict[str, str] | None = None, largest_file: int | None = None) -> Answer:
        def hinder() -> None:
            # A limit on the size of files is a full disk that needs no disk of its own.
            if largest_file is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

        # Where a file may not grow, Python before 3.14 leaves half a .pyc behind, and every later import breaks.
        compiled = {} if largest_file is None else {"PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "recyclekit", *map(str, argv)],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "140", "NO_COLOR": "1", **compiled, **(env or {})},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
            preexec_fn=hinder,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def shared() -> Path:
    """Real tables, where this checkout has them beside it."""
    if not SHARED.is_dir():
        pytest.skip("the real tables are not beside this checkout; the repository's own tests do not need them")
    return SHARED

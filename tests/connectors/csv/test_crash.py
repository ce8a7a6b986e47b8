"""A process killed at any fault point of the sink loses nothing and doubles nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork to kill a process at every point in a short time")
def test_a_kill_at_every_fault_point_then_the_same_keys_again_have_one_effect(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.connectors.csv.crashing", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["points"] >= 30
    assert found["wrong"] == []

"""The tutorial on connectors does what it says: its changes apply and its commands end as told, in its order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs/tutorials/write-a-connector.md"
BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```", re.MULTILINE | re.DOTALL)
ENDS = re.compile(r"#\s+ends with (\d)$")
PROGRAMS = {"recyclekit", "pytest"}


@pytest.mark.slow
@pytest.mark.timeout(900)  # the whole kit, five times, in processes of its own
def test_every_step_of_the_tutorial_works_in_its_order(tmp_path: Path) -> None:
    here, said = tmp_path, list[str]()
    for language, file, text in BLOCK.findall(TUTORIAL.read_text(encoding="utf-8")):
        if language == "diff":
            change(here / file, text)
        elif file:
            (here / file).write_text(text, encoding="utf-8")
        elif language == "console":
            for line in text.splitlines():
                words = shlex.split(line, comments=True)
                if words[0] == "cd":
                    here /= words[1]
                elif words[0] in PROGRAMS:
                    ends = ENDS.search(line)
                    said.append(run(words, here, int(ends[1]) if ends else 0, tmp_path))
    tiers = [match[1] for one in said if (match := re.search(r"^acme: (\w\w+) ", one, re.MULTILINE))]
    assert tiers == ["platinum", "platinum", "silver"]
    assert "so no badge is kept" in said[1]
    assert "what is declared is what the doors have[undo]" in said[3]
    assert "what keeps it from gold" in said[4].lower()
    assert "success without proof is not success" in said[5]


def change(path: Path, diff: str) -> None:
    """Apply a change of the tutorial: the lines as they were must be there, once."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path.name} has this {text.count(old)} times:\n{old}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def run(words: list[str], folder: Path, code: int, home: Path) -> str:
    env = os.environ | {"NO_COLOR": "1", "COLUMNS": "160", "XDG_STATE_HOME": str(home / "state")}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env=env, capture_output=True, text=True, encoding="utf-8",
        timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == code, f"{shlex.join(words)} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr

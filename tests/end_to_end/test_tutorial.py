"""The tutorial does what it says: its files are written and its commands run, in its order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(\w+)(?: drafted| file=(\S+))?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_every_command_of_the_tutorial_works_in_its_order(tmp_path: Path) -> None:
    here, codes = tmp_path, []
    for language, file, text in BLOCK.findall(TUTORIAL.read_text(encoding="utf-8")):
        if file:
            (here / file).write_text(text, encoding="utf-8")
        if language == "yaml":
            assert text in (here / "recyclekit.yaml").read_text(encoding="utf-8")
        if language != "console":
            continue
        for line in text.splitlines():
            words = shlex.split(line)
            if words[0] == "cd":
                here = here / words[1]
            else:
                codes.append((line, *run(words[1:], here)))

    assert [(line, code, said) for line, code, said in codes if code] == []
    decisions = (here / "decisions.csv").read_text(encoding="utf-8")
    assert re.search(r"^D-2,lost,needs_mismatch,recycle", decisions, re.MULTILINE)
    assert re.search(r"^D-4,lost,price,exclude,lost_on_price", decisions, re.MULTILINE)
    assert re.search(r"^D-5,lost,timing,recycle,.*,2027-02-01,", decisions, re.MULTILINE)


def run(words: list[str], folder: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "recyclekit", *words]
    env = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False
    )
    return done.returncode, done.stdout[-500:] + done.stderr

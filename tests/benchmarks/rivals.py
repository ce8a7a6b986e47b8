"""Rivals in environments of their own under build/bench/, so that nothing of theirs touches ours."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

HOME = Path("build/bench/rivals")


def ask_rival(package: str, script: str, *args: str) -> dict[str, Any] | None:
    """Install a package where it is not yet and run a script of this folder in its environment.

    Args:
        package: with its version, so that figures can be compared over time.
        script: in this folder; it prints one JSON document.
        args: of the script.

    Returns:
        What the script printed, as JSON; None where the package cannot be installed here, which is then said.
    """
    home = HOME / re.sub(r"\W+", "-", package)
    python, uv = home / "bin/python", str(Path(sys.executable).with_name("uv"))
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
        command = [uv, "pip", "install", "--quiet", "--python", str(python), package]
        asked = subprocess.run(command, check=False, capture_output=True, text=True)
        if asked.returncode:
            python.unlink(missing_ok=True)
            print(f"{package} is not compared with: {asked.stderr.strip()[:300]}", file=sys.stderr)
            return None
    place = Path(__file__).with_name(script)
    done = subprocess.run(
        [str(python), "-I", "-W", "ignore", str(place), *args], capture_output=True, check=True, text=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer

"""Runs JavaScript clients: installs them from the lock file where they are not yet, and skips where that cannot be."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
_INSTALL_SECONDS = 240
_RUN_SECONDS = 120


def need() -> Path:
    """Return node's path, with the clients installed; skip the test, with the reason, where that cannot be."""
    node, why = _prepared()
    if node is None:
        pytest.skip(why)
    return node


@cache
def _prepared() -> tuple[Path | None, str]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None, "node and npm are not on this machine: the JavaScript clients cannot run"
    with (HERE / ".gitignore").open() as lock:  # several workers: one installs, the others wait
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_installed():
            return Path(node), ""
        why = _install(npm)
    return (None, f"npm ci in {HERE.name} did not work: {why}") if why else (Path(node), "")


def _install(npm: str) -> str:
    """Install what the lock file names; return why it did not work, or nothing."""
    command = [npm, "ci"]
    try:
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"it took more than {_INSTALL_SECONDS} s"
    return done.stderr.strip()[-300:] if done.returncode else ""


def _is_installed() -> bool:
    mark = HERE / "node_modules" / ".package-lock.json"
    return mark.exists() and mark.stat().st_mtime >= (HERE / "package-lock.json").stat().st_mtime


def run(script: str, *arguments: str, ca_file: Path | None = None, text: str = "") -> str:
    """Run a script of this folder and return what it prints.

    Args:
        script: its file name.
        arguments: of its command line.
        ca_file: whom it trusts beside the usual authorities.
        text: its standard input.

    Raises:
        AssertionError: it failed; with what it said.
    """
    environment = dict(os.environ)
    if ca_file is not None:
        environment["NODE_EXTRA_CA_CERTS"] = str(ca_file)
    done = subprocess.run(
        [need(), HERE / script, *arguments], input=text, env=environment, capture_output=True, text=True,
        timeout=_RUN_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script} ended with {done.returncode}:\n{done.stderr}\n{done.stdout}"
    return done.stdout

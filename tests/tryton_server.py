"""A real Tryton server for tests: its own environment, database and process on a free loopback port.

Installed once into build/tryton by `make tryton-up` (which `make test` calls); a test that does not find it is skipped
with that command. Tryton is GPL: it is never imported here, only started and spoken to.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HOME = ROOT / "build" / "tryton"
PINS = ROOT / "requirements" / "tryton.txt"
SEED = Path(__file__).with_name("tryton_seed.py")
MODULES = ("sale_opportunity", "marketing_automation", "marketing_email", "project")
DATABASE = "crm"
MISSING = "no Tryton server here: make tryton-up"


@dataclass(frozen=True)
class Server:
    """A running server. `key` signs in to REST; `ids` holds, per table, our id → Tryton's, as it was seeded."""

    url: str
    key: str
    ids: Mapping[str, Mapping[str, int]]
    within: Within

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Do something behind the connector's back: `call("PUT", "sale.opportunity/3", {...})`."""
        request = urllib.request.Request(  # loopback
            f"{self.url}/{DATABASE}/rest/model/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"bearer {self.key}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # loopback
            return json.loads(answer.read() or b"null")


class Within:
    """Tryton's own models, in a process beside the server: does what no caller of REST may (tryton_seed.py)."""

    def __init__(self, config: Path) -> None:
        command = [str(HOME / "venv/bin/python"), "-I", "-W", "ignore", str(SEED), str(config), DATABASE]
        self._log = (config.parent / "within.log").open("w+")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, bufsize=1
        )

    def do(self, what: str, **wanted: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"do": what, **wanted}) + "\n")
        answer = self._process.stdout.readline()
        if not answer:
            self._process.wait(10)
            self._log.seek(0)
            raise RuntimeError(f"Tryton would not {what}: {self._log.read()[-2000:]}")
        made: dict[str, Any] = json.loads(answer)
        return made

    def stop(self) -> None:
        self._process.communicate()
        self._log.close()


def is_installed() -> bool:
    """Return whether the environment and the empty database are there, made from today's pins."""
    stamp = HOME / "stamp"
    return stamp.exists() and stamp.read_text() == _wanted()


def install() -> None:
    """Make the environment and an empty database with all modules: a minute, once."""
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(HOME / "venv")], check=True)
    uv, python = Path(sys.executable).with_name("uv"), str(HOME / "venv/bin/python")
    pins = [str(uv), "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", str(PINS)]
    subprocess.run(pins, check=True)
    config = _configured(HOME, port=0)
    (HOME / f"{DATABASE}.sqlite").touch()
    (HOME / "password").write_text("tryton-of-the-tests")
    environment = os.environ | {"TRYTONPASSFILE": str(HOME / "password")}
    admin = [str(HOME / "venv/bin/trytond-admin"), "-c", str(config), "-d", DATABASE]
    for step in (["--email", "admin@example.com", "--all"], ["-u", *MODULES, "--activate-dependencies"]):
        subprocess.run([*admin, *step], check=True, env=environment)
    (HOME / "stamp").write_text(_wanted())


@contextmanager
def running(wanted: Mapping[str, Any]) -> Iterator[Server]:
    """Run a server on a copy of the empty database, filled with what is wanted (see tryton_seed.py)."""
    with tempfile.TemporaryDirectory(prefix="recyclekit-tryton-") as name:
        folder, port = Path(name), _free_port()
        shutil.copy(HOME / f"{DATABASE}.sqlite", folder)
        config = _configured(folder, port)
        within = Within(config)
        seeded = within.do("fill", **wanted)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(HOME / "venv/bin/trytond"), "-c", str(config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        try:
            _await(process, port, folder / "log")
            yield Server(url=f"http://127.0.0.1:{port}", key=seeded.pop("key"), ids=seeded, within=within)
        finally:
            within.stop()
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _configured(folder: Path, port: int) -> Path:
    config = folder / "trytond.conf"
    config.write_text(f"[database]\nuri = sqlite://\npath = {folder}\n[web]\nlisten = 127.0.0.1:{port}\n")
    return config


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    tick = threading.Event()
    for _ in range(600):
        if process.poll() is not None:
            break
        with socket.socket() as door:
            if door.connect_ex(("127.0.0.1", port)) == 0:
                return
        tick.wait(0.1)
    raise RuntimeError(f"Tryton did not start: {log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port: int = door.getsockname()[1]
        return port


def _wanted() -> str:
    return hashlib.sha256(PINS.read_bytes() + repr(MODULES).encode()).hexdigest()


if __name__ == "__main__":
    if not is_installed():
        install()
    print(f"Tryton is installed in {HOME}.")

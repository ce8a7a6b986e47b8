"""A real browser of the tests' own: Debian's Chromium without a window, driven by its DevTools protocol.

Only what a person does: open a page, find a thing by the words on it, click, type, look. Nothing leaves loopback.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.operations.process import Program, eventually

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = "no chromium on this machine (Debian: apt-get install chromium)"
_FIND = """
(words, tags, nth) => {
  const seen = e => e.getClientRects().length && getComputedStyle(e).visibility !== 'hidden';
  const said = e => (e.innerText || e.getAttribute('aria-label') || e.placeholder || e.value || '').trim();
  const all = [...document.querySelectorAll(tags)].filter(seen);
  const found = all.filter(e => said(e) === words);
  const chosen = (found.length ? found : all.filter(e => said(e).startsWith(words)))[nth];
  if (!chosen) return null;
  chosen.scrollIntoView({block: 'center'});
  const box = chosen.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}"""
CLICKABLE = "button, a, [role=button], [role=menuitem], [role=option], [role=combobox], [role=tab], [role=radio], label"


@dataclass
class Browser:
    """One page of a running browser."""

    socket: ClientConnection
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def ask(self, method: str, **given: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol; return its result, passing over events."""
        number, deadline = next(self.numbers), time.monotonic() + 60
        self.socket.send(json.dumps({"id": number, "method": method, "params": given}))
        while True:
            heard = json.loads(self.socket.recv(timeout=max(0.0, deadline - time.monotonic())))
            if heard.get("id") == number:
                assert "error" not in heard, f"{method}: {heard['error']}"
                result: dict[str, Any] = heard["result"]
                return result

    def evaluate(self, script: str) -> Any:
        """Return what an expression gives on the page, as data."""
        told = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    @property
    def text(self) -> str:
        """What can be read on the page."""
        return str(self.evaluate("document.body ? document.body.innerText : ''"))

    def open(self, address: str, *shows: str, seconds: float = 60) -> None:
        """Open an address and wait until the page shows these words."""
        self.ask("Page.navigate", url=address)
        for words in shows:
            self.shows(words, seconds)

    def shows(self, words: str, seconds: float = 60) -> None:
        """Wait until the page shows these words."""
        try:
            eventually(lambda: words in self.text, seconds, repr(words))
        except AssertionError as error:
            raise AssertionError(f"{error}; the page says\n{self.text[:2000]}") from None

    def click(self, words: str, tags: str = CLICKABLE, nth: int = 0, seconds: float = 30) -> None:
        """Click with the mouse on what says these words, or begins with them."""
        call = f"({_FIND})({json.dumps(words)}, {json.dumps(tags)}, {nth})"
        x, y = eventually(lambda: self.evaluate(call), seconds, f"something to click that says {words!r}")
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.ask("Input.insertText", text=text)

    def key(self, name: str) -> None:
        """Press one key, such as Enter or Escape."""
        code = {"Enter": 13, "Escape": 27, "ArrowDown": 40, "Tab": 9}[name]
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)

    def size(self, width: int, height: int) -> None:
        """Make the window that large."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self, file: Path, clip: tuple[int, int, int, int] | None = None) -> None:
        """Write what is seen as a PNG; `clip` is x, y, width and height of a part."""
        part = dict(zip(("x", "y", "width", "height"), clip, strict=True)) | {"scale": 1} if clip else None
        shot = self.ask("Page.captureScreenshot", format="png", **({"clip": part} if part else {}))
        file.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def running_browser(home: Path) -> Iterator[Browser]:
    """Yield a page of a browser with a profile of its own in `home`, and end the browser however the test went."""
    assert PROGRAM, MISSING
    home.mkdir(parents=True, exist_ok=True)
    command = [
        PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--hide-scrollbars", "--lang=en-GB", "--remote-debugging-port=0",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--user-data-dir={home / 'profile'}",
        "about:blank",
    ]  # fmt: skip
    program = Program.start(command, home / "browser.log", os.environ | {"HOME": str(home)})
    try:
        socket = connect(_page(home / "profile", program), max_size=None, compression=None)
        with socket:
            browser = Browser(socket)
            browser.ask("Page.enable")
            browser.size(1280, 900)
            yield browser
    finally:
        program.end()


def _page(profile: Path, program: Program) -> str:
    def port() -> str | None:
        assert program.is_alive, program.said()
        told = profile / "DevToolsActivePort"
        return told.read_text().splitlines()[0] if told.is_file() and told.read_text().strip() else None

    address = f"http://127.0.0.1:{eventually(port, 180, 'a browser that listens')}/json"

    def page() -> str | None:
        pages = [one for one in httpx.get(address, timeout=30).json() if one["type"] == "page"]
        return str(pages[0]["webSocketDebuggerUrl"]) if pages else None

    return eventually(page, 30, "a page of the browser")

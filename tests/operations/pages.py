"""What a person does on the pages of a Prefect server: find a run, look at its artifacts, answer the form, retry."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.operations.browser import Browser
from tests.operations.process import eventually
from tests.operations.server import PrefectServer

DIALOG = "[role=dialog] button, [role=alertdialog] button"
NUMBER = "[role=dialog] input[type=number]"


@dataclass(frozen=True)
class Pages:
    """The pages of one server, in one browser."""

    browser: Browser
    server: PrefectServer

    def open(self, path: str, *shows: str) -> None:
        """Open a page by its path and wait for words on it."""
        self.browser.open(f"http://127.0.0.1:{self.server.port}/v2{path}", *shows)

    def run(self, flow_run: str, *shows: str, tab: str = "Logs") -> None:
        """Open a flow run's page."""
        self.open(f"/runs/flow-run/{flow_run}?tab={tab}", *shows)

    def ask_for_approval(self, flow_run: str) -> None:
        """Open the form that a run shows which waits for a person's word."""
        self.run(flow_run, "Suspended")
        self.browser.click("Open menu")
        self.browser.click("Resume", "[role=menuitem]")
        self.browser.shows("Sealed: ")

    def approve(self, flow_run: str, limit: int | None = None) -> None:
        """Fill in that form, and submit it."""
        self.ask_for_approval(flow_run)
        self.fill_in("approve", limit)
        self.browser.click("Resume", DIALOG)

    def retry(self, flow_run: str) -> None:
        """Press the button Retry of a flow run that has ended, and say yes to what its page asks then."""
        self.run(flow_run, "Task Runs")
        self.browser.click("Open menu")
        self.browser.click("Retry", "[role=menuitem]")
        self.browser.shows("Will become:")
        self.browser.click("Retry", DIALOG)

    def fill_in(self, decision: str, limit: int | None = None) -> None:
        """Choose a decision in the open form and, where given, a limit."""
        self.browser.click("reject", DIALOG)
        self.browser.click(decision, "[role=option]")
        if limit is not None:
            # the list of decisions closes in its own time, and takes a click that comes before
            eventually(self._number_is_asked, 30, "a field for the limit")
            self.browser.click("", NUMBER)
            self.browser.type(str(limit))

    def _number_is_asked(self) -> bool:
        self.browser.click("int", "[role=dialog] [role=tab]")
        return bool(self.browser.evaluate(f"!!document.querySelector({json.dumps(NUMBER)})"))

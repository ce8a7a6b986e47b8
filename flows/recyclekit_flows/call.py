"""Calling a flow from this process: quiet on the terminal, plain words when Prefect's server is the trouble."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
from prefect import Flow, tags
from prefect.client.schemas.objects import State
from prefect.logging.handlers import PrefectConsoleHandler
from prefect.settings import PREFECT_API_URL

from recyclekit.errors import RemoteError
from recyclekit.events import Listen
from recyclekit_flows.heard import LISTENER
from recyclekit_flows.held import Held

TAG = "recyclekit"
"""The tag of all our flow runs: deployments carry it, and a run that was started here gets it."""


def call(flow: Flow[..., State[Any]], parameters: Mapping[str, Any], listen: Listen) -> Any:
    """Run a flow here and return what its final state holds.

    Raises:
        RecyclekitError: what stopped the flow, or RemoteError where no server answers.
    """
    quiet_console()
    token = LISTENER.set(listen)
    try:
        with _plain_words(), tags(TAG):
            state: State[Any] = flow(**parameters, return_state=True)
        ending = state.result(raise_on_failure=False)
    finally:
        LISTENER.reset(token)
    if isinstance(ending, BaseException):
        raise ending
    return ending.value if isinstance(ending, Held) else ending


def quiet_console() -> None:
    """Keep what Prefect would print of the log off this terminal, for the rest of this process."""
    # The log still goes to the run's page; on the terminal the caller shows progress and errors in its own way. For the
    # rest of this process, since Prefect also talks while it shuts down.
    for name in ("", *(name for name in logging.root.manager.loggerDict if name.startswith("prefect"))):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, PrefectConsoleHandler):
                handler.setLevel(logging.CRITICAL + 1)


@contextmanager
def _plain_words() -> Iterator[None]:
    # What a flow itself raises is in its state by now: these two come from Prefect's client and temporary server.
    url = PREFECT_API_URL.value()
    try:
        yield
    except (httpx.HTTPError, RuntimeError) as error:
        if url:
            raise RemoteError(
                f"Prefect's server at {url} did not answer.",
                why=str(error) or type(error).__name__,
                fix="Start it (`prefect server start`), or unset PREFECT_API_URL to use a temporary one.",
            ) from error
        raise RemoteError(
            "Prefect's temporary server did not start.",
            why=str(error) or type(error).__name__,
            fix="On a busy machine, try again. Else run `prefect server start` and read what it prints; after an "
            "upgrade of packages, install the pins of requirements/run.txt again "
            "(docs/decisions/0005-prefect-pins.md).",
        ) from error

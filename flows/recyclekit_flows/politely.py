"""What a run shows on Prefect's pages must not decide how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger


@contextmanager
def politely() -> Iterator[None]:
    """Do what only shows something; where Prefect's server is away, say so in the log and go on."""
    try:
        yield
    except (httpx.HTTPError, PrefectException) as error:
        get_run_logger().warning("Prefect's server did not take what was to be shown: %s", type(error).__name__)

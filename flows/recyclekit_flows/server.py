"""Asking a Prefect server that is already there: its client, and plain words where it is not or says no."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL

from recyclekit.errors import ConfigError, RemoteError, SignInError


def address() -> str:
    """Return the API address that the environment or the active profile names.

    Raises:
        ConfigError: neither names one; a temporary server would forget whatever it is told.
    """
    url: str | None = PREFECT_API_URL.value()
    if not url:
        raise ConfigError(
            "No Prefect server is named.",
            why="PREFECT_API_URL is not set, in the environment or in Prefect's profile.",
            fix="prefect config set PREFECT_API_URL=http://127.0.0.1:4200/api",
        )
    return url


@contextmanager
def server() -> Iterator[SyncPrefectClient]:
    """Yield a client of the server that is named.

    Raises:
        ConfigError: none is named. SignInError: it wants a sign-in. RemoteError: it does not answer, or fails.
    """
    url = address()
    try:
        with get_client(sync_client=True) as client:
            yield client
    except PrefectHTTPStatusError as error:
        raise _refused(url, error) from error
    except (httpx.HTTPError, RuntimeError) as error:
        raise RemoteError(
            f"Prefect's server at {url} did not answer.",
            why=str(error) or type(error).__name__,
            fix="Start it (`prefect server start`), or correct PREFECT_API_URL.",
        ) from error


def _refused(url: str, error: PrefectHTTPStatusError) -> RemoteError:
    status, said = error.response.status_code, error.response.text[:500]
    if status in {401, 403}:
        return SignInError(
            f"Prefect's server at {url} wants a sign-in.",
            why=f"It answered {status}.",
            fix="Set PREFECT_API_AUTH_STRING to what the server has as PREFECT_SERVER_API_AUTH_STRING.",
        )
    return RemoteError(
        f"Prefect's server at {url} refused a request.",
        why=f"It answered {status}: {said}",
        fix="Is it of the same Prefect version? `recyclekit check --server` compares.",
    )

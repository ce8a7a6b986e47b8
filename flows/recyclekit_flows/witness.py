"""The witness's own program: it outlives the process that it watches, and says to Prefect's server what became of it.

Run by its path, with the standard library alone: it costs a run 26 ms of another core, where Prefect costs seconds.
`witnessed` starts it. On its standard input comes one line of JSON, then single bytes: the numbers of signals that its
flow run's process has heard (the system writes them, whatever that process is busy with), or OVER. Then nothing, once
that process is gone.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from typing import Any

OVER = 0xFF
"""The byte that says: there is nothing to witness any more. No signal has this number."""
_STOPS = {signal.SIGTERM, signal.SIGINT}
_FIRST_WORD = 0.3  # seconds for a worker that lives to say itself, with the exit code, that its flow run's process died
_TRIES_FOR = 8.0  # seconds, in which a server that is busy or just starts again may answer
_PAUSE = 0.5


def main() -> None:
    """Watch until the end, and say how it came."""
    stops: list[int] = []
    for number in (*_STOPS, signal.SIGHUP):
        signal.signal(number, lambda number, _: stops.append(number))
    case = json.loads(_line())
    heard = _next()
    if heard is None:
        time.sleep(_FIRST_WORD)
        # A service that is stopped asks all its processes; the worker may have killed the run's before it heard.
        _say(case, case["stopped" if stops else "gone"])
    elif heard != OVER:
        _say(case, case["stopped"])
        _insist(case)


def _line() -> bytes:
    read = bytearray()
    while not read.endswith(b"\n"):
        one = os.read(0, 1)
        if not one:
            break
        read += one
    return bytes(read)


def _next() -> int | None:
    """Return the next stop that was heard, or OVER; None where the process is gone."""
    while one := os.read(0, 1):
        if one[0] in _STOPS or one[0] == OVER:
            return one[0]
    return None


def _insist(case: dict[str, Any]) -> None:
    """End a process that does not end by itself, since it computes where no signal is heard."""
    deadline = time.monotonic() + case["seconds"]
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([0], [], [], left)
        if ready and (_next() in {None, OVER}):
            return
    if os.getppid() == case["process"]:
        os.kill(case["process"], signal.SIGKILL)


def _say(case: dict[str, Any], state: dict[str, str]) -> None:
    """Propose a state; the server refuses it where the flow run has ended, or is being cancelled."""
    from urllib.error import HTTPError

    body, deadline = json.dumps({"state": state}).encode(), time.monotonic() + _TRIES_FOR
    headers = {"Content-Type": "application/json"} | case["headers"]
    while time.monotonic() < deadline:
        try:
            _ask(case, f"/flow_runs/{case['flow_run']}/set_state", headers, body)
        except HTTPError as error:
            if error.code == 403 and "Prefect-Csrf-Token" not in headers:
                headers |= _token(case)
                continue
            if error.code < 500:
                return
        except (OSError, ValueError):
            pass
        else:
            return
        time.sleep(_PAUSE)


def _token(case: dict[str, Any]) -> dict[str, str]:
    """Return the headers that a server with CSRF protection asks for."""
    client = str(case["flow_run"])
    given = json.loads(_ask(case, f"/csrf-token?client={client}", case["headers"]))
    return {"Prefect-Csrf-Token": given["token"], "Prefect-Csrf-Client": client}


def _ask(case: dict[str, Any], path: str, headers: dict[str, str], body: bytes | None = None) -> bytes:
    # Here, since most runs end by themselves, and these weigh more than all the rest.
    import ssl
    from urllib.request import Request, urlopen

    trust = ssl.create_default_context(cafile=case["authorities"]) if case["url"].startswith("https") else None
    if trust is not None and case["authorities"] is None:
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    asked = Request(case["url"] + path, body, headers)  # noqa: S310  # Prefect's own address
    with urlopen(asked, timeout=_TRIES_FOR, context=trust) as answer:  # noqa: S310  # the same address
        return bytes(answer.read())


if __name__ == "__main__":
    main()

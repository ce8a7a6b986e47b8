"""`recyclekit sandbox`: a CRM that runs here, with the demo's deals in it, to try everything on and to hurt."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from recyclekit.cli.options import Json

if TYPE_CHECKING:
    from recyclekit.testing.sandbox import Fault
    from recyclekit.testing.sandbox.ready import Ready


def sandbox(
    vendor: Literal["hubspot", "salesforce"],
    *,
    port: Annotated[int, Parameter(help="Port on this machine; 0 takes a free one.")] = 0,
    deals: Annotated[int, Parameter(help="How many deals to invent.")] = 2400,
    faults: Annotated[Path | None, Parameter(help="YAML file of faults: docs/how-to/sandbox.md.")] = None,
    seed: Annotated[int, Parameter(help="Same seed, same deals, same chances.")] = 20261122,
    as_json: Json = False,
) -> int:
    """Run a CRM here that speaks the vendor's API, until Ctrl-C. Prints a project file that works on it.

    Args:
        vendor: Whose API it speaks.

    Examples:
        recyclekit sandbox hubspot > recyclekit.yaml
    """
    from recyclekit.cli.terminal import say

    hurts = _faults(faults)
    running = _started(vendor, port, deals, seed)
    try:
        running.crm.faults.add(*hurts)
        with _interruption() as interrupted:
            _offer(running, as_json=as_json)
            for line in _about(running, vendor, len(hurts)):
                say(line)
            interrupted.wait()
    finally:
        running.crm.stop()
        say(f"\nStopped after {len(running.crm.journal)} calls. Nothing of it is kept.")
    return 0


def _faults(file: Path | None) -> tuple[Fault, ...]:
    if file is None:
        return ()
    from recyclekit.testing.sandbox.faults import read_faults

    return read_faults(file)


def _started(vendor: Literal["hubspot", "salesforce"], port: int, deals: int, seed: int) -> Ready:
    from zoneinfo import ZoneInfo

    from recyclekit import clock
    from recyclekit.errors import ConfigError
    from recyclekit.testing.sandbox.ready import ready

    try:
        return ready(vendor, port=port, deals=deals, seed=seed, as_of=clock.today(ZoneInfo("Asia/Tokyo")))
    except ModuleNotFoundError as missing:
        raise ConfigError(
            f"The sandbox needs {missing.name}, which is not installed.", fix="pip install 'recyclekit[testing]'"
        ) from None
    except OSError as taken:
        raise ConfigError(f"Port {port} cannot be used.", why=str(taken), fix="Name another one, or none.") from None


def _offer(running: Ready, *, as_json: bool) -> None:
    if as_json:
        from recyclekit.cli.terminal import emit

        crm = running.crm
        emit({"url": crm.url, "token": crm.token, "ca_file": crm.ca_file, "project": running.project})
    else:
        print(running.project, end="", flush=True)  # noqa: T201  # YAML, which rich would wrap


def _about(running: Ready, vendor: str, faults: int) -> list[str]:
    crm = running.crm
    return [
        f"{vendor} sandbox at {crm.url}, with {faults} faults armed. It holds invented deals only.",
        f"  token: {crm.token}",
        *([f"  CA:    {crm.ca_file}"] if crm.ca_file else []),
        f"  The project file above needs recyclekit-{vendor}. As recyclekit.yaml in an empty folder, then:",
        "    recyclekit check --fix\n    recyclekit plan --out plan.json\n    recyclekit apply plan.json",
        "  Ctrl-C ends it.",
    ]


@contextmanager
def _interruption() -> Iterator[threading.Event]:
    """Yield what Ctrl-C or SIGTERM sets; both are the usual end and no error."""
    import signal

    ended = threading.Event()
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""Holding a lease: taken, kept alive while one piece of work takes long, given back however the work ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from recyclekit.errors import LeaseError, RecyclekitError
from recyclekit.ledger.protocol import Lease, Ledger


@contextmanager
def held(ledger: Ledger, pipeline: str, run: str, seconds: int, own: Lease | None = None) -> Iterator[Lease]:
    """Take the lease of a pipeline and give it back in the end; one's `own`, held longer than this, is left alone.

    Raises:
        LeaseError: another run holds it.
    """
    if own is not None:
        yield own
        return
    lease = ledger.acquire(pipeline, run, seconds)
    try:
        yield lease
    finally:
        # A ledger that is out of reach by now must not hide how the work ended: the lease ends by itself.
        with suppress(RecyclekitError):
            ledger.release(lease)


@contextmanager
def beating(ledger: Ledger, lease: Lease, seconds: int) -> Iterator[None]:
    """Renew the lease three times in its length. Where it is lost all the same, the next commit is refused."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(seconds / 3):
            try:
                ledger.renew(lease, seconds)
            except LeaseError:
                return
            except RecyclekitError:
                continue  # a ledger that is away for a moment: the next beat may reach it

    thread = threading.Thread(target=beat, name="recyclekit-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()

"""Ending calls on their way when a run is asked to stop: for connectors whose client rests on urllib3 (requests does).

A call that hangs would otherwise keep a stopped run for as long as its timeout. What was cut off has no answer: a read
is simply over, a write is in doubt and looked up when the run is taken up again.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from recyclekit.stopping import SLICE, never

if TYPE_CHECKING:
    from urllib3 import PoolManager

GRACE = 3.0
"""Seconds that calls on their way have to be answered once a stop was asked for."""


def cut_when_stopped(pools: PoolManager, should_stop: Callable[[], bool]) -> None:
    """Watch the connections that a pool manager opens from now on; shut them once a stop was asked for, after GRACE."""
    if should_stop is never:
        return
    watch = _Watch(should_stop)
    pools.pool_classes_by_scheme = {
        scheme: _watched(kind, watch) for scheme, kind in pools.pool_classes_by_scheme.items()
    }


class _Watch:
    """Open sockets, and a thread that shuts them. It ends with the last pool that knows of it."""

    def __init__(self, should_stop: Callable[[], bool]) -> None:
        self._should_stop = should_stop
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._begun = False

    def add(self, opened: object) -> None:
        if not isinstance(opened, socket.socket):
            return
        with self._lock:
            self._open.add(opened)
            begins, self._begun = not self._begun, True
        if begins:
            own = weakref.ref(self)
            threading.Thread(target=_look_out, args=(own,), name="recyclekit-stop", daemon=True).start()

    def asked(self) -> bool:
        return self._should_stop()

    def shut(self) -> None:
        with self._lock:
            there = list(self._open)
        for one in there:
            with contextlib.suppress(OSError):
                # The plain one: TLS would first take its own state away from under the thread that reads.
                socket.socket.shutdown(one, socket.SHUT_RDWR)


def _look_out(watch: Callable[[], _Watch | None]) -> None:
    over: float | None = None
    pause = threading.Event()  # not time.sleep: this is no wait of the connector's
    while (there := watch()) is not None:
        if over is None and there.asked():
            over = time.monotonic() + GRACE
        if over is not None and time.monotonic() >= over:
            there.shut()
        del there
        pause.wait(SLICE)


def _watched(kind: type[Any], watch: _Watch) -> type[Any]:
    """Return the same kind of pool, whose connections are known to a watch."""

    class Connection(kind.ConnectionCls):  # type: ignore[misc,name-defined]  # whatever class the pool uses
        def connect(self) -> None:
            super().connect()
            watch.add(self.sock)

    return type(kind.__name__, (kind,), {"ConnectionCls": Connection})

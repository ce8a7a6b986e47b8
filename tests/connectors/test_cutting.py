"""A call that hangs ends soon after a stop was asked for, whatever its timeout; nothing else is disturbed."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import urllib3

from recyclekit.connectors import cutting
from recyclekit.connectors.cutting import cut_when_stopped
from recyclekit.stopping import never

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def server(*answers: bytes) -> Iterator[tuple[str, threading.Event]]:
    """Serve one connection: a request is answered with each of these, every further one with silence."""
    asked, over = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                for answer in answers:
                    connection.recv(65_536)
                    connection.sendall(answer)
                connection.recv(65_536)
                asked.set()
                over.wait(60)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/", asked
        over.set()
        thread.join(60)


@pytest.fixture(autouse=True)
def grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "GRACE", 0.05)
    monkeypatch.setattr(cutting, "SLICE", 0.02)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("answers", [(), (ANSWER,), (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no",)])
def test_a_call_that_hangs_is_cut_off_after_a_stop(answers: tuple[bytes, ...]) -> None:
    pools, stop = urllib3.PoolManager(retries=False, timeout=3_600), threading.Event()
    cut_when_stopped(pools, stop.is_set)
    with server(*answers) as (url, asked):
        for _ in range(answers == (ANSWER,)):
            assert pools.request("GET", url).data == b"ok"
        threading.Thread(target=lambda: (asked.wait(0.5), stop.set()), daemon=True).start()
        with pytest.raises(urllib3.exceptions.HTTPError):
            pools.request("GET", url)


@pytest.mark.timeout(30)
def test_a_call_that_is_answered_in_time_stands() -> None:
    pools, stop = urllib3.PoolManager(retries=False, timeout=3_600), threading.Event()
    cut_when_stopped(pools, stop.is_set)
    with server(ANSWER) as (url, _):
        assert pools.request("GET", url).data == b"ok"
        pools.clear()


def test_where_nobody_can_stop_it_nothing_is_watched() -> None:
    pools = urllib3.PoolManager()
    before = pools.pool_classes_by_scheme
    cut_when_stopped(pools, never)
    assert pools.pool_classes_by_scheme is before


@pytest.mark.timeout(30)
def test_the_watch_ends_with_its_pools() -> None:
    before = set(threading.enumerate())  # other tests' pools may live on
    pools, stop = urllib3.PoolManager(retries=False, timeout=3_600), threading.Event()
    cut_when_stopped(pools, stop.is_set)
    with server(ANSWER) as (url, _):
        pools.request("GET", url)
        here = [thread for thread in threading.enumerate() if thread not in before]
        watching = [thread for thread in here if thread.name == "recyclekit-stop"]
        assert watching
        pools.clear()
        del pools
        gc.collect()
        for thread in watching:
            thread.join(20)
            assert not thread.is_alive()

"""The server under every sandbox: HTTP/1.1 as clients speak it, sockets that obey, and nothing left behind."""

from __future__ import annotations

import contextlib
import gc
import http.client
import socket
import threading
import warnings
from collections.abc import Iterator

import pytest
import urllib3
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from recyclekit.testing.sandbox import Fault, FaultKind, StillClock
from tests.testing.sandbox.toy import Toy


@pytest.fixture
def toy() -> Iterator[Toy]:
    with Toy(seed=1, clock=StillClock()) as running:
        yield running


@pytest.fixture
def http_(toy: Toy) -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False, timeout=5) as pool:
        yield pool


def test_many_calls_share_one_connection(toy: Toy, http_: urllib3.PoolManager) -> None:
    for number in range(20):
        answer = http_.request("GET", f"{toy.url}/things/{number}?a=1&a=2&b=")
        assert answer.json()["id"] == str(number)
        assert answer.json()["query"] == {"a": ["1", "2"], "b": [""]}
    pool = http_.connection_from_url(toy.url)
    assert (pool.num_connections, pool.num_requests) == (1, 20)


def test_a_body_may_come_in_chunks(toy: Toy) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(toy.url.rpartition(":")[2]), timeout=5)
    connection.request("POST", "/things", body=iter([b"one ", b"two"]), encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.status, b'"one two"' in answer.read()) == (201, True)
    connection.close()


def test_names_in_a_path_are_decoded(toy: Toy, http_: urllib3.PoolManager) -> None:
    assert http_.request("GET", f"{toy.url}/things/a%20b%2Fc").json()["id"] == "a b/c"


def test_a_client_that_closes_after_each_call_is_served(toy: Toy, http_: urllib3.PoolManager) -> None:
    for _ in range(3):
        answer = http_.request("GET", f"{toy.url}/things/1", headers={"Connection": "close"})
        assert (answer.status, answer.headers["X-Toy"]) == (200, "yes")


def test_https_works_with_the_throwaway_authority_and_only_with_it() -> None:
    with Toy(tls=True) as toy, urllib3.PoolManager(retries=False, ca_certs=str(toy.ca_file)) as trusting:
        assert toy.url.startswith("https://")
        assert trusting.request("GET", f"{toy.url}/things/1").status == 200
        with urllib3.PoolManager(retries=False) as strange, pytest.raises(urllib3.exceptions.SSLError):
            strange.request("GET", f"{toy.url}/things/1")
        ca_file = toy.ca_file
    assert ca_file is not None
    assert not ca_file.parent.exists()


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_nothing_is_left_when_it_stops(tls: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with Toy(tls=tls) as toy:
            toy.faults.add(Fault(kind=FaultKind.SILENCE))
            host, port = "127.0.0.1", int(toy.url.rpartition(":")[2])
            idle = socket.create_connection((host, port))  # never says a word, not even a TLS hello
            pool = urllib3.PoolManager(retries=False, ca_certs=str(toy.ca_file) if tls else None)
            waiting = threading.Thread(target=_ignoring_errors, args=(pool, f"{toy.url}/things/1"))
            waiting.start()
            while not len(toy.journal):
                pass
        waiting.join(timeout=10)
        assert not waiting.is_alive()
        idle.close()
        pool.clear()
        gc.collect()
    assert not [thread for thread in threading.enumerate() if thread.name == f"sandbox:{port}"]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((host, port), timeout=1)


def _ignoring_errors(pool: urllib3.PoolManager, url: str) -> None:
    with contextlib.suppress(urllib3.exceptions.HTTPError):
        pool.request("GET", url, timeout=30)


def test_it_starts_again_on_the_port_it_was_given(toy: Toy) -> None:
    port = int(toy.url.rpartition(":")[2])
    toy.stop()
    with Toy(port=port) as again, urllib3.PoolManager(retries=False) as pool:
        assert pool.request("GET", f"{again.url}/things/1").status == 200


def test_a_bug_of_the_sandbox_is_not_taken_for_one_of_the_client() -> None:
    with pytest.raises(RuntimeError, match="sandbox itself broke"):  # noqa: SIM117  # the inner one raises as it ends
        with Toy() as toy, urllib3.PoolManager(retries=False) as pool:
            assert pool.request("GET", f"{toy.url}/broken").status == 500


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.RESET, ProtocolError),
        (FaultKind.CUT_OFF, ProtocolError),
        (FaultKind.LOST_ANSWER, ProtocolError),
        (FaultKind.SILENCE, ReadTimeoutError),
    ],
)
def test_a_socket_obeys_its_fault_and_the_next_call_is_well(
    toy: Toy, http_: urllib3.PoolManager, kind: FaultKind, error: type[Exception]
) -> None:
    toy.faults.add(Fault(kind=kind))
    with pytest.raises(error):
        http_.request("GET", f"{toy.url}/things/1", timeout=0.2)
    assert toy.done == (kind in {FaultKind.CUT_OFF, FaultKind.LOST_ANSWER})
    assert toy.journal[0].fault == kind
    assert toy.journal[0].status == (200 if kind is FaultKind.CUT_OFF else 0)
    assert http_.request("GET", f"{toy.url}/things/1").status == 200


def test_a_lost_answer_may_also_be_a_reset_or_silence(toy: Toy, http_: urllib3.PoolManager) -> None:
    for how, error in (("reset", ProtocolError), ("silence", ReadTimeoutError)):
        toy.faults.add(Fault(kind=FaultKind.LOST_ANSWER, how=how))
        with pytest.raises(error):
            http_.request("POST", f"{toy.url}/things", body=b"x", timeout=0.2)
    assert toy.done == 2


def test_a_lie_says_200_before_or_after_the_work(toy: Toy, http_: urllib3.PoolManager) -> None:
    toy.faults.add(
        Fault(kind=FaultKind.LYING_200),
        Fault(kind=FaultKind.LYING_200, status=202, body="", applied=True),
    )
    first, second = (http_.request("POST", f"{toy.url}/things", body=b"x") for _ in range(2))
    assert (first.status, b"Be right back" in first.data) == (200, True)
    assert (second.status, second.data) == (202, b"")
    assert toy.done == 1


def test_slowness_moves_the_clock_and_waits_for_nobody(toy: Toy, http_: urllib3.PoolManager) -> None:
    toy.faults.add(Fault(kind=FaultKind.SLOW, seconds=3600))
    before = toy.clock()
    http_.request("GET", f"{toy.url}/things/1")
    assert (toy.clock() - before).total_seconds() == 3600


def test_faults_reach_what_the_vendor_keeps(toy: Toy, http_: urllib3.PoolManager) -> None:
    toy.faults.add(
        Fault(kind=FaultKind.STATUS, status=429),
        Fault(kind=FaultKind.HTML, status=502),
        Fault(kind=FaultKind.STALE_INDEX, seconds=9),
        Fault(kind=FaultKind.TOKEN_EXPIRED),
    )
    answers = [http_.request("GET", f"{toy.url}/things/1") for _ in range(4)]
    assert [answer.status for answer in answers] == [429, 502, 200, 401]
    assert b"<html>" in answers[1].data
    assert toy.behind == 9

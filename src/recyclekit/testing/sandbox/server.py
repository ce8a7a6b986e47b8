"""A small HTTP/1.1 server on a loopback port, whose sockets obey: it can reset, cut off and keep silent. Knows no CRM.

One thread accepts and one serves each connection (keep-alive). `stop` ends them all: no thread and no socket is left.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from http import HTTPStatus
from io import BufferedReader

from recyclekit.testing.sandbox.wire import Answer, Manner, Request

HOST = "127.0.0.1"
_LINE = 65_536  # no vendor takes longer lines
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Server:
    """Serves until stopped. `answer` is called from many threads at once.

    Args:
        answer: request → answer; an exception in it ends the connection.
        port: 0 takes a free one.
        tls: speaks https where given.
    """

    def __init__(
        self, answer: Callable[[Request], Answer], *, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self._answer, self._tls = answer, tls
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads: dict[threading.Thread, socket.socket] = {}
        self._listener = socket.create_server((HOST, port), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        self._accepting = threading.Thread(target=self._accept, name=f"sandbox:{self.port}", daemon=True)
        self._accepting.start()

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"{'https' if self._tls else 'http'}://{HOST}:{self.port}"

    def stop(self) -> None:
        """End every connection and wait until its thread is gone. Twice has one effect."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        with contextlib.suppress(OSError):
            socket.create_connection((HOST, self.port), timeout=5).close()  # wakes `accept`
        self._accepting.join()
        self._listener.close()
        with self._lock:
            left = dict(self._threads)
        for thread, connection in left.items():
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # below TLS, which would wait for its goodbye
            thread.join()

    def wait(self, seconds: float) -> None:
        """Wait on the real clock, but no longer than the server runs."""
        self._stopping.wait(seconds)

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._stopping.is_set():
                connection.close()
                return
            thread = threading.Thread(target=self._serve, args=(connection,), name=f"sandbox:{self.port}", daemon=True)
            with self._lock:
                self._threads[thread] = connection
            thread.start()

    def _serve(self, raw: socket.socket) -> None:
        connection = raw
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                connection = self._tls.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
                with self._lock:
                    self._threads[threading.current_thread()] = connection  # `raw` is an empty shell from here on
                if self._stopping.is_set():
                    return
                connection.do_handshake()
            with connection.makefile("rb") as reader:
                while not self._stopping.is_set() and self._one(connection, reader):
                    pass
        except (OSError, ssl.SSLError):
            pass  # the client went away, which is its right
        finally:
            connection.close()
            with self._lock:
                self._threads.pop(threading.current_thread(), None)

    def _one(self, connection: socket.socket, reader: BufferedReader) -> bool:
        """Serve one request; return whether the connection may go on."""
        request = read_request(reader, connection)
        if request is None:
            return False
        answer = self._answer(request)
        match answer.manner:
            case Manner.SILENT:
                _until_given_up(connection)
                return False
            case Manner.RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                return False
            case Manner.CLOSED:
                return False
            case Manner.HALF:
                head, body = _head(answer, keep=False), answer.body
                connection.sendall(head + body[: len(body) // 2])
                return False
            case Manner.WHOLE:
                keep = request.headers.get("connection", "").lower() != "close"
                connection.sendall(_head(answer, keep=keep) + (b"" if request.method == "HEAD" else answer.body))
                return keep


def read_request(reader: BufferedReader, connection: socket.socket | None = None) -> Request | None:
    """Return the next request of a connection, or None where it ended or spoke no HTTP."""
    words = reader.readline(_LINE).decode("latin-1").split()
    if len(words) != 3:  # method, target, version
        return None
    method, target, _ = words
    headers: dict[str, str] = {}
    while line := reader.readline(_LINE).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    if connection and headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    path, _, query = target.partition("?")
    return Request(method=method, path=path, raw_query=query, headers=headers, body=_body(reader, headers))


def _body(reader: BufferedReader, headers: dict[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return b"".join(_chunks(reader))
    length = int(headers.get("content-length") or 0)
    return reader.read(length) if length else b""


def _chunks(reader: BufferedReader) -> list[bytes]:
    chunks: list[bytes] = []
    while size := int(reader.readline(_LINE).split(b";")[0] or b"0", 16):
        chunks.append(reader.read(size))
        reader.readline(_LINE)
    while reader.readline(_LINE).strip():
        pass  # trailers
    return chunks


def _head(answer: Answer, *, keep: bool) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, '')}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    if answer.status not in (204, 304):
        lines.append(f"Content-Length: {len(answer.body)}")
    lines.append(f"Connection: {'keep-alive' if keep else 'close'}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _until_given_up(connection: socket.socket) -> None:
    """Wait until the client closes its end, or `stop` shuts ours: no thread waits for ever."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        selector.select()

"""What every sandbox CRM is: a server, a journal, faults and a clock around one state. A vendor fills in its words."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from recyclekit import clock as real_clock
from recyclekit.testing.sandbox.certificates import Throwaway, throwaway
from recyclekit.testing.sandbox.faults import Fault, FaultKind, Faults
from recyclekit.testing.sandbox.journal import Call, Journal
from recyclekit.testing.sandbox.routing import Router
from recyclekit.testing.sandbox.server import Server
from recyclekit.testing.sandbox.wire import HTML, Answer, Manner, NonsenseError, Request, html_answer, json_answer

_LOST = {"close": Manner.CLOSED, "reset": Manner.RESET, "silence": Manner.SILENT}
_NO_STATUS = frozenset({Manner.CLOSED, Manner.RESET, Manner.SILENT})


class SandboxCrm(ABC):
    """A CRM in this process, on a loopback port of its own; a context manager.

    Args:
        seed: of every chance in it: faults with a probability, the order of batch results.
        clock: what the CRM takes for the time; `advance(seconds)` is used by the fault `slow` where it has one.
        port: 0 takes a free one.
        latency: real seconds that each answer takes. For benchmarks only.
    """

    token: str

    def __init__(
        self,
        *,
        seed: int = 0,
        clock: Callable[[], datetime] | None = None,
        port: int = 0,
        latency: float = 0.0,
        tls: bool = False,
    ) -> None:
        self.seed, self.latency = seed, latency
        self.clock = clock or real_clock.now
        self.journal, self.faults = Journal(), Faults(seed)
        self.crashes: list[BaseException] = []
        self.router = Router()
        self.lock = threading.RLock()  # one call at a time changes or reads the state
        self._certificate: Throwaway | None = throwaway() if tls else None
        self._port = port
        self._server: Server | None = None

    # -- what a vendor says -----------------------------------------------------------------------------------------

    @abstractmethod
    def refuse(self, request: Request) -> Answer | None:
        """Return why this call is not let in (sign-in, rate limit, quota), or None."""

    @abstractmethod
    def refusal(self, request: Request, fault: Fault) -> Answer:
        """Return a STATUS or DAILY_QUOTA fault in the vendor's words."""

    @abstractmethod
    def unknown(self, request: Request) -> Answer:
        """Return the answer for a path that is not there."""

    @abstractmethod
    def expire_tokens(self) -> None:
        """Let every token that was handed out so far be dead."""

    @abstractmethod
    def finish(self, request: Request, answer: Answer) -> Answer:
        """Return the answer as it goes out: with the vendor's headers on the limits."""

    @abstractmethod
    def fall_behind(self, seconds: float) -> None:
        """Let the search index lag by so much from now on; nothing where the vendor has none."""

    def nonsense(self, request: Request, message: str) -> Answer:  # noqa: ARG002  # the vendor's may look at it
        """Return the answer to a call that makes no sense."""
        return json_answer({"message": message}, 400)

    # -- running ----------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Listen, where it does not yet."""
        if self._server is None:
            context = self._certificate.context if self._certificate else None
            self._server = Server(self._answer, port=self._port, tls=context)
        return self

    def stop(self) -> None:
        """End every connection. The state and the journal stay."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        if self._certificate is not None:
            self._certificate.remove()

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        assert self._server is not None, "the sandbox is not running: use it in a `with` statement, or call start()"
        return self._server.url

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Settings of a project file that signs in here."""

    @property
    def ca_file(self) -> Path | None:
        """The file by which a client trusts it; None where it speaks plain http."""
        return self._certificate.ca_file if self._certificate else None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self.crashes and error is None:
            raise RuntimeError("The sandbox itself broke; this is a bug of it, not of the client.") from self.crashes[0]

    # -- one call ---------------------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> Answer:
        if self.latency and self._server:
            self._server.wait(self.latency)
        fault = request.fault = self.faults.strike(request)
        if fault and fault.kind is FaultKind.SLOW:
            self._pass(fault.seconds)
        with self.lock:
            answer = self._by_fault(request, fault) or self._done(request, fault)
            status = 0 if answer.manner in _NO_STATUS else answer.status
            self.journal.add(
                Call(
                    number=len(self.journal) + 1,
                    method=request.method,
                    path=request.path,
                    query=request.raw_query,
                    status=status,
                    body=request.body,
                    at=self.clock(),
                    fault=fault.kind if fault else "",
                )
            )
        return answer

    def _pass(self, seconds: float) -> None:
        advance = getattr(self.clock, "advance", None)
        if advance is not None:
            advance(seconds)
        elif self._server:
            self._server.wait(seconds)

    def _by_fault(self, request: Request, fault: Fault | None) -> Answer | None:
        """Return what happens instead of the work, or None where the work is done."""
        match fault and fault.kind:
            case FaultKind.RESET:
                return Answer(0, manner=Manner.RESET)
            case FaultKind.SILENCE:
                return Answer(0, manner=Manner.SILENT)
            case FaultKind.STATUS | FaultKind.DAILY_QUOTA if fault:
                return self.refusal(request, fault)
            case FaultKind.HTML if fault:
                return html_answer(fault.message or f"{fault.status} Bad Gateway", fault.status)
            case FaultKind.LYING_200 if fault and not fault.applied:
                return _lie(fault)
            case _:
                return None

    def _done(self, request: Request, fault: Fault | None) -> Answer:
        if fault and fault.kind is FaultKind.TOKEN_EXPIRED:
            self.expire_tokens()
        if fault and fault.kind is FaultKind.STALE_INDEX:
            self.fall_behind(fault.seconds)
        answer = self.refuse(request) or self._routed(request)
        answer = self.finish(request, answer)
        if fault and fault.kind is FaultKind.CUT_OFF:
            return answer.given(Manner.HALF)
        if fault and fault.kind is FaultKind.LOST_ANSWER:
            return answer.given(_LOST[fault.how])
        return _lie(fault) if fault and fault.kind is FaultKind.LYING_200 else answer

    def _routed(self, request: Request) -> Answer:
        found = self.router.find(request)
        if found is None:
            return self.unknown(request)
        handler, asked = found
        try:
            return handler(asked)
        except NonsenseError as nonsense:
            return self.nonsense(request, str(nonsense))
        except Exception as error:  # noqa: BLE001  # a bug of ours must not look like one of the client
            self.crashes.append(error)
            return Answer(500, f"the sandbox broke: {error!r}".encode(), {"X-Sandbox-Crash": "1"})


def _lie(fault: Fault) -> Answer:
    said = "<html>Be right back</html>" if fault.body is None else fault.body
    return Answer(fault.status if fault.status < 300 else 200, said.encode(), HTML)

"""Which handler answers which path: patterns like `/crm/v3/objects/{type}/{id}`, matched piece by piece."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import unquote

from recyclekit.testing.sandbox.wire import Answer, Request

Handler = Callable[[Request], Answer]


class Router:
    """Paths and their handlers. Where two patterns fit, the one added first wins: add the literal ones first."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, int], list[tuple[tuple[str, ...], Handler]]] = defaultdict(list)

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        """Let `handler` answer what fits; `{name}` stands for one piece of the path and lands in Request.parts."""
        pieces = tuple(pattern.strip("/").split("/"))
        self._routes[method, len(pieces)].append((pieces, handler))

    def find(self, request: Request) -> tuple[Handler, Request] | None:
        """Return the handler and the request with its `parts`, or None where nothing fits."""
        pieces = request.path.strip("/").split("/")
        for pattern, handler in self._routes.get((request.method, len(pieces)), ()):
            if all(want == is_ or want[:1] == "{" for want, is_ in zip(pattern, pieces, strict=True)):
                return handler, replace(request, parts=dict(_named(pattern, pieces)))
        return None


def _named(pattern: tuple[str, ...], pieces: list[str]) -> Iterator[tuple[str, str]]:
    for want, is_ in zip(pattern, pieces, strict=True):
        if want[:1] == "{":
            yield want[1:-1], unquote(is_)

"""Doors that know who stands behind them: a connector's bug ends as an error that names the connector and its package.

A guarded door has exactly the methods of the protocols that the connector's own has, so `isinstance` answers the same.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from recyclekit import secrecy
from recyclekit.connectors.manifest import Capability, Support
from recyclekit.connectors.protocols import Page, Sink, Source
from recyclekit.errors import BrokenConnectorError, InDoubtError, RecyclekitError
from recyclekit.models.owner_ids import OwnerIds, writing
from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt
from recyclekit.observing.redaction import redact

T = TypeVar("T")
Answered = Callable[[Sequence[Action]], Sequence[Receipt]]
_SOURCE = ("tables", "mapped", "columns", "scan", "tidy", "count", "told_calls")
_SINK = ("preflight", "calls", "read_back", "parts", "calls_left", "told_calls", "missing", "set_up", "erase")
_ANSWERED = ("write", "find", "undo")
_MOST = 300  # characters of an error's own words


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Who stands behind a door: the connection's name, its connector and package, and what that declares it can do."""

    connection: str
    connector: str
    package: str
    capabilities: Mapping[Capability, Support] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"The connector {self.connector} (package {self.package})"

    @contextmanager
    def answering(self, doing: str) -> Iterator[None]:
        """Turn what no connector may raise into an error that names this one; errors of the contract pass.

        Raises:
            BrokenConnectorError: anything but a RecyclekitError came out.
        """
        try:
            yield
        except RecyclekitError as error:
            # Vendors like to quote the key that they refuse, or whose record it is; an error is shown, logged and kept
            # in Prefect's database.
            error.reword(redact)
            raise
        except Exception as error:
            why = redact(f"{type(error).__name__}: {error}")[:_MOST]
            raise self.fault(doing, why + _place(error)) from error

    def fault(self, doing: str, why: str) -> BrokenConnectorError:
        """Return the error for a bug of this connector."""
        return BrokenConnectorError(
            f"{self} broke in `{doing}`.",
            why=f"{why}.",
            fix=f"This is a fault of {self.package}: report it there. What was sent is looked up before anything else"
            " is written: recyclekit retry",
        )


def provider_of(door: object) -> Provider | None:
    """Return who stands behind a door; None where it is not guarded (a test's own sink, say)."""
    found = getattr(door, "provider", None)
    return found if isinstance(found, Provider) else None


def guarded_source(source: Source, provider: Provider) -> Source:
    """Return the same source, whose bugs name their provider."""
    door = _Door(source, provider, _SOURCE)
    pages = source.pages

    def each_page(*args: Any, **kwargs: Any) -> Iterator[Page]:
        with provider.answering("pages"):
            for page in pages(*args, **kwargs):
                if not isinstance(page, Page):
                    raise provider.fault("pages", f"it gave a {type(page).__name__}, not a Page")
                yield page

    vars(door)["pages"] = each_page
    return cast("Source", door)


def guarded_sink(sink: Sink, provider: Provider) -> Sink:
    """Return the same sink, whose bugs name their provider; an answer that is no list of receipts proves nothing.

    Raises:
        BrokenConnectorError: its batch size is no positive number.
    """
    door = _Door(sink, provider, _SINK)
    for name in _ANSWERED:
        if callable(getattr(sink, name, None)):
            vars(door)[name] = _receipts(getattr(sink, name), name, provider)
    with provider.answering("batch_size"):
        size = sink.batch_size
    if not isinstance(size, int) or size < 1:
        raise provider.fault("batch_size", f"it is {size!r}, not a positive number")
    vars(door)["batch_size"] = size
    return cast("Sink", door)


def translated(sink: Sink, ids: OwnerIds) -> Sink:
    """Return the same guarded sink, told of persons by the system's own ids (see models.owner_ids)."""
    door = copy(sink)
    for name in _ANSWERED:
        inner = vars(door).get(name)
        if inner is not None:
            vars(door)[name] = _in_their_words(inner, ids)
    return door


def _in_their_words(inner: Answered, ids: OwnerIds) -> Answered:
    return lambda actions: inner([writing(action, ids) for action in actions])


class _Door:
    """Stands for a connector's door. Methods are its own attributes: that is where `isinstance` looks for them."""

    def __init__(self, door: object, provider: Provider, names: Sequence[str]) -> None:
        self.provider = provider
        for name in names:
            inner = getattr(door, name, None)
            if callable(inner):
                vars(self)[name] = _guarded(inner, name, provider)


def _guarded(inner: Callable[..., T], name: str, provider: Provider) -> Callable[..., T]:
    def call(*args: Any, **kwargs: Any) -> T:
        with provider.answering(name):
            return inner(*args, **kwargs)

    return call


def _receipts(inner: Callable[..., Any], name: str, provider: Provider) -> Callable[..., Sequence[Receipt]]:
    def call(*args: Any, **kwargs: Any) -> Sequence[Receipt]:
        with provider.answering(name):
            answer = inner(*args, **kwargs)
            if isinstance(answer, Sequence) and all(isinstance(receipt, Receipt) for receipt in answer):
                return [_without_secrets(receipt) for receipt in answer]
        kinds = {type(one).__name__ for one in answer} if isinstance(answer, Sequence) else {type(answer).__name__}
        raise InDoubtError(
            f"{provider} answered `{name}` with {', '.join(sorted(kinds))} instead of receipts.",
            fix=f"This is a fault of {provider.package}: report it there.",
        )

    return call


def _without_secrets(receipt: Receipt) -> Receipt:
    said = secrecy.redact(receipt.reason)  # of people, the ledger takes care
    return receipt if said == receipt.reason else replace(receipt, reason=said)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""

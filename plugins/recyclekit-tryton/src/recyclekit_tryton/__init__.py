"""Tryton as a recyclekit connector: opportunities, notes, tasks, and marketing-automation scenarios for enrolments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from recyclekit.connectors import FULL, Capability, ConnectorManifest, Level, Opening, Support, hookimpl
from recyclekit_tryton.settings import TrytonSettings

if TYPE_CHECKING:
    from recyclekit_tryton.sink import TrytonSink
    from recyclekit_tryton.source import TrytonSource

__version__ = "0.1.0"

_SIGNALS = Support(Level.NEVER, "Tryton notes that a scenario's mail was opened or clicked, but not when.")
_HISTORY = Support(Level.NEVER, "Over REST, Tryton shows a record as it is now, not its history.")
_ERASE = Support(Level.NEVER, "We write ids and codes, no people; a party is erased in Tryton itself (Erase wizard).")


def _open_source(settings: TrytonSettings, opening: Opening) -> TrytonSource:
    from recyclekit_tryton.source import TrytonSource
    from recyclekit_tryton.transport import Transport

    return TrytonSource(Transport(settings, should_stop=opening.should_stop), settings, opening.timezone)


def _open_sink(settings: TrytonSettings, opening: Opening) -> TrytonSink:
    from recyclekit_tryton.sink import TrytonSink
    from recyclekit_tryton.source import TrytonSource
    from recyclekit_tryton.transport import Transport

    transport = Transport(settings, should_stop=opening.should_stop)
    return TrytonSink(transport, settings, TrytonSource(transport, settings, opening.timezone))


MANIFEST = ConnectorManifest(
    name="tryton",
    summary="Tryton 8.2 over REST: opportunities, notes and tasks; enrols parties in marketing-automation scenarios.",
    version=__version__,
    settings=TrytonSettings,
    open_source=_open_source,
    open_sink=_open_sink,
    capabilities={
        **dict.fromkeys(Capability, FULL),
        Capability.READ_SIGNALS: _SIGNALS,
        Capability.READ_HISTORY: _HISTORY,
        Capability.ERASE: _ERASE,
    },
)


@hookimpl
def recyclekit_connectors() -> Iterable[ConnectorManifest[Any]]:
    """Return the Tryton connector."""
    return (MANIFEST,)

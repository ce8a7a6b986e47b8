"""HubSpot as a recyclekit connector. The manifest; the vendor's SDK is imported when a door opens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from recyclekit.connectors import FULL, Capability, ConnectorManifest, Level, Opening, Support, hookimpl
from recyclekit_hubspot.settings import HubSpotSettings

if TYPE_CHECKING:
    from recyclekit_hubspot.sink import HubSpotSink
    from recyclekit_hubspot.source import HubSpotSource

__version__ = "0.1.0"
_NO_PEOPLE = Support(
    Level.NEVER, "What recyclekit writes to HubSpot holds ids and codes, no people; erase the contact in HubSpot."
)


def _open_source(settings: HubSpotSettings, opening: Opening) -> HubSpotSource:
    from recyclekit_hubspot.source import HubSpotSource
    from recyclekit_hubspot.transport.shared import transport_of

    return HubSpotSource(settings, transport_of(settings, opening))


def _open_sink(settings: HubSpotSettings, opening: Opening) -> HubSpotSink:
    from recyclekit_hubspot.sink import HubSpotSink
    from recyclekit_hubspot.transport.shared import transport_of

    return HubSpotSink(settings, transport_of(settings, opening), opening.timezone)


MANIFEST = ConnectorManifest(
    name="hubspot",
    summary="HubSpot: deals, contacts, companies, engagements; own properties, tasks and static lists.",
    version=__version__,
    settings=HubSpotSettings,
    open_source=_open_source,
    open_sink=_open_sink,
    capabilities={
        **dict.fromkeys(Capability, FULL),
        Capability.ERASE: _NO_PEOPLE,
    },
)


@hookimpl
def recyclekit_connectors() -> Iterable[ConnectorManifest[Any]]:
    """Return the HubSpot connector."""
    return (MANIFEST,)

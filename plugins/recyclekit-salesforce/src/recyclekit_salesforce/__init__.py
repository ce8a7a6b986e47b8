"""Salesforce as a recyclekit connector: its manifest and hook. Cheap to import; the SDK comes when a door opens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from recyclekit.connectors import FULL, Capability, ConnectorManifest, Level, Opening, Support, hookimpl
from recyclekit_salesforce.settings import SalesforceSettings

if TYPE_CHECKING:
    from recyclekit_salesforce.sink import SalesforceSink
    from recyclekit_salesforce.source import SalesforceSource

__version__ = "0.1.0"
_NO_SIGNALS = Support(
    Level.NEVER,
    "Clicks and visits are not in Salesforce itself but in Account Engagement or Marketing Cloud, which have APIs of"
    " their own.",
)
_NO_PEOPLE = Support(Level.NEVER, "We write ids, codes and dates, no people; erase a person in Salesforce itself.")


def _open_source(settings: SalesforceSettings, opening: Opening) -> SalesforceSource:
    from recyclekit_salesforce.source import SalesforceSource
    from recyclekit_salesforce.transport.shared import transport_of

    return SalesforceSource(settings, opening, transport_of(settings, opening))


def _open_sink(settings: SalesforceSettings, opening: Opening) -> SalesforceSink:
    from recyclekit_salesforce.sink import SalesforceSink
    from recyclekit_salesforce.transport.shared import transport_of

    return SalesforceSink(settings, opening, transport_of(settings, opening))


MANIFEST = ConnectorManifest(
    name="salesforce",
    summary="Salesforce Sales Cloud: opportunities, tasks and campaigns, over REST and Bulk API 2.0.",
    version=__version__,
    settings=SalesforceSettings,
    open_source=_open_source,
    open_sink=_open_sink,
    capabilities={
        **dict.fromkeys(Capability, FULL),
        Capability.READ_SIGNALS: _NO_SIGNALS,
        Capability.ERASE: _NO_PEOPLE,
    },
)


@hookimpl
def recyclekit_connectors() -> Iterable[ConnectorManifest[Any]]:
    """Return the Salesforce connector."""
    return (MANIFEST,)

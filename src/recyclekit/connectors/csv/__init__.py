"""The CSV connector: files as a source, and our own tables beside them as a full stand-in for a CRM."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from recyclekit import __version__
from recyclekit.connectors.csv.settings import CsvSettings
from recyclekit.connectors.hookspecs import hookimpl
from recyclekit.connectors.manifest import FULL, Capability, ConnectorManifest, Level, Opening, Support

if TYPE_CHECKING:
    from recyclekit.connectors.csv.sink import CsvSink
    from recyclekit.connectors.csv.source import CsvSource

_NO_CHANGES = Support(Level.NEVER, "A file does not say what changed in it since the last run, so it is read whole.")


def _open_source(settings: CsvSettings, opening: Opening) -> CsvSource:
    from recyclekit.connectors.csv.source import CsvSource

    return CsvSource(settings, opening.folder)


def _open_sink(settings: CsvSettings, opening: Opening) -> CsvSink:
    from recyclekit.connectors.csv.sink import CsvSink

    return CsvSink(settings, opening.folder)


MANIFEST = ConnectorManifest(
    name="csv",
    summary="CSV files in any of the usual encodings; writes to its own tables beside them.",
    version=__version__,
    settings=CsvSettings,
    open_source=_open_source,
    open_sink=_open_sink,
    capabilities={
        **dict.fromkeys(Capability, FULL),
        Capability.INCREMENTAL: _NO_CHANGES,
    },
)


@hookimpl
def recyclekit_connectors() -> Iterable[ConnectorManifest[Any]]:
    """Return the CSV connector."""
    return (MANIFEST,)

"""All that a connector's author imports, with `recyclekit.models` and `recyclekit.errors`."""

from recyclekit.connectors.hookspecs import hookimpl
from recyclekit.connectors.manifest import API_VERSION, FULL, Capability, ConnectorManifest, Level, Opening, Support
from recyclekit.connectors.protocols import (
    Calls,
    CountsRecords,
    Erases,
    FindsByKey,
    KnowsQuota,
    KnowsTidiness,
    Page,
    ReadsBack,
    ScansColumns,
    SetsUp,
    Sink,
    Source,
    SplitsBatches,
    TellsCalls,
    Undoes,
)

__all__ = [
    "API_VERSION",
    "FULL",
    "Calls",
    "Capability",
    "ConnectorManifest",
    "CountsRecords",
    "Erases",
    "FindsByKey",
    "KnowsQuota",
    "KnowsTidiness",
    "Level",
    "Opening",
    "Page",
    "ReadsBack",
    "ScansColumns",
    "SetsUp",
    "Sink",
    "Source",
    "SplitsBatches",
    "Support",
    "TellsCalls",
    "Undoes",
    "hookimpl",
]

"""One connection of a project: a connector with its settings read, and its doors, opened on first use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from recyclekit.errors import ConnectorError
from recyclekit.models import owner_ids
from recyclekit.models.field_map import Mapped
from recyclekit.models.tables import Table
from recyclekit.project_file.spec import ConnectionSpec

if TYPE_CHECKING:
    from recyclekit.connectors.doors import Provider
    from recyclekit.connectors.manifest import ConnectorManifest, Opening
    from recyclekit.connectors.protocols import Sink, Source

STATE = ".recyclekit"
"""Folder beside the project file that keeps each run's plan and report; safe to delete once a run is over."""


@dataclass(frozen=True)
class Connection:
    """A connection with its settings read; `source` and `sink` open the doors."""

    name: str
    manifest: ConnectorManifest[Any]
    package: str
    settings: BaseModel
    opening: Opening
    spec: ConnectionSpec

    @cached_property
    def source(self) -> Source:
        """The opened reading door; a bug behind it names its connector."""
        from recyclekit.connectors.doors import guarded_source

        if self.manifest.open_source is None:
            raise ConnectorError(
                f"The connector {self.manifest.name} cannot be read from.", fix="Choose another source."
            )
        with self._provider.answering("open_source"):
            door = guarded_source(self.manifest.open_source(self.settings, self.opening), self._provider)
        return self._mirrored(door) if self.spec.reading.only_changes else door

    @cached_property
    def sink(self) -> Sink:
        """The opened writing door; a bug behind it names its connector."""
        from recyclekit.connectors.doors import guarded_sink, translated

        if self.manifest.open_sink is None:
            raise ConnectorError(
                f"The connector {self.manifest.name} cannot be written to.", fix="Choose another sink."
            )
        with self._provider.answering("open_sink"):
            door = guarded_sink(self.manifest.open_sink(self.settings, self.opening), self._provider)
        return translated(door, self.spec.owners)

    def _mirrored(self, source: Source) -> Source:
        """Return the same source, asked only for what changed since it was last read."""
        from recyclekit.connectors.manifest import Capability, Level
        from recyclekit.connectors.mirror import FOLDER, Mirror, identify

        support = self.manifest.capabilities[Capability.INCREMENTAL]
        if support.level is not Level.FULL:
            raise ConnectorError(
                f"The connection {self.name} cannot be read by `only_changes`.",
                why=f"{self.manifest.name} does not tell what changed: {support.reason}",
                fix=f"Take `reading` out of the connection {self.name}; it is read whole then.",
            )

        def column_of(table: Table, ours: str) -> str | None:
            spec = self.mapped.fields.get(table, {}).get(ours)
            return spec.column if spec else None

        return Mirror(
            folder=self.opening.folder / STATE / FOLDER / self.name,
            account=identify(self.manifest.name, self.package, self.settings),
            whole_every=timedelta(days=self.spec.reading.whole_every_days),
            column_of=column_of,
        ).over(source)

    @cached_property
    def _provider(self) -> Provider:
        from recyclekit.connectors.doors import Provider

        known = self.manifest.capabilities
        return Provider(connection=self.name, connector=self.manifest.name, package=self.package, capabilities=known)

    @cached_property
    def mapped(self) -> Mapped:
        """The connector's own field map with the project's laid over it."""
        own = Mapped(fields=self.spec.fields, stages=self.spec.stages, reasons=self.spec.reasons)
        return owner_ids.reading(own.over(self.source.mapped()), self.spec.owners)

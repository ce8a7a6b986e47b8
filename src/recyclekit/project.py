"""The project file and the composition root: a file in, opened parts out. Only here are implementations chosen."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator

from recyclekit import clock
from recyclekit.errors import ConnectorError, ProjectError
from recyclekit.events import Listen, silence
from recyclekit.models import owner_ids
from recyclekit.models.calendar.settings import CalendarSettings
from recyclekit.models.field_map import Mapped, Spec, StageMap
from recyclekit.models.roster import Owner, Roster
from recyclekit.models.tables import Table
from recyclekit.policy.reasons import TAXONOMY
from recyclekit.yaml_file import Document, did_you_mean, examine, listing, load, validate

if TYPE_CHECKING:
    from recyclekit.connectors.doors import Provider
    from recyclekit.connectors.manifest import ConnectorManifest, Opening
    from recyclekit.connectors.protocols import Sink, Source
    from recyclekit.connectors.registry import Registry
    from recyclekit.ledger.protocol import Ledger
    from recyclekit.models.memory import Memory
    from recyclekit.pipeline import Job
    from recyclekit.policy.loader import Policy

FILE = "recyclekit.yaml"
STATE = ".recyclekit"
"""Folder beside the project file that keeps each run's plan and report; safe to delete once a run is over."""

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ConnectionSpec(_Strict):
    """One system that deals are read from or written to."""

    connector: str = Field(description="Name of the connector, as `recyclekit connectors` lists it.")
    settings: dict[str, Any] = Field(default_factory=dict, description="The connector's own settings.")
    fields: dict[Table, dict[str, Spec]] = Field(default_factory=dict, description="Our column → the system's column.")
    stages: StageMap = Field(default_factory=StageMap, description="Won and lost stages.")
    reasons: dict[str, str | tuple[str, ...]] = Field(default_factory=dict, description="Picklist value → reason(s).")
    owners: dict[str, str] = Field(
        default_factory=dict, description="Your id of a person → this system's, where the two differ."
    )

    @field_validator("owners")
    @classmethod
    def _one_to_one(cls, ids: dict[str, str]) -> dict[str, str]:
        twice = {theirs for theirs in ids.values() if list(ids.values()).count(theirs) > 1}
        if twice:
            raise ValueError(f"{', '.join(sorted(twice))} stands for more than one person")
        return ids

    @field_validator("reasons")
    @classmethod
    def _known_reasons(cls, values: dict[str, str | tuple[str, ...]]) -> dict[str, str | tuple[str, ...]]:
        for value, codes in values.items():
            for code in [codes] if isinstance(codes, str) else codes:
                if code not in TAXONOMY:
                    near = did_you_mean(code, list(TAXONOMY)) or f"; there are: {', '.join(TAXONOMY)}"
                    raise ValueError(f"{value!r} is mapped to {code!r}, which is no reason{near}")
        return values


class PipelineSpec(_Strict):
    """What is read where, judged by which policy, and written where."""

    source: str = Field(description="Connection that deals are read from.")
    sink: str | None = Field(default=None, description="Connection that is written to; default: the source.")
    nurture: str | None = Field(
        default=None, description="Connection in which contacts are enrolled; default: the sink."
    )
    policy: str = Field(default="standard", description="A packaged policy's name, or a path.")


class PluginsSpec(_Strict):
    """Which plugins may be loaded."""

    allow: tuple[str, ...] | None = Field(default=None, description="Distributions; left out, all.")


class ProjectSpec(_Strict):
    """The shape of recyclekit.yaml."""

    version: Literal[1] = Field(description="Version of this file's format.")
    timezone: str = Field(description="IANA zone of the business: decides what today is.")
    ledger: str = Field(default="sqlite:///ledger.db", description="SQLAlchemy URL; SQLite paths start at this file.")
    connections: dict[str, ConnectionSpec] = Field(min_length=1, description="The systems, by your own names.")
    pipelines: dict[str, PipelineSpec] = Field(min_length=1, description="By your own names.")
    calendar: CalendarSettings = Field(default_factory=CalendarSettings, description="Days off, fiscal year.")
    owners: dict[str, tuple[Owner, ...]] = Field(default_factory=dict, description="Role → who takes its touches.")
    plugins: PluginsSpec = Field(default_factory=PluginsSpec, description="Which plugins may be loaded.")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("not an IANA time zone; write it like Asia/Tokyo or Europe/Berlin")
        return value


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
            return guarded_source(self.manifest.open_source(self.settings, self.opening), self._provider)

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


@dataclass(frozen=True)
class Project:
    """An opened project: what its file says, and the doors to everything that it names."""

    folder: Path
    spec: ProjectSpec
    document: Document
    _connections: dict[str, Connection] = field(default_factory=dict, repr=False)

    @property
    def timezone(self) -> ZoneInfo:
        """The business zone."""
        return ZoneInfo(self.spec.timezone)

    @property
    def state(self) -> Path:
        """The folder that keeps plans and reports."""
        return self.folder / STATE

    @cached_property
    def registry(self) -> Registry:
        """The connectors that are installed and allowed."""
        from recyclekit.connectors.registry import discover

        return discover(self.spec.plugins.allow)

    def pipeline_name(self, name: str | None) -> str:
        """Return the pipeline asked for, or the only one there is."""
        names = list(self.spec.pipelines)
        if name is None and len(names) == 1:
            return names[0]
        if name in self.spec.pipelines:
            return str(name)
        what = f"There is no pipeline {name!r}." if name else "This project has more than one pipeline."
        raise ProjectError(what, fix=f"Name one with --pipeline: {', '.join(names)}.")

    def connection(self, name: str) -> Connection:
        """Return a connection with its settings validated; opened on first use of its doors."""
        if name not in self._connections:
            self._connections[name] = self._connect(name)
        return self._connections[name]

    def _connect(self, name: str) -> Connection:
        from recyclekit.connectors.manifest import Opening

        spec = self.spec.connections[name]
        manifest = self.registry.manifest(spec.connector)
        given = dict(spec.settings)
        id_spec = spec.fields.get(Table.DEALS, {}).get("deal_id")
        if "deal_id" in manifest.settings.model_fields and id_spec is not None:
            given.setdefault("deal_id", id_spec.column)
        part = self.document.part(("connections", name, "settings"), given)
        settings = validate(part, manifest.settings, error=ProjectError)
        opening, package = Opening(folder=self.folder, timezone=self.timezone), self.registry.package(manifest.name)
        return Connection(name, manifest, package, settings, opening, spec)

    def crm(self, pipeline: str) -> Connection:
        """Return the connection that a pipeline writes fields and tasks to."""
        spec = self.spec.pipelines[pipeline]
        return self.connection(spec.sink or spec.source)

    def nurture(self, pipeline: str) -> Connection:
        """Return the connection that a pipeline enrols in: the one it writes to, where no other is named."""
        return self.connection(self.spec.pipelines[pipeline].nurture or self.crm(pipeline).name)

    def sink_of(self, pipeline: str) -> Callable[[], Sink]:
        """Return what opens a pipeline's sink, once."""
        from recyclekit.connectors.routed import routed

        crm, nurture = self.crm(pipeline), self.nurture(pipeline)
        return cache(lambda: crm.sink if nurture is crm else routed(crm.sink, nurture.sink))

    def policy(self, pipeline: str) -> Policy:
        """Load the policy of a pipeline: a packaged name, or a path that starts at the project's folder."""
        from recyclekit.policy.loader import load_policy

        return load_policy(self.spec.pipelines[pipeline].policy, folder=self.folder)

    def roster(self) -> Roster:
        """Return who takes touches, by role."""
        return Roster(owners=dict(self.spec.owners))

    def ledger(self) -> Ledger:
        """Open the ledger, creating or migrating it where needed."""
        from recyclekit.ledger import open_ledger

        return open_ledger(self.spec.ledger, folder=self.folder)

    @property
    def has_ledger(self) -> bool:
        """Whether there is a ledger to look into; a SQLite file that does not exist yet remembers nothing."""
        kind, _, place = self.spec.ledger.partition(":///")
        return not kind.startswith("sqlite") or (self.folder / place).exists()

    def memory(self, pipeline: str, as_of: date) -> Memory:
        """Return what is remembered, without creating a ledger: planning never writes."""
        from recyclekit.ledger import recall

        return recall(self.spec.ledger, self.folder, pipeline, as_of)

    def job(self, pipeline: str | None = None, as_of: date | None = None, listen: Listen = silence) -> Job:
        """Return a job: one pipeline with everything that its stages need. Today is decided here, once."""
        from recyclekit.pipeline import Job

        name = self.pipeline_name(pipeline)
        spec = self.spec.pipelines[name]
        source = self.connection(spec.source)
        return Job(
            pipeline=name,
            as_of=as_of or clock.today(self.timezone),
            timezone=self.timezone,
            policy=self.policy(name),
            open_source=lambda: source.source,
            open_sink=self.sink_of(name),
            mapped=source.mapped,
            open_ledger=self.ledger,
            recall=lambda day: self.memory(name, day),
            calendar=self.spec.calendar,
            roster=self.roster(),
            connection=spec.source,
            state=self.state,
            listen=listen,
        )


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of project files, for editors."""
    return ProjectSpec.model_json_schema()


def open_project(folder: Path) -> Project:
    """Read and check the project file of a folder.

    Raises:
        ProjectError: with file, line, column and what was expected, all faults at once.
    """
    path = folder / FILE if folder.is_dir() else folder
    if not path.is_file():
        raise ProjectError(
            f"There is no {FILE} in {folder.resolve()}.",
            fix="Run `recyclekit init` to make one, or name its folder with --project.",
        )
    document = load(path, error=ProjectError)
    filled = Document(_fill(document.data, document, ()), document.path, document.positions)
    spec, lines = examine(filled, ProjectSpec)
    lines += [] if spec is None else _strange_doors(spec, filled)
    if spec is None or lines:
        raise ProjectError(listing(filled, lines))
    return Project(path.parent, spec, filled)


def _strange_doors(spec: ProjectSpec, document: Document) -> Iterator[str]:
    """Yield what is wrong with pipelines that name connections which are not there."""
    for name, pipeline in spec.pipelines.items():
        for door in ("source", "sink", "nurture"):
            wanted, where = getattr(pipeline, door), ("pipelines", name, door)
            if wanted is not None and wanted not in spec.connections:
                known = list(spec.connections)
                there = did_you_mean(wanted, known) or f"; there are: {', '.join(known)}"
                yield f"{document.where(where)}: {document.name(where)}: {wanted!r} is no connection{there}"


def _fill(value: Any, document: Document, where: tuple[str | int, ...]) -> Any:
    """Put environment variables in for ${NAME}, naming the place of one that is not set."""
    if isinstance(value, Mapping):
        return {key: _fill(inner, document, (*where, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, document, (*where, n)) for n, inner in enumerate(value)]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise ProjectError(
                f"{document.where(where)}: the environment variable {name} is not set.",
                fix=f"Set it (export {name}=…) or write the value here.",
            )
        return os.environ[name]

    return _VARIABLE.sub(variable, value)

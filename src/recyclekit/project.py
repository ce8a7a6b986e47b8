"""The composition root: a project file in, opened parts out. Only here are implementations chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from recyclekit import clock
from recyclekit.connection import STATE, Connection
from recyclekit.errors import ConnectorError, ProjectError
from recyclekit.events import Listen, Observer, silence
from recyclekit.models.roster import Roster
from recyclekit.models.tables import Table
from recyclekit.observing.context import Binding
from recyclekit.observing.hearing import LogEvents, everyone
from recyclekit.observing.metrics import Metrics
from recyclekit.project_file.spec import FILE, ProjectSpec, read_project
from recyclekit.secrecy import remember_address, remember_all
from recyclekit.stopping import Stop
from recyclekit.yaml_file import Document, did_you_mean, validate

if TYPE_CHECKING:
    from recyclekit.connectors.manifest import ConnectorManifest
    from recyclekit.connectors.protocols import Calls, Sink, Source
    from recyclekit.connectors.registry import Registry
    from recyclekit.housekeeping.tidying import Tidied
    from recyclekit.ledger.housekeeping import Housekeeping
    from recyclekit.ledger.protocol import Ledger, SharesBudgets
    from recyclekit.models.budget import Ask, Grant
    from recyclekit.models.memory import Memory
    from recyclekit.models.run import RunKind
    from recyclekit.pipeline import Job
    from recyclekit.policy.loader import Policy


@dataclass(frozen=True)
class Project:
    """An opened project: what its file says, and the doors to everything that it names."""

    folder: Path
    spec: ProjectSpec
    document: Document
    _connections: dict[str, Connection] = field(default_factory=dict, repr=False)
    stop: Stop = field(default_factory=Stop, repr=False)
    """Asked by all doors that this project opens; whoever runs a job on it gives the answer (see Job.stopping)."""

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

    def pipeline_of(self, run: str, name: str | None, kind: RunKind | None = None) -> str | None:
        """Return the pipeline that was named; where none was, and the project has several, the one of this run.

        Raises:
            UnknownRunError: there is no such run, or several; as in `Ledger.run`.
        """
        if name is not None or len(self.spec.pipelines) == 1:
            return name
        found = self.ledger().run(run, kind).pipeline
        return found if found in self.spec.pipelines else None

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
        remember_all(settings)
        share = partial(self._share, manifest.name)
        opening = Opening(folder=self.folder, timezone=self.timezone, should_stop=self.stop, share=share)
        package = self.registry.package(manifest.name)
        return Connection(name, manifest, package, settings, opening, spec)

    def _share(self, connector: str, window: str, ask: Ask) -> Grant | None:
        return self._budgets.exchange(f"{connector}:{window}", ask)

    @cached_property
    def _budgets(self) -> SharesBudgets:
        from recyclekit.ledger import open_ledger

        return open_ledger(self.spec.ledger, folder=self.folder)  # its own: a run's is asked by one thread at a time

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

    def house(self) -> Housekeeping:
        """Open the ledger for those who keep it: erasing people, tidying, backup."""
        from recyclekit.ledger import open_ledger

        return open_ledger(self.spec.ledger, folder=self.folder)

    def tidy(self, pipelines: Sequence[str], *, room: bool = True) -> Tidied:
        """Forget what is older than `keep` says; with `room`, give back the room that it took.

        Raises:
            LeaseError: a run works on one of the pipelines; those before it are tidied.
        """
        from recyclekit.housekeeping.tidying import Ages, tidy

        keep = self.spec.keep
        ages = Ages(runs_days=keep.runs_days, dead_letters_days=keep.dead_letters_days, plans_days=keep.plans_days)
        return tidy(self.house(), pipelines, self.state, ages, room=room)

    @property
    def has_ledger(self) -> bool:
        """Whether there is a ledger to look into; a SQLite file that does not exist yet remembers nothing."""
        kind, _, place = self.spec.ledger.partition(":///")
        return not kind.startswith("sqlite") or (self.folder / place.partition("?")[0]).exists()

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
        metrics = Metrics(self.calls)
        observers = self._observers(metrics, {"pipeline": name, "connection": spec.source})
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
            listen=everyone(listen, observers),
            observers=observers,
            metrics=metrics,
            should_stop=self.stop,
        )

    def calls(self) -> Mapping[str, Calls]:
        """Return what the doors that are open have asked of their systems so far, by connection and door."""
        from recyclekit.connectors.protocols import TellsCalls

        opened = {name: vars(one) for name, one in self._connections.items()}
        doors = {name: there.get("sink") or there.get("source") for name, there in opened.items()}
        return {name: door.told_calls() for name, door in doors.items() if isinstance(door, TellsCalls)}

    def _observers(self, metrics: Metrics, ids: Mapping[str, str]) -> tuple[Observer, ...]:
        """Return who hears a job beside whoever runs it: binding first, so that what the others log has its ids."""
        from recyclekit.observing import telemetry

        told = {**ids, **({"tenant": self.spec.tenant} if self.spec.tenant else {})}
        traced = telemetry.from_environment(metrics, told)
        own = (Binding(told), metrics, LogEvents(), *((traced,) if traced else ()))
        return (*own, *self.registry.heard_by(self.spec.plugins.observers))

    def job_on(self, connection: str, pipeline: str | None = None, as_of: date | None = None) -> Job:
        """Return a pipeline's job on any connection of the project, remembering nothing: for holding two side by side.

        Raises:
            ProjectError: there is no such connection.
        """
        from recyclekit.models.memory import Memory

        if connection not in self.spec.connections:
            near = did_you_mean(connection, list(self.spec.connections))
            known = ", ".join(self.spec.connections)
            raise ProjectError(f"There is no connection {connection!r}{near}.", why=f"This project names: {known}.")
        here = self.connection(connection)
        return replace(
            self.job(pipeline, as_of), connection=connection, mapped=here.mapped, recall=lambda _: Memory(),
            open_source=lambda: here.source, open_sink=lambda: here.sink,
        )  # fmt: skip


def installed_connectors() -> Mapping[str, ConnectorManifest[Any]]:
    """Return all connectors that can be used, by name; loads every plugin."""
    from recyclekit.connectors.registry import discover

    return discover().manifests


def source_alone(connector: str, settings: Mapping[str, Any], folder: Path) -> Source:
    """Open a connector's reading door before there is a project: to look at what one may be drafted from.

    Raises:
        ConnectorError: there is no such connector.
    """
    from recyclekit.connectors.manifest import Opening
    from recyclekit.connectors.registry import discover

    manifest = discover().manifest(connector)
    if manifest.open_source is None:
        raise ConnectorError(f"The connector {connector} cannot be read from.", fix="Choose another.")
    read = manifest.settings.model_validate(settings)
    source: Source = manifest.open_source(read, Opening(folder=folder, timezone=ZoneInfo("UTC")))
    return source


def open_project(folder: Path) -> Project:
    """Open the project of a folder.

    Raises:
        ProjectError: there is no project file, or what `read_project` finds in it.
    """
    path = folder / FILE if folder.is_dir() else folder
    if not path.is_file():
        raise ProjectError(
            f"There is no {FILE} in {folder.resolve()}.",
            fix="Run `recyclekit init` to make one, or name its folder with --project.",
        )
    spec, document = read_project(path)
    remember_address(spec.ledger)
    return Project(path.parent, spec, document)

"""The project file: what recyclekit.yaml may say, each mistake with its place; see references for `${…}`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator

from recyclekit.errors import ProjectError
from recyclekit.models.calendar.settings import CalendarSettings
from recyclekit.models.field_map import Spec, StageMap
from recyclekit.models.roster import Owner
from recyclekit.models.tables import Table
from recyclekit.policy.reasons import TAXONOMY
from recyclekit.project_file.references import fill
from recyclekit.yaml_file import Document, did_you_mean, examine, listing, load

FILE = "recyclekit.yaml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _or_reference(shape: dict[str, Any]) -> None:
    """Let editors accept a reference that stands for the whole, like a block of Prefect."""
    mapping = {name: shape.pop(name) for name in ("type", "additionalProperties") if name in shape}
    shape["anyOf"] = [mapping, {"type": "string", "pattern": r"^\$\{[a-z][a-z0-9_-]*:.+\}$"}]


class ReadingSpec(_Strict):
    """How a connection is read."""

    only_changes: bool = Field(
        default=False,
        description="Keep what was read in .recyclekit/mirror, and ask only for what changed since. That folder then"
        " holds what the CRM says of people; leave it off where nobody may keep a copy.",
    )
    whole_every_days: int = Field(
        default=7, ge=1, description="Read everything again after so many days: deletions come to light then."
    )


class ConnectionSpec(_Strict):
    """One system that deals are read from or written to."""

    connector: str = Field(description="Name of the connector, as `recyclekit connectors` lists it.")
    settings: dict[str, Any] = Field(
        default_factory=dict,
        description="The connector's own settings.",
        json_schema_extra=_or_reference,
    )
    fields: dict[Table, dict[str, Spec]] = Field(default_factory=dict, description="Our column → the system's column.")
    stages: StageMap = Field(default_factory=StageMap, description="Won and lost stages.")
    reasons: dict[str, str | tuple[str, ...]] = Field(default_factory=dict, description="Picklist value → reason(s).")
    reading: ReadingSpec = Field(default_factory=ReadingSpec, description="How it is read.")
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
    approval: Literal["none", "required"] = Field(
        default="none", description="Whether a flow waits for a person's word before it writes a plan."
    )
    approval_hours: float = Field(
        default=168, gt=0, le=8784, description="How long a plan may wait for that; after it, the plan is stale."
    )


class ReportsSpec(_Strict):
    """Where people find the HTML report of a run."""

    base_url: str | None = Field(
        default=None, description="Address under which the folder .recyclekit/reports is served; default: its path."
    )

    @field_validator("base_url")
    @classmethod
    def _an_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("not an address; write it like https://reports.example.com/recyclekit")
        return value


class PluginsSpec(_Strict):
    """Which plugins may be loaded."""

    allow: tuple[str, ...] | None = Field(default=None, description="Distributions; left out, all.")
    observers: tuple[str, ...] = Field(default=(), description="Plugins that hear the events of runs, by their names.")


class KeepSpec(_Strict):
    """How long what is kept, in days; `recyclekit ledger vacuum` forgets what is older. null keeps it for ever."""

    runs_days: int | None = Field(default=400, ge=7, description="Ended runs; till then they can be undone.")
    dead_letters_days: int | None = Field(
        default=30, ge=1, description="Records that were set aside, and what the other side said of a write."
    )
    plans_days: int | None = Field(default=90, ge=1, description="Plans and reports kept in .recyclekit.")


class ProjectSpec(_Strict):
    """The shape of recyclekit.yaml."""

    version: Literal[1] = Field(description="Version of this file's format.")
    timezone: str = Field(description="IANA zone of the business: decides what today is.")
    ledger: str = Field(default="sqlite:///ledger.db", description="SQLAlchemy URL; SQLite paths start at this file.")
    tenant: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z0-9_]{0,40}$",
        description="Whose project this is, where many share one ledger: each has a file or schema of its own in it.",
    )
    connections: dict[str, ConnectionSpec] = Field(min_length=1, description="The systems, by your own names.")
    pipelines: dict[str, PipelineSpec] = Field(min_length=1, description="By your own names.")
    calendar: CalendarSettings = Field(default_factory=CalendarSettings, description="Days off, fiscal year.")
    owners: dict[str, tuple[Owner, ...]] = Field(default_factory=dict, description="Role → who takes its touches.")
    plugins: PluginsSpec = Field(default_factory=PluginsSpec, description="Which plugins may be loaded.")
    keep: KeepSpec = Field(default_factory=KeepSpec, description="How long what is kept.")
    reports: ReportsSpec = Field(default_factory=ReportsSpec, description="Where people find HTML reports.")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if not is_zone(value):
            raise ValueError("not an IANA time zone; write it like Asia/Tokyo or Europe/Berlin")
        return value


def is_zone(name: str) -> bool:
    """Return whether this is the name of an IANA time zone."""
    # Listing all zones reads six hundred files, which every command would pay for.
    if name.partition("/")[0] in _AREAS:
        try:
            return ZoneInfo(name).key == name
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return False
    return name in available_timezones()


_AREAS = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of project files, for editors."""
    return ProjectSpec.model_json_schema()


def read_project(path: Path) -> tuple[ProjectSpec, Document]:
    """Read and check a project file; the document knows where each value stands.

    Raises:
        ProjectError: with file, line, column and what was expected, all faults at once.
    """
    document = load(path, error=ProjectError)
    filled = fill(document)
    spec, lines = examine(filled, ProjectSpec)
    spec = None if spec is None else _in_own_place(spec)
    lines += [] if spec is None else _strange_doors(spec, filled)
    if spec is None or lines:
        raise ProjectError(listing(filled, lines))
    return spec, filled


def _in_own_place(spec: ProjectSpec) -> ProjectSpec:
    """Return what the file says, with the address of the ledger that holds this tenant's rows and no other's."""
    if spec.tenant is None:
        return spec
    return spec.model_copy(update={"ledger": ledger_of(spec.ledger, spec.tenant)})


def ledger_of(url: str, tenant: str) -> str:
    """Return the address of a tenant's own ledger: in SQLite a file beside the shared one, in PostgreSQL a schema."""
    address, _, query = url.partition("?")
    if address.startswith("sqlite"):
        place = PurePosixPath(address)
        address = f"{address.removesuffix(place.name)}{place.stem}.{tenant}{place.suffix}"
        return f"{address}?{query}" if query else address
    return f"{address}?{query}{'&' if query else ''}schema=tenant_{tenant}"


def _strange_doors(spec: ProjectSpec, document: Document) -> Iterator[str]:
    """Yield what is wrong with pipelines that name connections which are not there."""
    for name, pipeline in spec.pipelines.items():
        for door in ("source", "sink", "nurture"):
            wanted, where = getattr(pipeline, door), ("pipelines", name, door)
            if wanted is not None and wanted not in spec.connections:
                known = list(spec.connections)
                there = did_you_mean(wanted, known) or f"; there are: {', '.join(known)}"
                yield f"{document.where(where)}: {document.name(where)}: {wanted!r} is no connection{there}"

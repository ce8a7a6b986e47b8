"""A connection of a project that is there already, drafted anew from the exports that lie there now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from recyclekit.drafting.draft import draft
from recyclekit.drafting.exports import CONNECTOR, exports_in
from recyclekit.drafting.written import connection_lines
from recyclekit.errors import ConfigError
from recyclekit.models.tables import Table
from recyclekit.project import Project
from recyclekit.project_file.spec import ConnectionSpec

_DIALECT = ("encoding", "separator", "quote")


def can_suggest(project: Project, pipeline: str | None) -> bool:
    """Return whether a pipeline reads CSV files, and some are there."""
    _, spec = _source(project, pipeline)
    return spec.connector == CONNECTOR and bool(_exports(project.folder, spec))


def suggested(project: Project, pipeline: str | None) -> tuple[str, str]:
    """Return the name of the connection that a pipeline reads from, and its lines as YAML, as the exports say them.

    Files that its settings name keep their table; other exports in the project's folder are looked at as `init` does.

    Raises:
        ConfigError: it does not read CSV files, or there are none.
    """
    name, spec = _source(project, pipeline)
    if spec.connector != CONNECTOR:
        fix = "`recyclekit check` names what is missing in it."
        raise ConfigError(f"The connection {name} needs no draft: {spec.connector} brings a field map.", fix=fix)
    exports = _exports(project.folder, spec)
    if not exports:
        where = project.folder.resolve()
        raise ConfigError(f"There is no CSV file in {where}.", fix="Put your exports there, deals at least.")
    said = {path: table for path, table in exports.items() if table is not None}
    kept = {key: str(value) for key, value in spec.settings.items() if key not in set(Table)}
    dialect = {key: value for key, value in kept.items() if key in _DIALECT}
    drafted = draft(project.folder, list(exports), project.timezone, named=said, dialect=dialect)
    head = ["connections:", f"  {name}:", f"    connector: {CONNECTOR}"]
    return name, "\n".join([*head, *connection_lines(drafted, kept)]) + "\n"


def _source(project: Project, pipeline: str | None) -> tuple[str, ConnectionSpec]:
    name = project.spec.pipelines[project.pipeline_name(pipeline)].source
    return name, project.spec.connections[name]


def _exports(folder: Path, spec: ConnectionSpec) -> Mapping[Path, Table | None]:
    """Return the exports that are there: those that the settings name, with their table, and others in the folder."""
    named = {folder / str(spec.settings[table]): table for table in Table if table in spec.settings}
    there: dict[Path, Table | None] = {path: table for path, table in named.items() if path.is_file()}
    known = {path.resolve() for path in there}
    return there | {path: None for path in exports_in(folder) if path.resolve() not in known}

"""`recyclekit init`: a new project folder, its field map drafted from CSV exports where there are some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from recyclekit.cli.options import Json

if TYPE_CHECKING:
    from recyclekit.drafting.draft import Draft


def init(
    folder: Path = Path(),
    *,
    template: Annotated[Literal["csv", "hubspot", "salesforce"], Parameter(help="The system that you have.")] = "csv",
    exports: Annotated[
        list[str] | None,
        Parameter(
            name="--from",
            negative=(),
            help="A CSV export to draft from, once for each; deals=FILE says what it lists; default: all in FOLDER.",
        ),
    ] = None,
    timezone: Annotated[
        str | None, Parameter(help="Time zone of the business, like Europe/Berlin; default: Asia/Tokyo.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Write a project file, a policy of your own, a README and deployments/ into a folder. Overwrites nothing.

    Where CSV exports lie in the folder, or --from names some, their headings and first records are read: the project
    file then holds their field map, formats and stages, each line with its reason; what only you can say is a `to do`.

    Args:
        folder: Where to put them; made if it does not exist.
    """
    from recyclekit.cli.terminal import emit, say

    zone = _zone(timezone)
    _fresh(folder, template, exports)
    drafted = _draft(folder, exports, zone) if template == "csv" else None
    files = _files(template, zone, drafted)
    wrote, kept = _write(folder, files)
    where = "" if folder == Path() else f" --project {folder}"
    for name in wrote:
        say(f"  wrote {folder / name}")
    for name in kept:
        say(f"  kept  {folder / name}, which was there{_lacking(folder / name, files[name])}")
    if timezone is None:
        say(f"  time zone {zone}, with its public holidays: --timezone chooses another, or edit recyclekit.yaml")
    if as_json:
        emit({"folder": folder.resolve(), "wrote": sorted(wrote), "kept": sorted(kept), **_told(drafted, files)})
    if drafted is not None:
        _say_draft(drafted, files)
    if template == "csv":
        _say_workbooks(folder)
    say(f"\nNext: {_first(files, drafted)}, then:")
    say(f"  recyclekit check{where}\n  recyclekit plan{where} --out plan.json")
    return 0


def _zone(asked: str | None) -> str:
    from recyclekit.errors import ConfigError
    from recyclekit.project_file.spec import is_zone

    if asked is not None and not is_zone(asked):
        raise ConfigError(f"--timezone {asked!r} is no time zone.", fix="Write it like Asia/Tokyo or Europe/Berlin.")
    return asked or "Asia/Tokyo"


def _fresh(folder: Path, template: str, exports: Sequence[str] | None) -> None:
    from recyclekit.errors import ConfigError
    from recyclekit.project_file.spec import FILE

    if folder.is_file():
        fix = f"Exports are named by --from, once for each: recyclekit init --from {folder}"
        raise ConfigError(f"{folder} is a file, not a folder.", fix=fix)
    if (folder / FILE).exists():
        raise ConfigError(
            f"{folder.resolve()} already holds {FILE}.",
            why="init overwrites nothing.",
            fix="`recyclekit check --suggest` prints what init would draft from its exports. Or choose another folder.",
        )
    if exports and template != "csv":
        fix = f"Leave it out: {template} says itself how its fields are called."
        raise ConfigError(f"--from is for CSV exports, not for --template {template}.", fix=fix)


def _draft(folder: Path, exports: Sequence[str] | None, zone: str) -> Draft | None:
    """Draft from the exports that are named, else from those that lie in the folder; None where there are none."""
    from zoneinfo import ZoneInfo

    from recyclekit.drafting.draft import draft, named_tables
    from recyclekit.drafting.exports import exports_in

    named = named_tables(exports or [])
    paths = [path for path, _ in named] if exports else exports_in(folder)
    if not paths:
        return None
    tables = {path: table for path, table in named if table is not None}
    return draft(folder, paths, ZoneInfo(zone), named=tables, needed=bool(exports))


def _files(template: Literal["csv", "hubspot", "salesforce"], zone: str, drafted: Draft | None) -> dict[str, str]:
    """Return what is to be written: the schemas lie beside the files that name them, for editors without a network."""
    import json

    from recyclekit.drafting.written import connection_lines
    from recyclekit.policy import schema
    from recyclekit.project_file import spec as project_file
    from recyclekit.samples.template import POLICY_SCHEMA, PROJECT_SCHEMA, render_project

    lines = connection_lines(drafted) if drafted is not None else ()
    schemas = {PROJECT_SCHEMA: project_file.json_schema(), POLICY_SCHEMA: schema.json_schema()}
    files = render_project(template, timezone=zone, connection=lines)
    return files | {name: json.dumps(shape, indent=1, ensure_ascii=False) + "\n" for name, shape in schemas.items()}


def _write(folder: Path, files: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Write the files that are not there; return the names of those, and of those that are."""
    wrote, kept = [], []
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            kept.append(name)
        else:
            path.write_text(text, encoding="utf-8")
            wrote.append(name)
    return wrote, kept


def _lacking(path: Path, ours: str) -> str:
    """Return what a kept .gitignore lacks, without which customers' data goes into the repository."""
    if path.name != ".gitignore":
        return ""
    there = set(path.read_text(encoding="utf-8", errors="replace").split())
    lines = [line for line in ours.splitlines() if line and not line.startswith("#") and line not in there]
    return f"; what keeps your customers' data out of it is missing there: {' '.join(lines)}" if lines else ""


def _told(drafted: Draft | None, files: Mapping[str, str]) -> dict[str, Any]:
    """Return the draft as data."""
    from recyclekit.drafting.written import to_dos
    from recyclekit.project_file.spec import FILE

    if drafted is None:
        return {}
    tables = {
        str(table): {
            "file": found.export.path,
            "fields": {name: one.heading for name, one in found.columns.items()},
            "unused": found.unused,
        }
        for table, found in drafted.tables.items()
    }
    asked = [{"line": line, "what": what} for line, what in to_dos(files[FILE])]
    return {"tables": tables, "not_read": drafted.others, "to_do": asked}


def _say_draft(drafted: Draft, files: Mapping[str, str]) -> None:
    from recyclekit.cli.terminal import say
    from recyclekit.drafting.written import to_dos
    from recyclekit.project_file.spec import FILE

    say("\nDrafted from the headings and the first records:")
    for table, found in drafted.tables.items():
        say(f"  {found.export.name}: {table}, {found.used()}")
    for path, why in drafted.others.items():
        say(f"  {Path(path).name}: not read: {why}")
    asked = to_dos(files[FILE])
    if asked:
        say(f"\nOnly you can say ({FILE}):")
        for line, what in asked:
            say(f"  line {line}: {what}")


def _say_workbooks(folder: Path) -> None:
    from recyclekit.cli.terminal import say
    from recyclekit.drafting.exports import NOT_CSV, workbooks_in

    for path in workbooks_in(folder):
        say(f"  {path.name}: not read: {NOT_CSV}")


def _first(files: Mapping[str, str], drafted: Draft | None) -> str:
    """Return what is to be done before anything can be read: a system asks for a sign-in, files for their columns."""
    import re

    from recyclekit.project_file.spec import FILE

    variables = dict.fromkeys(re.findall(r"\$\{(\w+)\}", re.sub(r"#.*", "", files[FILE])))
    if variables:
        return f"set what {FILE} takes from the environment ({', '.join(variables)})"
    if drafted is not None:
        return f"look through {FILE}"
    return f"put your exports there, name their columns in {FILE} (`recyclekit check --suggest` drafts that)"

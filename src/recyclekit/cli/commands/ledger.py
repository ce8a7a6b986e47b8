"""`recyclekit ledger`: look after the ledger: status, vacuum, backup, restore, upgrade."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from recyclekit.cli.options import Json, Where, Yes

app = App(name="ledger", help="Look after the ledger: what it holds, retention, backup, restoring, upgrading.")


@app.command
def status(*, where: Where = Where(), as_json: Json = False) -> int:
    """Show where the ledger is, its schema and size, rows by table, and who may write now."""
    from recyclekit.cli.terminal import emit, say, show

    house = where.open().house()
    found = house.status()
    if as_json:
        emit(found)
    elif found.schema is None:
        say(f"There is no ledger at {found.place} yet; the first run makes it.")
    else:
        from recyclekit.cli.render_ledger import status_view

        show(status_view(found))
    return 0


@app.command
def vacuum(
    *,
    where: Where = Where(),
    thoroughly: Annotated[bool, Parameter(negative=(), help="Write it anew, so that no deleted byte is left.")] = False,
    as_json: Json = False,
) -> int:
    """Forget what is older than the project file's `keep` says, and give back the room that it took.

    What planning, undo of younger runs and caps rest on stays. Safe to run every night.
    """
    from recyclekit.cli.terminal import emit, say

    project = where.open()
    names = [project.pipeline_name(where.pipeline)] if where.pipeline else list(project.spec.pipelines)
    found = project.tidy(names, room=not thoroughly)
    if thoroughly and (house := project.house()).schema() is not None:
        house.scrub()
    if as_json:
        emit(found)
        return 0
    for line in found.told():
        say(line)
    return 0


@app.command
def backup(file: Path, *, where: Where = Where(), as_json: Json = False) -> int:
    """Write the whole ledger, all pipelines at one moment, to one file, while runs may go on.

    The file is the same for SQLite and PostgreSQL: restoring it into the other is how a ledger moves.

    Args:
        file: Where to; an older backup of this name is replaced once the new one is whole.
    """
    from recyclekit.cli.terminal import emit, say

    made = where.open().house().save_to(file)
    if as_json:
        emit({"file": file, "schema": made.schema, "made_at": made.made_at, "rows": made.rows})
    else:
        say(f"Wrote {file}: {made.total:,} rows of schema {made.schema}, {file.stat().st_size:,} bytes.")
    return 0


@app.command
def restore(file: Path, *, where: Where = Where(), yes: Yes = False, as_json: Json = False) -> int:
    """Fill the project's ledger, which must be empty, from a backup; all of it or nothing.

    Args:
        file: That `recyclekit ledger backup` wrote, with this version or any before it.
    """
    from recyclekit.cli.terminal import confirm, emit, say

    house = where.open().house()
    if not confirm(f"Fill the ledger {house.status().place} from {file}?", yes=yes):
        say("Nothing was restored.")
        return 0
    made = house.restore_from(file)
    if as_json:
        emit({"file": file, "schema": made.schema, "made_at": made.made_at, "rows": made.rows})
        return 0
    say(f"Restored {made.total:,} rows, as they were at {made.made_at:%Y-%m-%d %H:%M} UTC.")
    say("What was written after that is unknown to it. Erase again whoever was erased since: recyclekit erase")
    return 0


@app.command
def upgrade(
    *,
    where: Where = Where(),
    check: Annotated[bool, Parameter(negative=(), help="Only say whether there is something to do.")] = False,
    as_json: Json = False,
) -> int:
    """Bring the ledger's schema up to this version, now and not at the next run. Make a backup first."""
    from recyclekit.cli.terminal import emit, say

    house = where.open().house()
    found = house.status()
    newest, has = found.newest, found.schema is not None
    if has and not check:
        house.upgrade()
    if as_json:
        emit({"schema": found.schema, "newest": newest, "upgraded": has and not check and found.schema != newest})
    elif not has:
        say("There is no ledger yet; the first run makes it.")
    elif found.schema == newest:
        say(f"The ledger is up to date (schema {newest}).")
    elif check:
        say(f"The ledger stands at schema {found.schema}; this version brings it to {newest}.")
    else:
        say(f"Brought the ledger from schema {found.schema} to {newest}.")
    return 0

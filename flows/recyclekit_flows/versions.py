"""Whether the installed packages go together, and with the server: read from their metadata, importing none of them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement
from packaging.version import Version

from recyclekit.models.snapshot import Finding

_WATCHED = ("prefect", "fastapi", "sqlalchemy")
"""Those whose newer versions break Prefect's server without a word: docs/decisions/0005-prefect-pins.md."""


def strays() -> Iterator[Finding]:
    """Yield what is installed outside of the range that recyclekit was tested with."""
    wanted = {one.name.lower(): one for one in map(Requirement, requires("recyclekit") or ()) if one.marker is None}
    for name in _WATCHED:
        requirement = wanted.get(name)
        try:
            here = version(name)
        except PackageNotFoundError:
            here = ""
        if requirement is None or (here and requirement.specifier.contains(here, prereleases=True)):
            continue
        what = f"{name} {here or 'is not installed'}: recyclekit was tested with {name}{requirement.specifier}."
        what += " A server that starts with it may look healthy and never create a scheduled run." if here else ""
        fix = f"pip install '{name}{requirement.specifier}'; better, install all pins of requirements/run.txt."
        yield Finding(level="error", where="versions", what=what, fix=fix)


def compared(server: str) -> Iterator[Finding]:
    """Yield a finding where the server's Prefect is older than the one here, or of another minor version."""
    here = Version(version("prefect"))
    there = Version(server)
    same = here.release[:2] == there.release[:2]
    if there < here:
        what = f"The server runs Prefect {there}, older than {here} here."
        fix = "Upgrade the server first, with a backup of its database, then workers and this machine."
        yield Finding(level="warning" if same else "error", where="versions", what=what, fix=fix)
    elif not same:
        what = f"The server runs Prefect {there}, newer than {here} here."
        fix = "That works for a while: upgrade here and on the workers when recyclekit supports it."
        yield Finding(level="warning", where="versions", what=what, fix=fix)

"""`recyclekit connectors`: what is installed and how far it is proven, the kit's run on one, and a new one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from recyclekit.cli.options import Json

if TYPE_CHECKING:
    from recyclekit.connectors.manifest import ConnectorManifest
    from recyclekit.connectors.registry import Registry
    from recyclekit.testing.running import KitRun
    from recyclekit.testing.tiers import Result, Score

app = App(name="connectors", help="Connectors that are installed, what each can do, and how far each is proven.")


@app.default
@app.command(name="list")
def list_connectors(*, as_json: Json = False) -> int:
    """List connectors with version, capabilities and badge, and those that are broken with the reason."""
    from recyclekit.cli.terminal import emit, show
    from recyclekit.connectors.registry import discover
    from recyclekit.testing.badges import badge_of, badges

    registry, kept = discover(), badges()
    earned = {name: badge_of(manifest, kept) for name, manifest in registry.manifests.items()}
    if as_json:
        emit(
            {
                "connectors": [
                    {
                        "name": m.name,
                        "version": m.version,
                        "package": registry.distributions[m.name],
                        "summary": m.summary,
                        "badge": earned[m.name],
                        "capabilities": {c: {"level": s.level, "reason": s.reason} for c, s in m.capabilities.items()},
                    }
                    for m in registry.manifests.values()
                ],
                "broken": registry.broken,
            }
        )
    else:
        from recyclekit.cli.render import connectors_view

        tiers = {name: badge.tier for name, badge in earned.items() if badge is not None}
        show(connectors_view(list(registry.manifests.values()), registry.broken, tiers))
    return 0


@app.command(name="test")
def run_kit(
    name: str,
    *,
    folder: Annotated[
        Path | None, Parameter(help="The connector's source; default: where it was installed from.")
    ] = None,
    only: Annotated[str | None, Parameter(name=["--only", "-k"], help="Run only tests whose names match.")] = None,
    as_json: Json = False,
) -> int:
    """Run the conformance kit on a connector, and tell the tier that it earns and what keeps it from the next.

    The kit runs on the bench that lies beside the connector's source, in tests/test_conformance.py; it needs no
    credentials and no network beyond this machine.

    Args:
        name: The connector's name, as project files say it.

    Examples:
        recyclekit connectors test csv
    """
    from recyclekit.cli.terminal import emit, say, show
    from recyclekit.connectors.registry import discover
    from recyclekit.errors import ExitCode
    from recyclekit.testing.running import KitRun, find_tests
    from recyclekit.testing.tiers import score

    manifest, package = _installed(discover(), name)
    root, tests = find_tests(name, package, folder)
    run = KitRun(name, tests, root, only)
    for _ in _shown(run, quiet=as_json):
        pass
    found = score(run.results)
    if manifest is not None and only is None:
        _keep(manifest, found)
    if as_json:
        tier = None if only else str(found.tier)
        emit({"connector": name, "tier": tier, "part": only, "results": _plain(run.results), "tests": tests})
    else:
        from recyclekit.cli.commands.connectors_score import score_view

        show(score_view(name, found, run.results, only))
        if manifest is None and only is None and not found.failed:
            say("It is not installed, so no badge is kept: pip install --editable . and test it again.")
    return ExitCode.FAILED if found.failed else ExitCode.DONE


@app.command(name="new")
def new_connector(
    name: str,
    *,
    out: Annotated[Path, Parameter(help="Where the package's folder goes; default: here.")] = Path(),
    as_json: Json = False,
) -> int:
    """Write a connector's package: small, real, and green in the conformance kit, to be made yours file by file.

    Args:
        name: What project files will call it, such as pipedrive; the package is called recyclekit-NAME.

    Examples:
        recyclekit connectors new pipedrive
    """
    from recyclekit.cli.terminal import emit, say
    from recyclekit.connectors.registry import discover
    from recyclekit.errors import ConfigError
    from recyclekit.testing.template import new_connector as write

    taken, package = _installed(discover(), name)
    if taken is not None or package is not None:
        what = f"There is a connector '{name}' already, of {package}."
        raise ConfigError(what, why="A name belongs to one package.", fix="Choose another name.")
    home = write(name, out)
    files = sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())
    if as_json:
        emit({"connector": name, "folder": home, "files": files})
        return 0
    say(f"Wrote {len(files)} files to {home}: a connector to a toy CRM that lives in its tests.")
    say(f"\nNext:    cd {home}")
    say("         pip install --editable .")
    say(f"         recyclekit connectors test {name}")
    say("         README.md tells which file to make yours first.")
    return 0


def _installed(registry: Registry, name: str) -> tuple[ConnectorManifest[Any] | None, str | None]:
    """Return a connector and its package; of one that cannot be loaded, nothing: its tests then say why."""
    from recyclekit.errors import ConnectorError

    try:
        return registry.manifest(name), registry.package(name)
    except ConnectorError:
        return None, next((broken.distribution for broken in registry.broken if broken.name == name), None)


def _shown(run: KitRun, *, quiet: bool) -> Iterator[Result]:
    """Yield the results of a run, with progress on stderr: a bar on a terminal, else a line for each failure."""
    import sys

    from recyclekit.cli.terminal import console, say
    from recyclekit.testing.tiers import FAILED

    if quiet or not sys.stderr.isatty():
        for result in run.go():
            if result.outcome == FAILED and not quiet:
                say(f"failed: {result.test}")
            yield result
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        task = progress.add_task("collecting", total=None)
        for result in run.go():
            progress.update(task, total=run.total, advance=1, description=result.test.replace("_", " "))
            yield result


def _keep(manifest: ConnectorManifest[Any], found: Score) -> None:
    from zoneinfo import ZoneInfo

    from recyclekit import clock
    from recyclekit.testing.badges import keep

    keep(manifest, found, clock.today(ZoneInfo("UTC")))


def _plain(results: list[Result]) -> list[dict[str, object]]:
    return [
        {"test": r.test, "tier": str(r.tier), "outcome": r.outcome, "why": r.why}
        for r in sorted(results, key=lambda r: (r.tier, r.test))
    ]

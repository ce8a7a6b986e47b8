"""`recyclekit connectors`: what is installed, what each can do, and what is broken."""

from __future__ import annotations

from cyclopts import App

from recyclekit.cli.options import Json

app = App(name="connectors", help="Connectors that are installed, and what each can do.")


@app.default
@app.command(name="list")
def list_connectors(*, as_json: Json = False) -> int:
    """List connectors with version and capabilities, and those that are broken with the reason."""
    from recyclekit.cli.terminal import emit, show
    from recyclekit.connectors.registry import discover

    registry = discover()
    if as_json:
        emit(
            {
                "connectors": [
                    {
                        "name": m.name,
                        "version": m.version,
                        "summary": m.summary,
                        "capabilities": {c: {"level": s.level, "reason": s.reason} for c, s in m.capabilities.items()},
                    }
                    for m in registry.manifests.values()
                ],
                "broken": registry.broken,
            }
        )
    else:
        from recyclekit.cli.render import connectors_view

        show(connectors_view(list(registry.manifests.values()), registry.broken))
    return 0

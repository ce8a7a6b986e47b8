"""`recyclekit deploy`: the project's pipelines onto a Prefect server, as often as you like."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from recyclekit.cli.options import Json, Where


def deploy(*, where: Where = Where(), as_json: Json = False) -> int:
    """Bring the Prefect server that PREFECT_API_URL names in line with the project's deployments/prefect.yaml.

    Makes the work pool, registers the block types for credentials, deploys each pipeline with its schedule in the
    project's time zone, and makes the automations. What is as it should be is left; nothing is run and nothing removed.
    """
    from recyclekit.cli.terminal import emit, say

    project = where.open()
    # By name, so that nothing of this package imports Prefect: the flows are a room of their own.
    deploying = importlib.import_module("recyclekit_flows.deploying")
    flows_server = importlib.import_module("recyclekit_flows.server")

    aside: dict[tuple[str, str], list[str]] = {}  # what was left out for one reason is told in one line

    def tell(one: Any) -> None:
        if one.did == "skipped":
            aside.setdefault((one.kind, one.what), []).append(one.name)
            return
        say(f"  {one.did:<8}{one.kind:<12}{one.name}" + (f": {one.what}" if one.what else ""))

    done = deploying.deploy_project(project, tell)
    for line in left_out(aside):
        say(line)
    if as_json:
        emit({"server": flows_server.address(), "done": done})
    pools = [one.name for one in done if one.kind == "work pool"]
    for pool in pools:
        say(f"\nNext, on the machine that holds the project: prefect worker start --pool {pool} --type process")
    return 0


def left_out(aside: Mapping[tuple[str, str], Sequence[str]]) -> Iterator[str]:
    """Return in a line for each kind and reason what was left out for it."""
    for (kind, why), names in aside.items():
        said = f"{names[0]}: {why}" if len(names) == 1 else f"{len(names)} of them: {why} ({'; '.join(names)})"
        yield f"  {'skipped':<8}{kind:<12}{said}"

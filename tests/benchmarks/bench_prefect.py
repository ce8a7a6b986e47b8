"""What Prefect costs on top of the work: a run with nothing to do, the main job of 2,000 deals, an approval.

Seconds on the clock, medians over rounds: what is measured is waiting for processes and servers, which no ratio of
processor time shows. What shards cost is in bench_shards.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests import postgres_server
from tests.benchmarks.figure import Figure
from tests.operations.company import AS_OF, sample_project
from tests.operations.server import PrefectServer, environment, running_server
from tests.operations.worker import running_worker

DEALS, ROUNDS, POOL = 2_000, 3, "bench"
RECYCLE = "recyclekit_flows.recycle.recycle"
MOST_OVER = 3.0  # seconds that `recyclekit run` may add to plan and apply, with a running server
WAITS = 9


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-prefect-") as name, ExitStack() as stack:
        folder = Path(name)
        fresh = folder / "fresh"
        sample_project(fresh, DEALS)
        sqlite = stack.enter_context(running_server(folder / "sqlite"))
        by_hand, idle = _by_hand(folder, fresh)
        yield Figure(name="plan and apply, 2,000 deals", value=by_hand, unit="s", note="two commands, no Prefect")
        yield from _runs("server on SQLite", fresh, sqlite.env, by_hand=by_hand, idle=idle, bar=MOST_OVER)
        yield from _approval(folder, fresh, sqlite)
        sqlite.stop()
        postgres = postgres_server.server()
        if postgres is not None:
            with running_server(folder / "postgres", postgres.database()) as server:
                yield from _runs("server on PostgreSQL", fresh, server.env, by_hand=by_hand, idle=idle, bar=MOST_OVER)
        alone = environment(folder / "alone")
        alone.pop("PREFECT_API_URL", None)
        yield from _runs("no server: a temporary one", fresh, alone, by_hand=by_hand, idle=idle, bar=None)


def _by_hand(folder: Path, fresh: Path) -> tuple[float, float]:
    """Return the seconds of plan and apply, and those of a plan with nothing left to do."""
    both, nothing = [], []
    for turn in range(ROUNDS):
        project = _copy(fresh, folder / f"by-hand-{turn}")
        plan = ["plan", "--out", str(project / "plan.json")]
        both.append(_timed(project, *plan) + _timed(project, "apply", str(project / "plan.json"), "--yes", as_of=False))
        nothing.append(_timed(project, *plan))
    return median(both), median(nothing)


def _runs(
    what: str, fresh: Path, env: Mapping[str, str], *, by_hand: float, idle: float, bar: float | None
) -> Iterator[Figure]:
    first, again = [], []
    for turn in range(ROUNDS):
        project = _copy(fresh, fresh.parent / f"{what.replace(' ', '-')}-{turn}")
        first.append(_timed(project, "run", env=env))
        again.append(_timed(project, "run", env=env))
    note = f"`recyclekit run` over `plan` and `apply`; {median(first):.1f} s in all"
    yield Figure(name=f"2,000 deals, {what}", value=median(first) - by_hand, unit="s", bar=bar, note=note)
    note = f"over `plan`, which takes {idle:.1f} s"
    yield Figure(name=f"nothing to do, {what}", value=median(again) - idle, unit="s", note=note)


def _approval(folder: Path, fresh: Path, server: PrefectServer) -> Iterator[Figure]:
    """Yield what waiting for approval adds: in a shell, and in a deployed run that is suspended and resumed."""
    shell = []
    for turn in range(ROUNDS):
        project = _asking(_copy(fresh, folder / f"approval-{turn}"))
        waited = _timed(project, "run", env=server.env, ends=WAITS)
        run = json.loads(_said(project, "runs", "--json"))[0]["run"]
        shell.append(waited + _timed(project, "apply", run, "--yes", as_of=False, env=server.env))
    plain = [_timed(_copy(fresh, folder / f"plain-{turn}"), "run", env=server.env) for turn in range(ROUNDS)]
    yield Figure(
        name="approval in a shell", value=median(shell) - median(plain), unit="s", note="run that waits + `apply RUN`"
    )
    server.pool(POOL)
    with running_worker(server.home, server.url, POOL):
        straight = [_deployed(server, _copy(fresh, folder / f"straight-{turn}"), asks=False) for turn in range(ROUNDS)]
        asked = [
            _deployed(server, _asking(_copy(fresh, folder / f"asked-{turn}")), asks=True) for turn in range(ROUNDS)
        ]
    note = f"from its creation to its end, {median(straight):.1f} s without approval; the worker polls every second"
    yield Figure(name="approval of a deployed run", value=median(asked) - median(straight), unit="s", note=note)


def _deployed(server: PrefectServer, project: Path, *, asks: bool) -> float:
    began = time.monotonic()
    deployment = server.deploy(RECYCLE, project.name, POOL, {"project": project, "as_of": str(AS_OF)})
    run = server.run(deployment)
    if asks:
        server.wait(run, ["Suspended"])
        server.post(f"/flow_runs/{run}/resume", {"run_input": {"decision": "approve"}})
    assert server.wait(run)["type"] == "COMPLETED", server.logs(run)
    return time.monotonic() - began


def _copy(fresh: Path, to: Path) -> Path:
    return Path(shutil.copytree(fresh, to))


def _asking(project: Path) -> Path:
    file = project / "recyclekit.yaml"
    text = file.read_text(encoding="utf-8")
    assert "policy: standard" in text, text
    file.write_text(text.replace("policy: standard", "policy: standard, approval: required"), encoding="utf-8")
    return project


def _timed(
    project: Path, *argv: str, env: Mapping[str, str] | None = None, as_of: bool = True, ends: int | None = None
) -> float:
    began = time.monotonic()
    _said(project, *argv, *(["--as-of", str(AS_OF)] if as_of else []), env=env, ends=ends)
    return time.monotonic() - began


def _said(project: Path, *argv: str, env: Mapping[str, str] | None = None, ends: int | None = None) -> str:
    command = [sys.executable, "-m", "recyclekit", *argv, "--project", str(project)]
    done = subprocess.run(command, env=dict(env or os.environ), capture_output=True, text=True, check=False)
    # The sample company has a few records that nobody can read: exit code 4.
    good = {0, 4} if ends is None else {ends}
    assert done.returncode in good, f"{argv}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout

"""`recyclekit reap`: mark flow runs as crashed whose process is gone."""

from __future__ import annotations

import importlib
from datetime import timedelta
from typing import Annotated

from cyclopts import Parameter, validators

from recyclekit.cli.options import Json

_Seconds = Annotated[int, Parameter(validator=validators.Number(gte=1))]


def reap(
    *, silence: _Seconds = 600, dry_run: Annotated[bool, Parameter(negative=())] = False, as_json: Json = False
) -> int:
    """Find flow runs that say they run and gave no sign of life for too long, and mark them as crashed.

    Asks the Prefect server that PREFECT_API_URL names. Runs that wait for approval or are scheduled are never touched.

    Args:
        silence: Seconds without a sign of life; at least three heartbeats, which are 180 seconds apart by default.
        dry_run: Only tell.
    """
    from recyclekit.cli.terminal import emit, say

    # By name, so that nothing of this package imports Prefect: the flows are a room of their own.
    reaping = importlib.import_module("recyclekit_flows.reap")
    found = reaping.run_reap(timedelta(seconds=silence), dry_run=dry_run)
    if as_json:
        emit(found)
    say(reaping.told(found, dry_run=dry_run))
    return 0

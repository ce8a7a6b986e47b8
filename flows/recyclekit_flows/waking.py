"""Waking or ending flow runs that wait, from outside of them: what they waited for was decided elsewhere."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import ObjectNotFound, PrefectException

from recyclekit.models.proposal import Verdict


def wake(flow_run: str, verdict: Verdict) -> bool:
    """Resume a flow run that waits for a word that was given elsewhere; it then says how its plan ended.

    Returns whether there was one that waits.
    """
    decision = "approve" if verdict.approve else "reject"
    answer = {"decision": decision, "limit": verdict.limit, "leave_out": list(verdict.without)}
    with get_client(sync_client=True) as client:
        found = _waiting(client, flow_run)
        if found is not None:
            client.resume_flow_run(found.id, run_input=answer)
    return found is not None


def end(flow_run: str, state: State[Any]) -> bool:
    """End a flow run that waits; return whether there was one."""
    with get_client(sync_client=True) as client:
        found = _waiting(client, flow_run)
        if found is not None:
            client.set_flow_run_state(found.id, state, force=True)
    return found is not None


def wake_quietly(flow_run: str, verdict: Verdict) -> str:
    """Wake a flow run from a shell; return what a person should know, empty where it was woken."""
    try:
        if wake(flow_run, verdict):
            return ""
    except (httpx.HTTPError, PrefectException, RuntimeError) as error:
        what = f"Flow run {flow_run}, which waits with this plan, could not be told: {error or type(error).__name__}."
        return f"{what} Resume it there; it will find out what was decided."
    return f"Flow run {flow_run} does not wait any more."


def _waiting(client: SyncPrefectClient, flow_run: str) -> FlowRun | None:
    try:
        found = client.read_flow_run(UUID(flow_run))
    except (ObjectNotFound, ValueError):
        return None
    return found if found.state is not None and found.state.is_paused() else None

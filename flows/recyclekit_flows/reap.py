"""Flow runs that died without a word: found by missing signs of life, and marked, so that Prefect lets them go.

Only runs that say they are running, or are about to: one that waits for approval, or is scheduled, is never touched.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import httpx
from prefect import flow, get_run_logger
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.states import Completed, Crashed
from pydantic import Field

from recyclekit import clock
from recyclekit.errors import ConfigError, RemoteError
from recyclekit_flows.call import TAG

SILENCE = timedelta(minutes=10)
"""Three of Prefect's heartbeats (180 s each by default) and some time to spare."""
_log = logging.getLogger(__name__)
_ALIVE = (StateType.RUNNING, StateType.PENDING)
_PAGE = 200
Minutes = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """A flow run that gave no sign of life for too long."""

    flow_run: str
    name: str
    state: str
    last_sign: datetime
    silent_seconds: int


@flow(name="reap", flow_run_name="reap", persist_result=False)
def reap(silence_minutes: Minutes = 10, dry_run: bool = False) -> State[Any]:
    """Mark flow runs as crashed whose process is gone, so that they can be retried and free their place.

    What they had not finished, the next scheduled run of their pipeline takes up.

    Args:
        silence_minutes: Mark a run that gave no sign of life for so long; at least three heartbeats of Prefect's.
        dry_run: Only tell.
    """
    with get_client(sync_client=True) as client:
        found = reaped(client, timedelta(minutes=silence_minutes), dry_run=dry_run)
    for one in found:
        get_run_logger().warning("%s (%s) was %s without a sign of life", one.name, one.flow_run, one.state)
    return Completed(message=told(found, dry_run=dry_run))


def run_reap(silence: timedelta = SILENCE, *, dry_run: bool = False) -> Sequence[Silent]:
    """Do the same from a shell, on the server that PREFECT_API_URL names.

    Raises:
        ConfigError: no server is named.
        RemoteError: it does not answer.
    """
    if not PREFECT_API_URL.value():
        raise ConfigError(
            "No Prefect server is named.", fix="Set PREFECT_API_URL, such as http://127.0.0.1:4200/api, and try again."
        )
    try:
        with get_client(sync_client=True) as client:
            return reaped(client, silence, dry_run=dry_run)
    except httpx.HTTPError as error:
        raise RemoteError(
            f"Prefect's server at {PREFECT_API_URL.value()} did not answer.",
            why=str(error) or type(error).__name__,
            fix="Start it, or correct PREFECT_API_URL.",
        ) from error


def reaped(client: SyncPrefectClient, silence: timedelta, *, dry_run: bool = False) -> Sequence[Silent]:
    """Return our flow runs that were silent for too long; mark each as crashed unless this is a dry run."""
    found = [one for run in _going(client) if (one := _silent(client, run, silence)) is not None]
    if dry_run:
        return found
    return [one for one in found if _could_be_marked(client, one)]


def mark_dead(flow_run: str, why: str) -> bool:
    """Mark one flow run as crashed if it still says that it runs; a server out of reach changes nothing.

    For whoever knows for sure that it is dead: its lease in the ledger has ended, so nothing that it does counts.
    """
    try:
        with get_client(sync_client=True) as client:
            return _marked(client, UUID(flow_run), why)
    except (httpx.HTTPError, ValueError):
        return False


def told(found: Sequence[Silent], *, dry_run: bool = False) -> str:
    """Return in a sentence what was found."""
    if not found:
        return "Every run that says it is running gave a sign of life."
    names = "; ".join(f"{one.name} ({one.flow_run}), silent since {one.last_sign:%Y-%m-%d %H:%M} UTC" for one in found)
    return f"{len(found)} run(s) {'would be' if dry_run else 'were'} marked as crashed: {names}."


def _going(client: SyncPrefectClient) -> Iterable[FlowRun]:
    wanted = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(_ALIVE))), tags=FlowRunFilterTags(all_=[TAG])
    )
    skip = 0
    while page := client.read_flow_runs(flow_run_filter=wanted, limit=_PAGE, offset=skip):
        yield from page
        skip += len(page)


def _silent(client: SyncPrefectClient, run: FlowRun, silence: timedelta) -> Silent | None:
    if run.state is None:
        return None
    now, last = clock.now(), _last_sign(client, run)
    if now - last <= silence:
        return None
    seconds = round((now - last).total_seconds())
    return Silent(
        flow_run=str(run.id), name=run.name, state=run.state.name or "", last_sign=last, silent_seconds=seconds
    )


def _last_sign(client: SyncPrefectClient, run: FlowRun) -> datetime:
    """Return when a run last did anything that the server heard of: a heartbeat, a task's state, an event of ours."""
    body = {"filter": {"any_resource": {"id": [f"prefect.flow-run.{run.id}"]}, "order": "DESC"}, "limit": 1}
    events = client.request("POST", "/events/filter", json=body).raise_for_status().json()["events"]
    signs = [datetime.fromisoformat(event["occurred"]) for event in events]
    signs += [at for at in (run.start_time, run.state.timestamp if run.state else None) if at is not None]
    return max(signs, default=clock.now())


def _could_be_marked(client: SyncPrefectClient, one: Silent) -> bool:
    try:
        return _marked(client, UUID(one.flow_run), _why(one), still=one.state)
    except httpx.HTTPStatusError as error:
        # A run may be beyond marking, as when the deployment was deleted whose place it held. The others are not.
        _log.warning("%s (%s) could not be marked: %s", one.name, one.flow_run, error)
        return False


def _why(one: Silent) -> str:
    return (
        f"No sign of life for {one.silent_seconds} s: its process is gone. Nothing is lost: the next scheduled run of "
        "its pipeline finishes its work, and so does retrying this one."
    )


def _marked(client: SyncPrefectClient, flow_run: UUID, why: str, still: str | None = None) -> bool:
    try:
        now = client.read_flow_run(flow_run).state
    except ObjectNotFound:
        return False
    if now is None or now.type not in _ALIVE or still not in (None, now.name):
        return False  # it ended, or spoke, while we looked
    client.set_flow_run_state(flow_run, Crashed(message=why), force=True)
    return True

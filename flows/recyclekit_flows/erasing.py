"""Erased people in Prefect: what names them in artifacts and in forms that wait is taken out, the rest stays.

Logs cannot be changed over Prefect's API; they go with their flow run (`prefect flow-run delete`), or by the server's
own retention.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL

from recyclekit.errors import RetryableError
from recyclekit.faultpoint import faultpoint
from recyclekit.models.tombstone import Tombstones, cleaning

_PAGE = 200
_OURS = "recyclekit-"
Clean = Callable[[str], str]


def erase(stones: Tombstones, words: Collection[str], flow_runs: Collection[str]) -> Mapping[str, int]:
    """Take erased people out of a server's artifacts and forms; return how many changed. No server: nothing to do.

    Args:
        stones: what is erased.
        words: names and addresses, taken out as well.
        flow_runs: that asked for approval: their forms show deals.

    Raises:
        RetryableError: the server does not answer.
    """
    if not PREFECT_API_URL.value():
        return {}
    clean = cleaning(stones, words)
    try:
        with get_client(sync_client=True) as client:
            artifacts = sum(_cleaned(client, artifact, clean) for artifact in list(_artifacts(client)))
            forms = sum(_form(client, flow_run, clean) for flow_run in flow_runs)
    except httpx.HTTPError as error:
        raise RetryableError(
            "The Prefect server does not answer.", why=f"{type(error).__name__}: {error}.",
            fix="Start it, then finish: recyclekit erase --resume",
        ) from error  # fmt: skip
    return {"artifacts": artifacts, "forms": forms}


def _artifacts(client: SyncPrefectClient) -> Iterator[Artifact]:
    ours = ArtifactFilter(key=ArtifactFilterKey(like_=_OURS))
    offset = 0
    while page := client.read_artifacts(artifact_filter=ours, limit=_PAGE, offset=offset):
        yield from page
        offset += len(page)


def _cleaned(client: SyncPrefectClient, artifact: Artifact, clean: Clean) -> bool:
    data = artifact.data if isinstance(artifact.data, str) else json.dumps(artifact.data, ensure_ascii=False)
    kept, said = clean(data), clean(artifact.description or "")
    if (kept, said) == (data, artifact.description or "") or artifact.id is None:
        return False
    faultpoint("prefect.artifact")
    content = kept if isinstance(artifact.data, str) else json.loads(kept)
    client.update_artifact(artifact.id, ArtifactUpdate(data=content, description=said or None))
    return True


def _form(client: SyncPrefectClient, flow_run: str, clean: Clean) -> int:
    """Rewrite what a flow run's form says: Prefect keeps it among the flow run's inputs."""
    changed = 0
    try:
        inputs = client.filter_flow_run_input(UUID(flow_run), key_prefix="", limit=_PAGE, exclude_keys=set())
    except (ObjectNotFound, ValueError):
        return 0
    for one in inputs:
        if (kept := clean(one.value)) != one.value:
            client.delete_flow_run_input(UUID(flow_run), one.key)
            client.create_flow_run_input(UUID(flow_run), one.key, kept)
            changed += 1
    return changed

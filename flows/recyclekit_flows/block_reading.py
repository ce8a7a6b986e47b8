"""`${block:TYPE/NAME.FIELD}` in a project file: one field of a Prefect block, or, without FIELD, all that it holds."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from recyclekit.errors import ProjectError, RemoteError, SignInError
from recyclekit.yaml_file import did_you_mean

_PLACE = re.compile(r"(?P<type>[a-z0-9-]+)/(?P<name>[a-z0-9-]+)(?:\.(?P<field>[A-Za-z0-9_.]+))?")


def read(place: str) -> Any:
    """Return what a block holds at `type/name.field`, or all its fields that are set.

    Raises:
        ProjectError: it is written wrongly, or there is no such block or field.
        RemoteError: Prefect's server does not answer.
    """
    found = _PLACE.fullmatch(place)
    if found is None:
        raise ProjectError(
            f"${{block:{place}}} does not name a block.", fix="Write it like ${block:recyclekit-hubspot/main.token}."
        )
    held = _held(found["type"], found["name"])
    value: Any = {name: inner for name, inner in held.items() if inner is not None}
    for part in (found["field"] or "").split(".") if found["field"] else ():
        if not isinstance(value, dict) or part not in value:
            there = list(value) if isinstance(value, dict) else []
            near = did_you_mean(part, there) or f"; there are: {', '.join(there) or 'none'}"
            raise ProjectError(
                f"the block {found['type']}/{found['name']} holds no field '{part}'{near}.",
                fix="Correct the name, or fill the field in on Prefect's page Blocks.",
            )
        value = value[part]
    return value


@cache
def _held(type_: str, name: str) -> dict[str, Any]:
    # One question per block and process, however often the project file is read. With the values as the server keeps
    # them: building the class would import every connector, and could refuse what an older version had saved.
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    if not url:
        raise ProjectError(
            f"the block {type_}/{name} cannot be read: no Prefect server is named.",
            fix="Set PREFECT_API_URL (`prefect config set PREFECT_API_URL=http://server:4200/api`).",
        )
    try:
        with get_client(sync_client=True) as client:
            document = client.read_block_document_by_name(name, type_, include_secrets=True)
    except ObjectNotFound as error:
        raise ProjectError(
            f"there is no block {type_}/{name} on the Prefect server at {url}.",
            fix=f"Make it on the page Blocks (type {type_.replace('-', ' ', 1)}, name {name}); `recyclekit check "
            "--server` lists the types that are registered.",
        ) from error
    except PrefectHTTPStatusError as error:
        if error.response.status_code in {401, 403}:
            raise SignInError(
                f"Prefect's server at {url} refuses to show the block {type_}/{name}.",
                fix="Set PREFECT_API_AUTH_STRING to the server's sign-in.",
            ) from error
        raise RemoteError(f"Prefect's server at {url} failed.", why=f"{error.response.status_code}.") from error
    except httpx.HTTPError as error:
        raise RemoteError(
            f"Prefect's server at {url} did not answer, so the block {type_}/{name} cannot be read.",
            why=str(error) or type(error).__name__,
            fix="Start it, or correct PREFECT_API_URL.",
        ) from error
    return dict(document.data)

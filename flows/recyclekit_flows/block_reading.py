"""`${block:TYPE/NAME.FIELD}` in a project file: one field of a Prefect block, or, without FIELD, all that it holds."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from recyclekit.errors import ConfigError, ProjectError, RemoteError
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
    from prefect.exceptions import ObjectNotFound

    from recyclekit_flows.server import address, server

    try:
        with server() as client:
            document = client.read_block_document_by_name(name, type_, include_secrets=True)
    except ObjectNotFound as error:
        raise ProjectError(
            f"there is no block {type_}/{name} on the Prefect server at {address()}.",
            fix=f"Make it on the page Blocks (type {type_.replace('-', ' ', 1)}, name {name}); `recyclekit check "
            "--server` lists the types that are registered.",
        ) from error
    except ConfigError as error:
        what = f"the block {type_}/{name} cannot be read: {error.what}"
        raise ProjectError(what, why=error.why, fix=error.fix) from error
    except RemoteError as error:
        error.preface(f"the block {type_}/{name} cannot be read")
        raise
    return dict(document.data)

"""Automations from a YAML file onto the server, by name: as often as you like, without a second copy of any.

The file is what `prefect automation create --from-file` reads, and two fields more: an action's `deployment: flow/name`
and `block: type/name` stand for the ids that only the server knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound
from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from recyclekit.errors import ConfigError
from recyclekit_flows.done import Did, Done


def read_automations(text: str, where: str) -> list[dict[str, Any]]:
    """Return the automations of a file, as it says them.

    Raises:
        ConfigError: it is not YAML, or holds no automations with names.
    """
    try:
        content = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise ConfigError(f"{where} is not YAML.", why=str(error), fix="Correct it.") from error
    listed = content.get("automations", [content]) if isinstance(content, dict) else content
    if listed is None:
        return []
    if not isinstance(listed, list) or not all(isinstance(one, dict) and one.get("name") for one in listed):
        raise ConfigError(f"{where} holds no list of named automations.", fix="Give each a name.")
    return listed


def upsert_automations(client: SyncPrefectClient, said: list[dict[str, Any]], where: str) -> Iterator[Done]:
    """Make or change automations so that the server has each as the file says; whether one is on stays as it is.

    One that refers to what is not there is left out, with what to do; the others go on.

    Raises:
        ConfigError: one is not an automation that Prefect knows.
    """
    for one in said:
        name = str(one["name"])
        try:
            wanted = AutomationCore.model_validate(_with_ids(client, one))
        except _MissingError as missing:
            yield Done(kind="automation", name=name, did=Did.SKIPPED, what=str(missing))
            continue
        except ValidationError as error:
            raise ConfigError(
                f"{where}: the automation '{name}' is none.", why=str(error), fix="Correct it."
            ) from error
        yield _upsert(client, wanted)


def _upsert(client: SyncPrefectClient, wanted: AutomationCore) -> Done:
    there = client.read_automations_by_name(wanted.name)
    if not there:
        client.create_automation(wanted)
        return Done(kind="automation", name=wanted.name, did=Did.MADE, what=_sentence(wanted))
    first, *copies = there
    for copy in copies:  # of an earlier `prefect automation create`: each would act once more
        client.delete_automation(copy.id)
    said = f"; {len(copies)} further of that name removed" if copies else ""
    if _plain(first) == _plain(wanted):
        did = Did.CHANGED if copies else Did.LEFT
        return Done(kind="automation", name=wanted.name, did=did, what=_sentence(first) + said)
    client.update_automation(first.id, wanted.model_copy(update={"enabled": first.enabled}))
    return Done(kind="automation", name=wanted.name, did=Did.CHANGED, what=_sentence(wanted) + said)


def _sentence(one: AutomationCore) -> str:
    state = "" if one.enabled else " (switched off)"
    return (one.description or f"{len(one.actions)} action(s)").strip() + state


def _plain(one: AutomationCore) -> Any:
    core = AutomationCore.model_validate(one.model_dump())  # what the server adds falls off
    return _without_ids(core.model_dump(mode="json", exclude={"enabled", "owner_resource", "tags"}))


def _without_ids(value: Any) -> Any:
    """Leave out the ids that triggers get, which differ each time."""
    if isinstance(value, Mapping):
        return {name: _without_ids(inner) for name, inner in value.items() if name != "id"}
    return [_without_ids(inner) for inner in value] if isinstance(value, list) else value


class _MissingError(Exception):
    """What an automation refers to is not on the server."""


def _with_ids(client: SyncPrefectClient, one: Mapping[str, Any]) -> dict[str, Any]:
    """Put the server's ids in for `deployment` and `block` of each action."""
    lists = ("actions", "actions_on_trigger", "actions_on_resolve")
    found = {name: [_action(client, dict(action)) for action in one.get(name) or []] for name in lists}
    return {**one, **{name: actions for name, actions in found.items() if actions}}


def _action(client: SyncPrefectClient, action: dict[str, Any]) -> dict[str, Any]:
    try:
        if deployment := action.pop("deployment", None):
            action |= {"deployment_id": client.read_deployment_by_name(deployment).id, "source": "selected"}
        if block := action.pop("block", None):
            type_, _, name = str(block).partition("/")
            action["block_document_id"] = client.read_block_document_by_name(name, type_).id
    except ObjectNotFound:
        what = f"the deployment {deployment}" if deployment and "deployment_id" not in action else f"the block {block}"
        raise _MissingError(f"{what} is not on the server: make it, then deploy again") from None
    return action

"""What an account is like: its properties, pipelines with their stages, owners. Asked for once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from recyclekit.models.field_map import StageMap
from recyclekit.models.tables import Table
from recyclekit_hubspot.answers import read_results
from recyclekit_hubspot.transport import Call, Transport

KIND = {Table.DEALS: "deals", Table.CONTACTS: "contacts", Table.ACCOUNTS: "companies"}


class Account:
    """Metadata of one account."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._properties: dict[str, Mapping[str, Mapping[str, Any]]] = {}

    def properties(self, kind: str) -> Mapping[str, Mapping[str, Any]]:
        """Return the definitions of a kind's properties by name."""
        if kind not in self._properties:
            found = self._results(self._transport.paths.properties(kind))
            self._properties[kind] = {str(one["name"]): one for one in found if "name" in one}
        return self._properties[kind]

    def forget(self) -> None:
        """Ask anew next time: somebody has created properties."""
        self._properties.clear()

    @cached_property
    def stages(self) -> StageMap:
        """Which deal stages are won, lost and open, by the pipelines' own metadata, never by their names."""
        by_state: dict[str, list[str]] = {"won": [], "lost": [], "open": []}
        for pipeline in self._results(self._transport.paths.pipelines("deals")):
            for stage in pipeline.get("stages") or []:
                by_state[_state(stage.get("metadata") or {})].append(str(stage["id"]))
        return StageMap(**{state: tuple(dict.fromkeys(ids)) for state, ids in by_state.items()})

    @cached_property
    def owners(self) -> Mapping[str, bool]:
        """Owner id → whether the owner is active; those who left included."""
        return {**dict.fromkeys(self._owners("true"), False), **dict.fromkeys(self._owners("false"), True)}

    def _owners(self, archived: str) -> list[str]:
        found: list[str] = []
        after: str | None = ""
        while after is not None:
            query = [("limit", "100"), ("archived", archived), *([("after", after)] if after else [])]
            call = Call(method="GET", path=self._transport.paths.owners(), query=query)
            page = self._transport.ask(call, read_results)
            found += [str(one["id"]) for one in page["results"] if "id" in one]
            before, after = after, ((page.get("paging") or {}).get("next") or {}).get("after")
            after = None if after == before else after
        return found

    def _results(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._transport.ask(Call(method="GET", path=path), read_results)["results"]
        return found


def _state(metadata: Mapping[str, Any]) -> str:
    """Return won, lost or open: HubSpot says `isClosed` and a probability, as text."""
    if str(metadata.get("isClosed")).lower() != "true":
        return "open"
    try:
        return "won" if float(metadata.get("probability") or 0) >= 1 else "lost"
    except (TypeError, ValueError):
        return "lost"

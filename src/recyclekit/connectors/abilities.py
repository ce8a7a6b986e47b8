"""Whether a sink can do what is asked of it: its declared capabilities against kinds of action, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from recyclekit.connectors.doors import Provider, provider_of
from recyclekit.connectors.manifest import Capability, Level, Support
from recyclekit.connectors.protocols import FindsByKey, ReadsBack, Sink, Undoes
from recyclekit.connectors.routed import doors
from recyclekit.errors import ConnectorError, UnsupportedError
from recyclekit.models.plan import ActionKind
from recyclekit.models.snapshot import Finding

Tracks = Mapping[ActionKind, Sequence[str]]
"""The kinds of action that are asked for, each with the tracks that plan it."""

NEEDS = {
    ActionKind.SET_FIELDS: Capability.WRITE_FIELDS,
    ActionKind.CREATE_TASK: Capability.WRITE_TASKS,
    ActionKind.ENROL: Capability.ENROL,
}
_DOES = {
    Capability.WRITE_FIELDS: ("writes fields of deals", "write fields of deals"),
    Capability.WRITE_TASKS: ("creates tasks", "create tasks"),
    Capability.ENROL: ("enrols contacts", "enrol contacts"),
    Capability.READ_BACK: ("reads deals back", "read deals back"),
    Capability.FIND_BY_KEY: ("finds its writes again by key", "find its writes again by key"),
    Capability.UNDO: ("takes writes back", "take writes back"),
}
_LOST: Mapping[Capability, tuple[type, str, str]] = {
    Capability.READ_BACK: (
        ReadsBack,
        "read_back",
        "a deal that somebody changes between plan and apply is written all the same: there is no drift check",
    ),
    Capability.FIND_BY_KEY: (
        FindsByKey,
        "find",
        "a write whose answer gets lost is in doubt until a person has looked, and its deal is left alone until then",
    ),
    Capability.UNDO: (
        Undoes,
        "undo",
        "`recyclekit undo` can only list its writes, and open tasks of deals that leave recycling stay open",
    ),
}


def shortfalls(sink: Sink, asked: Tracks) -> Iterator[Finding]:
    """Yield what a sink cannot do of what a policy can plan (errors), and what a run loses there (warnings)."""
    for door, kinds in doors(sink):
        provider = provider_of(door)
        wanted = {kind: asked[kind] for kind in NEEDS if kind in asked and kind in kinds}
        if provider is None or not wanted:
            continue
        for kind, tracks in wanted.items():
            yield from _cannot(provider, kind, tracks)
        for capability in _LOST:
            if capability is not Capability.READ_BACK or ActionKind.SET_FIELDS in kinds:
                yield from _loses(door, provider, capability)


def refuse_incapable(sink: Sink, asked: Tracks) -> None:
    """Stop where a sink declares that it cannot do one of these kinds of action.

    Raises:
        UnsupportedError: it never can; ConnectorError: it cannot yet. Both name connector, reason and tracks.
    """
    for door, kinds in doors(sink):
        provider = provider_of(door)
        for kind in asked:
            support = _support(provider, NEEDS[kind]) if provider and kind in NEEDS and kind in kinds else None
            if provider and support and support.level is not Level.FULL:
                what, fix = _words(provider, NEEDS[kind], support), _way_out(kind, asked[kind])
                error = UnsupportedError if support.level is Level.NEVER else ConnectorError
                raise error(what, why="The plan has such writes; nothing was written.", fix=fix)


def _cannot(provider: Provider, kind: ActionKind, tracks: Sequence[str]) -> Iterator[Finding]:
    support, where = _support(provider, NEEDS[kind]), f"connections.{provider.connection}"
    if support is None:
        what = f"{provider} does not say whether it can {_DOES[NEEDS[kind]][1]}, which the policy can plan."
        yield Finding(level="warning", where=where, what=what, fix="Ask its author to declare it.")
    elif support.level is not Level.FULL:
        what = _words(provider, NEEDS[kind], support)
        yield Finding(level="error", where=where, what=what, fix=_way_out(kind, tracks))


def _loses(door: Sink, provider: Provider, capability: Capability) -> Iterator[Finding]:
    protocol, method, lost = _LOST[capability]
    support, able = _support(provider, capability), isinstance(door, protocol)
    where = f"connections.{provider.connection}"
    if support and support.level is Level.FULL and not able:
        what = f"{provider} declares {capability}, but its sink has no method `{method}`, so {lost}."
        yield Finding(level="warning", where=where, what=what, fix=f"Report it to the author of {provider.package}.")
    elif not able:
        said = _words(provider, capability, support or Support(Level.NOT_YET)).rstrip(".")
        yield Finding(level="warning", where=where, what=f"{said}, so {lost}.")


def _words(provider: Provider, capability: Capability, support: Support) -> str:
    does, do = _DOES[capability]
    start = f"{provider} never {does}" if support.level is Level.NEVER else f"{provider} cannot {do} yet"
    return f"{start}: {support.reason.rstrip('.')}." if support.reason else f"{start}."


def _way_out(kind: ActionKind, tracks: Sequence[str]) -> str:
    if kind is ActionKind.SET_FIELDS:
        return "Choose another sink for the pipeline: every track writes the deal's own fields."
    listed = ", ".join(tracks)
    if kind is ActionKind.ENROL:
        return (
            f"Take the newsletter steps out of the track {listed}, or name a system that enrols under"
            " `pipelines.….nurture`, or choose another sink."
        )
    where = f"the track {listed}" if listed else "`three_fields.ask_within_days` (0 asks never)"
    return f"Take the steps that make tasks out of {where}, or choose another sink."


def _support(provider: Provider, capability: Capability) -> Support | None:
    return provider.capabilities.get(capability)

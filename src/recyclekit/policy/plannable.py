"""Which kinds of write a policy can plan at all, and by which of its tracks."""

from __future__ import annotations

from recyclekit.models.lines import NEWSLETTER
from recyclekit.models.plan import ActionKind
from recyclekit.policy.spec import PolicySpec, Track


def tracks_led_to(spec: PolicySpec) -> dict[str, Track]:
    """Return the tracks that a rule or a reason leads to, in the policy's order."""
    wanted = {rule.track for rule in spec.rules} | set(spec.reason_tracks.values())
    return {name: track for name, track in spec.tracks.items() if name in wanted}


def plannable(spec: PolicySpec) -> dict[ActionKind, tuple[str, ...]]:
    """Return the kinds of write that deals can come to, each with the tracks that plan it.

    A to-do that asks sales for missing fields is a task of no track.
    """
    found: dict[ActionKind, list[str]] = {}
    for name, track in tracks_led_to(spec).items():
        found.setdefault(ActionKind.SET_FIELDS, []).append(name)
        for kind in dict.fromkeys(_kind(step.channel) for step in track.steps):
            found.setdefault(kind, []).append(name)
    if spec.three_fields.ask_within_days:
        found.setdefault(ActionKind.CREATE_TASK, [])
    return {kind: tuple(found[kind]) for kind in ActionKind if kind in found}


def _kind(channel: str) -> ActionKind:
    return ActionKind.ENROL if channel == NEWSLETTER else ActionKind.CREATE_TASK

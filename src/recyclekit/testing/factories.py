"""Actions as stage 4 makes them, for tests: the same keys, kinds and payloads, with values that any system can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import orjson
import polars as pl

from recyclekit.models.inverse import undo_key
from recyclekit.models.plan import ACTIONS, Action, ActionKind, Change

PIPELINE = "kit"
DUE_ON = date(2027, 4, 1)
"""The day on which every task of the kit is due."""
_SCHEMA = pl.Schema(ACTIONS)  # type: ignore[arg-type]  # to mypy, a dict of types of different kinds holds objects
OWN: Mapping[str, object] = {
    "recycle_track": "timing",
    "recycle_reason": "timing",
    "recycle_next_on": "2027-04-01",
    "recycle_owner": "",
    "recycle_channel": "phone",
    "recycle_hook": '予算が決まる「4月」に、もう一度 – "as agreed", 100 %',
    "recycle_rule": "lost_on_timing",
    "recycle_cycle": 1,
}
"""Values for all eight own fields; the owner is the bench's."""


def set_fields(
    deal_id: str, own: Mapping[str, object], *, run: str = "r1", before: Mapping[str, object] | None = None
) -> Action:
    """Return an action that writes own fields (`recycle_…`) on a deal; None clears one."""
    key = f"{PIPELINE}:{deal_id}:1:fields:{run}"
    kept = dict.fromkeys(own) if before is None else dict(before)
    return Action(key=key, kind=ActionKind.SET_FIELDS, deal_id=deal_id, cycle=1, step=None, payload=own, before=kept)


def create_task(deal_id: str, owner: str, step: str = "first", **other: object) -> Action:
    """Return an action that creates a task at a deal, due on 2027-04-01."""
    payload: dict[str, object] = {
        "subject": "失注案件の再アプローチ",
        "due_on": DUE_ON.isoformat(),
        "channel": "phone",
        "owner": owner,
        "step": step,
        "track": "timing",
        "reason": "timing",
        "rule": "lost_on_timing",
        "hook": "the date that was named",
        "hook_source": "track",
        "confirm_by_mail": False,
        **other,
    }
    key = f"{PIPELINE}:{deal_id}:1:{step}"
    return Action(key=key, kind=ActionKind.CREATE_TASK, deal_id=deal_id, cycle=1, step=step, payload=payload)


def enrol(deal_id: str, track: str, owner: str = "", step: str = "newsletter") -> Action:
    """Return an action that enrols a deal's contact in the list that stands for a track."""
    payload: dict[str, object] = {
        "track": track,
        "list": track,
        "from_on": "2027-04-01",
        "due_on": "2027-04-01",
        "channel": "newsletter",
        "owner": owner,
        "step": step,
        "reason": "information_gathering",
        "rule": "lost_while_gathering",
    }
    key = f"{PIPELINE}:{deal_id}:1:{step}"
    return Action(key=key, kind=ActionKind.ENROL, deal_id=deal_id, cycle=1, step=step, payload=payload)


def undoing(action: Action, remote_id: str | None, undo_run: str = "u1") -> Action:
    """Return what takes an action back, as `recyclekit undo` plans it."""
    kinds = {
        ActionKind.SET_FIELDS: ActionKind.RESTORE_FIELDS,
        ActionKind.CREATE_TASK: ActionKind.REMOVE_TASK,
        ActionKind.ENROL: ActionKind.UNENROL,
    }
    if action.kind is ActionKind.SET_FIELDS:
        before = action.before or {}
        payload = {**{name: before.get(name) for name in action.payload}, "expect": dict(action.payload)}
    else:
        payload = {**action.payload, "key": action.key}
    return replace(
        action, key=undo_key(undo_run, action.key), kind=kinds[action.kind], payload=payload, before=None,
        remote_id=remote_id,
    )  # fmt: skip


def as_frame(actions: Sequence[Action]) -> pl.DataFrame:
    """Return actions as a plan holds them: columns ACTIONS."""
    rows = [
        {
            "key": a.key,
            "kind": str(a.kind),
            "deal_id": a.deal_id,
            "cycle": a.cycle,
            "step": a.step,
            "change": str(Change.ADD),
            "rule": str(a.payload.get("rule") or a.payload.get("recycle_rule") or "kit"),
            "track": str(a.payload.get("track") or a.payload.get("recycle_track") or "timing"),
            "payload": orjson.dumps(dict(a.payload)).decode(),
            "before": None if a.before is None else orjson.dumps(dict(a.before)).decode(),
            "fingerprint": a.fingerprint,
        }
        for a in actions
    ]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")

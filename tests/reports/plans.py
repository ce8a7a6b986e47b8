"""A plan made by hand, with one deal of each kind, and a larger one: what rendering and reports are tested on."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from recyclekit.models.decision import SCHEDULED
from recyclekit.models.hand_back import HANDED_BACK
from recyclekit.models.plan import ACTIONS, Manifest, Plan, PolicyStamp
from recyclekit.models.snapshot import dead_letters

AS_OF = date(2026, 11, 22)
STAMP = PolicyStamp(name="standard", version="1.0", hash="0123456789abcdef")
RUN = "r20261122-003000-ab12"
_TRACKS = {"no_budget": "next_budget", "competitor": "rival_contract", "timing": "named_date", None: "stalled"}


def hand_backs(*rows: dict[str, Any]) -> pl.DataFrame:
    """Hand-backs of deals that had stalled and wrote; what a row says otherwise counts."""
    usual: dict[str, Any] = {
        "cycle": 1, "track": "stalled", "reason": None, "opened_on": AS_OF - timedelta(days=9), "steps": ["call"],
        "signal": "contact", "source": "email", "contact_on": AS_OF - timedelta(days=1), "ended_on": AS_OF,
        "ended_why": "revived",
    }  # fmt: skip
    return pl.DataFrame([usual | row for row in rows], schema=HANDED_BACK, orient="row")


REOPENED: dict[str, Any] = {
    "deal_id": "D-4", "track": "named_date", "reason": "timing", "steps": [], "signal": "reopened",
    "source": "crm_state", "contact_on": None,
}  # fmt: skip


def decision(deal_id: str, **given: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(SCHEDULED) | {
        "deal_id": deal_id,
        "status": "lost",
        "reason": "no_budget",
        "reason_source": "picklist",
        "verdict": "recycle",
        "rule": "recycle_no_budget",
        "track": "next_budget",
        "cycle": 1,
        "fingerprint": "f",
        "bucket": "scheduled",
        "step": "call",
        "next_approach_on": AS_OF + timedelta(days=15),
        "owner": "is-01",
        "channel": "phone",
        "hook": "Figures they can put into their budget request",
        "amount": 1_200_000.0,
        "currency": "JPY",
    }
    return row | given


def excluded(deal_id: str, **given: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("track", "step", "next_approach_on", "owner", "channel", "hook"))
    return decision(deal_id, **(nothing | {"verdict": "exclude", "bucket": "excluded"} | given))


def decisions(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={**SCHEDULED, "amount": pl.Float64, "currency": pl.String}, orient="row")


def task(row: dict[str, Any], change: str = "+", **given: Any) -> dict[str, Any]:
    payload = {
        "subject": "Talk about next year's budget",
        "due_on": row["next_approach_on"].isoformat() if row["next_approach_on"] else None,
        "channel": row["channel"],
        "owner": row["owner"],
        "step": row["step"],
        "track": row["track"],
        "reason": row["reason"],
        "hook": row["hook"],
        "hook_source": "track",
    } | given
    return action(row, "create_task", payload, change, step=payload["step"])


def action(
    row: dict[str, Any], kind: str, payload: dict[str, Any], change: str, step: str | None = None
) -> dict[str, Any]:
    return {
        "key": f"main:{row['deal_id']}:{row['cycle']}:{step or kind}",
        "kind": kind,
        "deal_id": row["deal_id"],
        "cycle": row["cycle"],
        "step": step,
        "change": change,
        "rule": row["rule"],
        "track": row["track"],
        "payload": json.dumps(payload, ensure_ascii=False),
        "before": None,
        "fingerprint": "f",
    }


def fields(row: dict[str, Any], change: str = "+", **given: Any) -> dict[str, Any]:
    payload = {"recycle_track": row["track"], "recycle_owner": row["owner"]} | given
    return action(row, "set_fields", payload, change)


def count(values: pl.Series) -> dict[str, int]:
    return {str(value): n for value, n in values.drop_nulls().value_counts(sort=True).iter_rows()}


def make_plan(
    rows: list[dict[str, Any]], actions: list[dict[str, Any]], letters: pl.DataFrame | None = None, **given: Any
) -> Plan:
    table = decisions(rows)
    frame = pl.DataFrame(actions, schema=ACTIONS, orient="row")
    aside = dead_letters() if letters is None else letters
    changes = frame.unique("deal_id")["change"]
    manifest = Manifest(
        run=RUN,
        pipeline="main",
        as_of=AS_OF,
        made_at=datetime(2026, 11, 22, 0, 30, tzinfo=UTC),
        policy=STAMP,
        deals=table.height + aside.height,
        dead_letters=aside.height,
        by_status=count(table["status"]),
        by_reason=count(table["reason"]),
        by_verdict=count(table["verdict"]),
        by_rule=count(table["rule"]),
        by_track=count(table["track"]),
        by_bucket={**count(table["bucket"]), "dead_letter": aside.height},
        actions=count(frame["kind"]),
        changes=count(changes),
        calls=12,
        sums_close=True,
        **given,
    )
    return Plan(manifest=manifest, actions=frame, decisions=table, dead_letters=aside)


def small_plan(**given: Any) -> Plan:
    """One deal of each kind: added, changed, left, stalled, waiting, excluded, to be looked at; one dead letter."""
    added = decision("D-1")
    changed = decision("D-2", reason="competitor", rule="recycle_competitor", track="rival_contract", owner="is-02")
    stalled = decision(
        "D-3", status="stalled", reason=None, reason_source=None, rule="stalled", track="stalled",
        next_approach_on=AS_OF + timedelta(days=1), hook="前回の宿題を確認する", amount=5600.0, currency="EUR",
    )  # fmt: skip
    left = excluded("D-4", status="won", reason=None, reason_source=None, verdict="none", rule=None, bucket="none")
    waiting = decision(
        "D-5", verdict="wait", bucket="waiting", rule="cool_off", wait_until=AS_OF, next_approach_on=None
    )
    refused = excluded("D-6", reason="price", rule="lost_on_price")
    unclear = excluded(
        "D-7", reason=None, reason_source="unclear", verdict="review", rule="reason_unclear", bucket="review"
    )
    unsaid = excluded(
        "D-8", reason=None, reason_source="none", verdict="review", rule="reason_missing", bucket="review"
    )
    letters = dead_letters(
        [
            {
                "stage": "normalize", "table": "deals", "record_id": "D-9", "line": 10, "column": "Closed",
                "code": "bad_date", "reason": "'2026/02/30' is not a day of the calendar",
            }
        ]
    )  # fmt: skip
    actions = [
        fields(added),
        task(added),
        fields(changed, "~"),
        task(changed, "~", hook=None, hook_source="sales"),
        task(stalled),
        task(stalled, step="ask", subject="Please fill in the hook"),
        action(left | {"track": "named_date"}, "set_fields", {"recycle_track": None}, "-"),
        action(left | {"track": "named_date"}, "remove_task", {"step": "call"}, "-", step="call"),
    ]
    return make_plan([added, changed, stalled, left, waiting, refused, unclear, unsaid], actions, letters, **given)


def large_plan(deals: int = 400) -> Plan:
    """Many deals over four tracks, four owners and half a year."""
    rows, actions = [], []
    for n in range(deals):
        reason = list(_TRACKS)[n % 4]
        if n % 5 == 4:
            rows.append(excluded(f"D-{n:05d}", reason="price", rule="lost_on_price", amount=1e5 * (n % 40 + 1)))
            continue
        row = decision(
            f"D-{n:05d}",
            status="lost" if reason else "stalled",
            reason=reason,
            rule=f"recycle_{reason}" if reason else "stalled",
            track=_TRACKS[reason],
            owner=f"is-0{n % 4 + 1}",
            channel=("phone", "mail", "meeting")[n % 3],
            next_approach_on=AS_OF + timedelta(days=n * 7 % 170),
            amount=1e5 * (n % 40 + 1),
            currency="JPY" if n % 3 else "USD",
        )
        rows.append(row)
        actions += [fields(row), task(row)]
    return make_plan(rows, actions)

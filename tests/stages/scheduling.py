"""Decided deals made by hand, and a ledger in a few lines: what the tests of stage 4 work with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import Any

import polars as pl

from recyclekit.models.calendar import CalendarSettings
from recyclekit.models.decision import CLASSIFIED
from recyclekit.models.memory import CYCLES, TOUCHES, Memory
from recyclekit.models.roster import Roster
from recyclekit.models.snapshot import Snapshot
from recyclekit.models.tables import AccountSchema, ActivitySchema, DealSchema
from recyclekit.policy.loader import Policy, load_policy
from recyclekit.policy.spec import PolicySpec
from recyclekit.stages.schedule import Scheduled, schedule
from tests.stages.slicing import assert_same_plan, cut, in_slices

AS_OF = date(2026, 11, 24)  # a Tuesday; Monday the 23rd was a holiday in Japan
PIPELINE, RUN = "main", "r20261124-000000-0001"


@cache
def standard() -> Policy:
    return load_policy("standard")


def policy(**changes: Any) -> Policy:
    """The standard policy with parts of it replaced, as a policy file would say them."""
    spec = PolicySpec.model_validate({**standard().spec.model_dump(exclude_none=True), **changes})
    return replace(standard(), spec=spec)


def track(timing: Any, *steps: dict[str, Any], **rest: Any) -> dict[str, Any]:
    """A track as a policy file would say it; without steps, one call."""
    words = {"ja": "電話", "en": "Call"}
    made = [{"channel": "phone", "subject": words, "hook": {"ja": "フック", "en": "Hook"}, **step} for step in steps]
    return {"labels": words, "timing": timing, "steps": made or [{"name": "call", "channel": "phone", "subject": words,
            "hook": {"ja": "フック", "en": "Hook"}}], **rest}  # fmt: skip


@dataclass
class World:
    """Decided deals with what stands behind them; `plan` schedules, `apply` remembers what was planned."""

    decided: list[dict[str, Any]] = field(default_factory=list)
    deals: dict[str, dict[str, Any]] = field(default_factory=dict)
    accounts: list[dict[str, Any]] = field(default_factory=list)
    activities: list[dict[str, Any]] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    policy: Policy = field(default_factory=standard)
    roster: Roster = field(default_factory=Roster)
    calendar: CalendarSettings = field(default_factory=CalendarSettings)

    def add(self, deal_id: str, track: str | None = "pending", **given: Any) -> World:
        """Add a decided deal; entries that name a deal's column go to the deal, the others to the decision."""
        decision = {
            "deal_id": deal_id, "status": "lost", "reason": "priority_pending", "reason_source": "picklist",
            "verdict": "recycle", "rule": "recycle_priority_pending", "track": track, "inactive_days": 100,
            "activity_source": "call", "cycle": 1, "fingerprint": f"f-{deal_id}",
        }  # fmt: skip
        self.decided.append(decision | {name: value for name, value in given.items() if name in CLASSIFIED})
        deal = {"deal_id": deal_id, "crm_state": "lost", "owner": "rep-1", "closed_on": date(2026, 1, 15)}
        columns = DealSchema.column_names()
        unknown = set(given) - set(CLASSIFIED) - set(columns)
        assert not unknown, unknown
        self.deals[deal_id] = deal | {n: v for n, v in given.items() if n in columns and n not in CLASSIFIED}
        return self

    def decide(self, deal_id: str, **given: Any) -> None:
        """Change what stage 3 says of a deal."""
        next(row for row in self.decided if row["deal_id"] == deal_id).update(given)

    def snapshot(self) -> Snapshot:
        deals = pl.DataFrame(list(self.deals.values()), schema=DealSchema.create_empty().schema, orient="row")
        return Snapshot(
            deals=deals, extracted_deals=deals.height,
            accounts=pl.DataFrame(self.accounts, schema=AccountSchema.create_empty().schema, orient="row"),
            activities=pl.DataFrame(self.activities, schema=ActivitySchema.create_empty().schema, orient="row"),
        )  # fmt: skip

    def decisions(self) -> pl.DataFrame:
        return pl.DataFrame(self.decided, schema=CLASSIFIED, orient="row")

    def plan(self, as_of: date = AS_OF, run: str = RUN) -> Scheduled:
        """Schedule all deals at once, after making sure that one by one they are planned the same."""
        given: dict[str, Any] = {"run": run, "pipeline": PIPELINE, "as_of": as_of, "calendar": self.calendar}
        given |= {"roster": self.roster}
        decisions, snapshot = self.decisions(), self.snapshot()
        made = schedule(decisions, snapshot, self.policy, self.memory, **given)
        if decisions["deal_id"].equals(snapshot.deals["deal_id"]) and decisions.height < 10:
            slices = cut(decisions, 1), in_slices(snapshot, 1)
            assert_same_plan(made, schedule(*slices, self.policy, self.memory, **given))
        return made

    def apply(self, plan: Scheduled, on: date = AS_OF) -> None:
        """Remember what a plan would have written, as the ledger does, and set the deals' own fields."""
        cycles = {(row["deal_id"], row["cycle"]): dict(row) for row in self.memory.cycles.iter_rows(named=True)}
        touches = {row["key"]: dict(row) for row in self.memory.touches.iter_rows(named=True)}
        for row in plan.ended_cycles.iter_rows(named=True):
            _end(cycles, row["deal_id"], row["cycle"], row["ended_on"], row["ended_why"])
        for row in plan.actions.iter_rows(named=True):
            payload = json.loads(row["payload"])
            if row["kind"] == "set_fields":
                self.deals[row["deal_id"]] |= _typed(payload)
            if row["kind"] in {"create_task", "enrol"}:
                due = date.fromisoformat(payload["due_on"])
                touches[row["key"]] = {name: row[name] for name in ("deal_id", "cycle", "step", "key")} | {
                    "due_on": due, "channel": payload["channel"], "owner": payload["owner"]}  # fmt: skip
            if row["kind"] == "set_fields" and row["change"] == "-":
                _end(cycles, row["deal_id"], row["cycle"], on, "revived")
            elif row["kind"] in {"set_fields", "create_task", "enrol"} and row["cycle"] and row["step"] != "ask":
                cycles.setdefault((row["deal_id"], row["cycle"]), {
                    "deal_id": row["deal_id"], "cycle": row["cycle"], "track": row["track"],
                    "reason": payload.get("reason", payload.get("recycle_reason")),
                    "opened_on": on, "ended_on": None, "ended_why": None})  # fmt: skip
                for deal, cycle in cycles:
                    if deal == row["deal_id"] and cycle < row["cycle"]:
                        _end(cycles, deal, cycle, on, "changed")
        self.memory = Memory(
            cycles=pl.DataFrame(list(cycles.values()), schema=CYCLES, orient="row"),
            touches=pl.DataFrame(list(touches.values()), schema=TOUCHES, orient="row"),
            in_doubt=self.memory.in_doubt,
        )


def _end(cycles: dict[tuple[str, int], dict[str, Any]], deal: str, cycle: int, on: date, why: str) -> None:
    known = cycles.get((deal, cycle))
    if known is not None and known["ended_on"] is None:
        known.update(ended_on=on, ended_why=why)


def _typed(payload: dict[str, Any]) -> dict[str, Any]:
    due = payload.get("recycle_next_on")
    return payload | ({"recycle_next_on": date.fromisoformat(due)} if due else {})


def one(plan: Scheduled, deal_id: str) -> dict[str, Any]:
    """A deal's decision."""
    return plan.decisions.row(by_predicate=pl.col("deal_id") == deal_id, named=True)


def writes(plan: Scheduled, kind: str, deal_id: str | None = None) -> list[dict[str, Any]]:
    """Actions of a kind, with payload and before read."""
    rows = plan.actions.filter(pl.col("kind") == kind).to_dicts()
    return [
        row | {"payload": json.loads(row["payload"]), "before": row["before"] and json.loads(row["before"])}
        for row in rows
        if deal_id in {None, row["deal_id"]}
    ]


def kinds(plan: Scheduled) -> Sequence[str]:
    return plan.actions["kind"].to_list()

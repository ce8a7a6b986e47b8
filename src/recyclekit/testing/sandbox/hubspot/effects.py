"""What HubSpot changes by itself when something is written: closing dates, stage flags, clocks of the last contact."""

from __future__ import annotations

from recyclekit.testing.sandbox.hubspot.pipelines import Pipeline, Stage
from recyclekit.testing.sandbox.hubspot.records import WORKFLOW, Record, Values, milliseconds

CONTACTING = frozenset({"calls", "emails", "meetings", "communications"})
"""Notes and tasks are no contact with the customer; they only move `notes_last_updated`."""


def stage_of(pipelines: dict[str, Pipeline], properties: Values) -> Stage | None:
    """Return the stage in which a deal with these properties stands."""
    pipeline = pipelines.get(properties.get("pipeline") or "default")
    return pipeline.stages.get(properties.get("dealstage") or "") if pipeline else None


def of_stage(stage: Stage | None, before: Values, written: Values, now: str) -> Values:
    """Return what follows for a deal that was moved to a stage."""
    lost = bool(stage and stage.closed and float(stage.probability) == 0)
    effect: Values = {
        "hs_is_closed": _word(bool(stage and stage.closed)),
        "hs_is_closed_won": _word(bool(stage and stage.closed and not lost)),
        "hs_is_closed_lost": _word(lost),
        "hs_v2_date_entered_current_stage": now,
    }
    if stage and stage.closed and before.get("hs_is_closed") != "true" and "closedate" not in written:
        effect["closedate"] = now  # also for lost ones
    return effect


def of_engagement(kind: str, engagement: Record, target: Record, now: str) -> Values:
    """Return what follows for a deal, contact or company when an engagement is logged on it."""
    at = engagement.properties.get("hs_timestamp") or now
    machine = engagement.properties.get("hs_object_source") == WORKFLOW.kind
    effect: Values = {"num_notes": _more(target, "num_notes")}
    if milliseconds(at) > milliseconds(now):
        if engagement.properties.get("hs_task_status") != "COMPLETED":
            effect["notes_next_activity_date"] = _soonest(target, at, now)
        if kind == "tasks":
            effect["notes_last_updated"] = _latest(target, "notes_last_updated", engagement.created_at)
        return effect
    effect["notes_last_updated"] = _latest(
        target, "notes_last_updated", engagement.created_at if kind == "tasks" else at
    )
    if kind in CONTACTING and not machine:
        effect["notes_last_contacted"] = _latest(target, "notes_last_contacted", at)
        effect["hs_last_sales_activity_timestamp"] = _latest(target, "hs_last_sales_activity_timestamp", at)
        effect["num_contacted_notes"] = _more(target, "num_contacted_notes")
    return effect


def _word(value: bool) -> str:
    return "true" if value else "false"


def _more(target: Record, name: str) -> str:
    return str(int(target.properties.get(name) or 0) + 1)


def _latest(target: Record, name: str, at: str) -> str:
    before = target.properties.get(name)
    return before if before and milliseconds(before) >= milliseconds(at) else at


def _soonest(target: Record, at: str, now: str) -> str:
    before = target.properties.get("notes_next_activity_date")
    ahead = before and milliseconds(now) < milliseconds(before) <= milliseconds(at)
    return before if before and ahead else at

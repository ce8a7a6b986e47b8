"""Tryton's fields and ours, as data; and our own fields, which Tryton keeps as the newest of our notes on a deal.

Tryton has no fields of one's own without a module, and a lost deal may not be edited. Notes may be added to any record
in any state; they cannot be changed afterwards. So each change of our fields is a new note, and the newest holds.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from recyclekit.models.field_map import FieldSpec, Mapped, StageMap
from recyclekit.models.tables import OWN_FIELDS, Table

DEAL, NOTE, TASK, PARTY = "sale.opportunity", "ir.note", "project.work", "party.party"
SCENARIO, ENROLMENT = "marketing.automation.scenario", "marketing.automation.record"
MAILING_LIST, MEMBER = "marketing.email.list", "marketing.email"

PERSON = "person"
"""Made here: the party behind the opportunity's contact (a number or address), else the opportunity's own party."""

UNSUBSCRIBED = "marketing_scenario_unsubscribed"
COUNTRY = "addresses.country.code"
"""A party that left any scenario is taken for opted out: Tryton knows no other word for it."""

MAPPED = Mapped(
    fields={
        Table.DEALS: {
            "deal_id": FieldSpec(column="id"),
            "external_id": FieldSpec(column="reference"),
            "name": FieldSpec(column="description"),
            "account_id": FieldSpec(column="party"),
            "contact_id": FieldSpec(column=PERSON),
            "deal_stage": FieldSpec(column="state"),
            "amount": FieldSpec(column="amount", format="1,234.5"),
            "currency": FieldSpec(column="currency.code"),
            "owner": FieldSpec(column="employee"),
            "created_on": FieldSpec(column="start_date", format="%Y-%m-%d"),
            "closed_on": FieldSpec(column="end_date", format="%Y-%m-%d"),
            "lost_reason": FieldSpec(column="lost_reason"),
            **{name: FieldSpec(column=name) for name in OWN_FIELDS},
        },
        Table.ACTIVITIES: {
            "activity_id": FieldSpec(column="id"),
            "deal_id": FieldSpec(column="deal"),
            "kind": FieldSpec(const="note"),
            "at": FieldSpec(column="create_date", format="iso"),
            "key": FieldSpec(column="key"),
        },
        Table.CONTACTS: {
            "contact_id": FieldSpec(column="id"),
            "account_id": FieldSpec(column="id"),
            "opted_out": FieldSpec(column=UNSUBSCRIBED),
        },
        Table.ACCOUNTS: {"account_id": FieldSpec(column="id"), "country": FieldSpec(column=COUNTRY)},
    },
    stages=StageMap(won=("won",), lost=("lost",), open=("lead", "opportunity", "converted")),
)
"""A cancelled opportunity was never a deal and is not read; a converted one has an offer out, so it is open."""

_HEADING = "[recyclekit] Kept by recyclekit: the newest of these notes holds."


def note_text(key: str, fields: Mapping[str, object]) -> str:
    """Return a note that holds our fields, readable for people and for `read_note`."""
    lines = [f"{name}: {orjson.dumps(value).decode()}" for name, value in fields.items() if value is not None]
    return "\n".join((_HEADING, f"key: {key}", *lines))


def read_note(message: str | None) -> tuple[str, dict[str, object]] | None:
    """Return the key and the fields of a note of ours; None for any other note, and for what somebody made of it."""
    heading, _, rest = (message or "").partition("\n")
    if heading != _HEADING:
        return None
    pairs = dict(line.split(": ", 1) for line in rest.splitlines() if ": " in line)
    try:
        fields: dict[str, object] = {n: orjson.loads(pairs[n]) for n in OWN_FIELDS if n in pairs}
    except orjson.JSONDecodeError:
        return None
    return pairs.get("key", ""), fields


def task_text(key: str, deal_id: str, payload: Mapping[str, object]) -> str:
    """Return the comment of a task: what is to be done, when and by whom, then our key."""
    shown = ("due_on", "owner", "channel", "hook", "reason", "track", "step", "missing")
    lines = [f"{name}: {payload[name]}" for name in shown if payload.get(name) is not None]
    return "\n".join((*lines, f"deal: {DEAL},{deal_id}", key_line(key)))


def key_line(key: str) -> str:
    """Return the line that ends a task's comment, by which it is found again."""
    return f"recyclekit: {key}"

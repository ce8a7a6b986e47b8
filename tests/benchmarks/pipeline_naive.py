"""What one would write first: a model per row, a loop over the rules, keywords for the reason. Pure Python.

Gives the same decisions and writes as the plan under the standard policy, in a first cycle and without capacities
(`test_naive` holds it to that), but for free text: that is read by keywords only.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from unicodedata import normalize
from zlib import crc32
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from tests.benchmarks.pipeline_floor import AS_OF, KEYWORDS
from tests.benchmarks.pipeline_naive_dates import POLICY, TRACKS, Track, first_touch, next_working_day
from tests.benchmarks.pipeline_naive_models import CYCLE, Action, Deal, Decision

ZONE = ZoneInfo("Asia/Tokyo")
STATES = {"Closed Won": "won", "Closed Lost": "lost"}
KEY = "main:{}:{}:{}"
FIELDS = "fields:naive"
ASK_ON = next_working_day(AS_OF)
ASK_WITHIN = POLICY["three_fields"]["ask_within_days"]
EPOCH = date(1970, 1, 1)


RULES = (
    ("opted_out", "opted_out", "exclude"),
    ("disqualified", "reason == 'disqualified'", "exclude"),
    ("lost_on_price", "reason == 'price'", "exclude"),
    ("other_open_deal", "account_open_deals > 0 or (status == 'lost' and account_stalled_deals > 0)", "exclude"),
    ("maximum_cycles", "cycles_done >= maximum_cycles and not cycle_running", "exclude"),
    ("reason_missing", "status == 'lost' and reason_source == 'none'", "review"),
    ("reason_unclear", "status == 'lost' and reason_source == 'unclear'", "review"),
    ("reason_other", "reason == 'other'", "review"),
    ("between_cycles", "again_on is not None and as_of < again_on and not cycle_running", "wait"),
    ("cool_off", "cool_off_until is not None and as_of < cool_off_until and not cycle_running", "wait"),
    ("stalled", "status == 'stalled'", "recycle"),
    *((f"recycle_{code}", f"reason == '{code}'", "recycle") for code in POLICY["reason_tracks"]),
)
"""Name, condition and verdict. Conditions that a person may change, so they are text."""

FIRST_CYCLE = {
    "as_of": AS_OF, "opted_out": None, "cycles_done": 0, "maximum_cycles": POLICY["cycles"]["maximum"],
    "cycle_running": False, "again_on": None,
}  # fmt: skip
"""Facts that are the same for every deal where nothing was written yet and no contacts are read."""


def decide(path: Path, rows: int) -> int:
    """Decide on the first rows, plan the writes and return how many there are."""
    return len(plan(path, rows)[1])


def decisions(path: Path, rows: int) -> list[Decision]:
    """Decide on the first rows, one decision per deal."""
    return plan(path, rows)[0]


def plan(path: Path, rows: int) -> tuple[list[Decision], list[str]]:
    """Decide on the first rows; return the decisions, and the writes that they take as JSON."""
    picklist = _picklist(path.parent / "recyclekit.yaml")
    deals = _read(path, rows)
    contacts = [_last_contact_on(deal) for deal in deals]
    statuses = [_status(deal, contact_on) for deal, contact_on in zip(deals, contacts, strict=True)]
    going_on, stalled = Counter[str](), Counter[str]()
    for deal, status in zip(deals, statuses, strict=True):
        if deal.account_id and status in ("open", "undated"):
            going_on[deal.account_id] += 1
        elif deal.account_id and status == "stalled":
            stalled[deal.account_id] += 1
    rules = [(name, compile(condition, name, "eval"), verdict) for name, condition, verdict in RULES]
    decided: list[Decision] = []
    actions: list[str] = []
    for deal, contact_on, status in zip(deals, contacts, statuses, strict=True):
        known: dict[str, Any] = {
            "deal_id": deal.deal_id, "status": status,
            "inactive_days": (AS_OF - contact_on).days if contact_on else None,
            "activity_source": "crm" if contact_on else None,
        }  # fmt: skip
        if status not in ("lost", "stalled"):
            decided.append(Decision(**known))
            continue
        reason, source = _reason(deal, picklist) if status == "lost" else (None, None)
        until = _cool_off_until(deal, contact_on, reason)
        account = deal.account_id or ""
        facts = {
            **FIRST_CYCLE, "status": status, "reason": reason, "reason_source": source, "cool_off_until": until,
            "account_open_deals": going_on[account],
            "account_stalled_deals": stalled[account] - (1 if status == "stalled" else 0),
        }  # fmt: skip
        rule, verdict = next(
            ((name, verdict) for name, condition, verdict in rules if eval(condition, facts)), (None, "none")
        )
        known |= {"reason": reason, "reason_source": source, "verdict": verdict, "rule": rule}
        if verdict == "recycle":
            known |= _touch(deal, contact_on, status, reason)
        elif verdict == "wait":
            known |= {"track": POLICY["reason_tracks"].get(reason), "wait_until": until, "bucket": "waiting"}
        else:
            known["bucket"] = "excluded" if verdict == "exclude" else verdict
        decision = Decision(**known)
        decided.append(decision)
        actions += [action.model_dump_json() for action in _writes(deal, decision)]
    return decided, actions


# -- what a row says --------------------------------------------------------------------------------------------------


def _picklist(project: Path) -> dict[str, str | list[str]]:
    """Return reasons by plain value; the project's own come after the policy's, so they win."""
    own = json.loads(project.read_text(encoding="utf-8"))["connections"]["crm"]["reasons"]
    return {_plain(value): code for value, code in {**POLICY["reasons"]["values"], **own}.items()}


def _read(path: Path, rows: int) -> list[Deal]:
    """Read the deals; of those with the same id the last stands, rows that cannot be read are set aside."""
    deals: dict[str, Deal] = {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        last = (reader.fieldnames or [""])[-1]
        for row in islice(reader, rows):
            if None in row or row[last] is None:  # too many fields, or too few
                continue
            try:
                deal = Deal.model_validate(row)
            except ValidationError:
                deals.pop(row["deal_id"].strip(), None)  # what is known to be outdated must not be acted on
            else:
                deals[deal.deal_id] = deal
    return list(deals.values())


def _last_contact_on(deal: Deal) -> date | None:
    """Return the day of the last contact; what lies in the future does not count."""
    if deal.last_activity_at is None:
        return None
    day = deal.last_activity_at.astimezone(ZONE).date()
    return day if day <= AS_OF else None


def _status(deal: Deal, contact_on: date | None) -> str:
    if deal.deal_stage in STATES:
        return STATES[deal.deal_stage]
    if contact_on is None:
        return "undated"
    return "stalled" if (AS_OF - contact_on).days >= POLICY["status"]["stalled_after"]["days"] else "open"


def _plain(text: str) -> str:
    return normalize("NFKC", text).lower().strip()


def _reason(deal: Deal, picklist: dict[str, str | list[str]]) -> tuple[str | None, str]:
    """Return the reason and where it comes from: the picklist, keywords in free text, or nowhere."""
    text = deal.lost_reason or deal.lost_note
    if text is None:
        return None, "none"
    plain = _plain(text)
    known = picklist.get(plain)
    if known is not None:
        return (known, "picklist") if isinstance(known, str) else (None, "unclear")
    read = next((code for code, words in KEYWORDS.items() if any(word in plain for word in words)), None)
    return read, "text" if read else "unclear"


def _cool_off_until(deal: Deal, contact_on: date | None, reason: str | None) -> date | None:
    days, since = POLICY["cool_off"]["by_reason"].get(reason), deal.closed_on or contact_on
    return since + timedelta(days=days) if days and since else None


# -- what is planned --------------------------------------------------------------------------------------------------


def _touch(deal: Deal, contact_on: date | None, status: str, reason: str | None) -> dict[str, Any]:
    """Give a deal that is to be recycled the first touch of its track: its day, its owner and what to come with.

    Whom sales named is only taken where a roster knows them; without one, the touch belongs to the track's role.
    """
    name = "stalled" if status == "stalled" else POLICY["reason_tracks"][reason]
    track = TRACKS[name]
    day, notes = first_touch(track, deal.next_approach_on, deal.closed_on, deal.contract_ends_on)
    if deal.hook is not None and _letters(deal.hook) in VAGUE:
        notes.append("the hook is vague")
    return {
        "track": name, "bucket": "scheduled", "step": track.step, "next_approach_on": day, "owner": track.owner,
        "channel": track.channel, "hook": deal.hook or track.hook, "note": "; ".join(notes) or None,
        "fingerprint": _fingerprint(deal, contact_on),
    }  # fmt: skip


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", _plain(text))


VAGUE = {_letters(hook) for hook in POLICY["three_fields"]["vague_hooks"]}


def _fingerprint(deal: Deal, contact_on: date | None) -> str:
    """Return a checksum of all that the decision rests on, so that a change before the write is noticed."""
    contact = deal.last_activity_at if contact_on else None
    parts = (
        STATES.get(deal.deal_stage, "open"), deal.deal_stage, deal.account_id, deal.contact_id, deal.amount,
        _number(deal.closed_on), deal.lost_reason, deal.lost_note, _number(deal.next_approach_on),
        deal.approach_person, deal.hook, _number(deal.contract_ends_on), deal.need_type, deal.owner,
        round(contact.timestamp() * 1_000_000) if contact else None, None,
    )  # fmt: skip
    return str(crc32("\x1f".join(["\x00" if part is None else str(part) for part in parts]).encode()))


def _number(day: date | None) -> int | None:
    return (day - EPOCH).days if day else None


# -- what is written --------------------------------------------------------------------------------------------------


def _writes(deal: Deal, decision: Decision) -> Iterator[Action]:
    """Yield the touch, a to-do for what sales did not fill in, and our own fields."""
    if decision.next_approach_on is not None and decision.track is not None:
        yield _touch_action(deal, decision, TRACKS[decision.track])
    if lacking := _lacking(deal, decision):
        yield _ask_action(deal, decision, lacking)
    if decision.next_approach_on is not None:
        yield _fields_action(deal, decision)


def _touch_action(deal: Deal, decision: Decision, track: Track) -> Action:
    key = KEY.format(deal.deal_id, CYCLE, decision.step)
    payload: dict[str, Any] = {
        "due_on": decision.next_approach_on, "channel": decision.channel, "owner": decision.owner,
        "step": decision.step, "track": decision.track, "reason": decision.reason, "rule": decision.rule,
    }  # fmt: skip
    if decision.channel == "newsletter":
        payload |= {"list": track.list, "from_on": decision.next_approach_on}
        return Action(key=key, kind="enrol", deal_id=deal.deal_id, payload=payload)
    # Sales' own hook is not copied: the task says that there is one.
    payload |= {
        "subject": track.subject, "hook": None if deal.hook else track.hook,
        "hook_source": "sales" if deal.hook else "track", "confirm_by_mail": track.confirm_by_mail,
    }  # fmt: skip
    return Action(key=key, kind="create_task", deal_id=deal.deal_id, payload=payload)


def _lacking(deal: Deal, decision: Decision) -> list[str]:
    """Return what to ask for of a deal that was lost lately and may come back."""
    recent = deal.closed_on is not None and 0 <= (AS_OF - deal.closed_on).days <= ASK_WITHIN
    if decision.status != "lost" or not recent or decision.verdict not in ("recycle", "wait", "review"):
        return []
    filled = {
        "reason": decision.reason is not None and decision.verdict != "review",
        "next_approach_on": deal.next_approach_on, "approach_person": deal.approach_person, "hook": deal.hook,
    }  # fmt: skip
    return [name for name, value in filled.items() if not value]


def _ask_action(deal: Deal, decision: Decision, lacking: Collection[str]) -> Action:
    payload = {
        "subject": "Please fill in next approach date, person and hook", "due_on": ASK_ON, "channel": None,
        "owner": deal.owner or POLICY["owner_role"], "step": "ask", "track": None, "reason": decision.reason,
        "rule": decision.rule, "hook": None, "hook_source": None, "missing": lacking,
    }  # fmt: skip
    # What a person must look at belongs to no cycle.
    key = KEY.format(deal.deal_id, 0 if decision.verdict == "review" else CYCLE, "ask")
    return Action(key=key, kind="create_task", deal_id=deal.deal_id, payload=payload)


def _fields_action(deal: Deal, decision: Decision) -> Action:
    """Return what is set on the deal: of our eight fields those that change, all of them empty before."""
    fields = {
        "recycle_track": decision.track, "recycle_reason": decision.reason,
        "recycle_next_on": decision.next_approach_on, "recycle_owner": decision.owner,
        "recycle_channel": decision.channel, "recycle_hook": None if deal.hook else decision.hook,
        "recycle_rule": decision.rule, "recycle_cycle": decision.cycle,
    }  # fmt: skip
    changed = {name: value for name, value in fields.items() if value is not None}
    key = KEY.format(deal.deal_id, CYCLE, FIELDS)
    return Action(key=key, kind="set_fields", deal_id=deal.deal_id, payload=changed, before=dict.fromkeys(changed))

"""The bench of the conformance kit: records through the sandbox's back door, and a look at what stands there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import count
from zoneinfo import ZoneInfo

import orjson

from recyclekit.connectors import FULL, Support
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.tables import OWN_FIELDS, Table
from recyclekit.testing import Record, Trouble
from recyclekit.testing.sandbox import Answer, Fault, FaultKind, Request
from recyclekit.testing.sandbox.hubspot import PERSON, Change, HubSpotSandbox
from recyclekit.testing.sandbox.hubspot.records import iso

_NUMBERS = count(1)
_STAGES = {"won": "closedwon", "lost": "closedlost", "open": "appointmentscheduled"}
_DEALS = {"lost_reason": "closed_lost_reason", "amount": "amount", "name": "dealname", "closed_on": "closedate"}
_KINDS = {Table.DEALS: "deals", Table.CONTACTS: "contacts", Table.ACCOUNTS: "companies"}
_LISTS = "*/deals"
_FAULTS = {
    Trouble.THROTTLED: Fault(kind=FaultKind.STATUS, status=429),
    Trouble.QUOTA: Fault(kind=FaultKind.STATUS, status=429, policy="DAILY"),
    Trouble.DOWN: Fault(kind=FaultKind.STATUS, status=503),
    Trouble.SIGNED_OUT: Fault(kind=FaultKind.STATUS, status=401),
    Trouble.FORBIDDEN: Fault(kind=FaultKind.STATUS, status=403, message="crm.objects.deals.write is missing"),
    Trouble.CUT_OFF: Fault(kind=FaultKind.CUT_OFF, path=_LISTS),
    Trouble.LOST_ANSWER: Fault(kind=FaultKind.LOST_ANSWER, path="*/batch/[cu]*"),
    Trouble.LYING: Fault(kind=FaultKind.LYING_200, path="*/batch/[cu]*", body='{"status":"COMPLETE","results":[]}'),
}


class Account(HubSpotSandbox):
    """The sandbox with pages that turn in circles, and with records that are none."""

    circling = False
    odd = 0
    _page: Answer | None = None

    def finish(self, request: Request, answer: Answer) -> Answer:
        answer = super().finish(request, answer)
        if request.method != "GET" or "/objects/" not in request.path or not request.path.endswith("/deals"):
            return answer
        if self.odd and answer.status == 200:
            self.odd -= 1
            page = orjson.loads(answer.body)
            page["results"][0]["properties"] = "not an object"
            return replace(answer, body=orjson.dumps(page))
        if not self.circling:
            return answer
        if self._page is None and b'"paging"' in answer.body:
            self._page = answer
        return self._page or answer


class HubSpotBench:
    """Bench, Edits, Looks, CountsCalls, Hurts, Refuses and Lacks."""

    page_size, track = 4, "newsletter"

    def __init__(self, crm: Account) -> None:
        self.crm = crm
        self.owner = crm.portal.add_owner("sato").id
        self.members = crm.add_list("Newsletter")

    # -- records ---------------------------------------------------------------------------------------------------

    def seedable(self) -> Collection[Table]:
        return tuple(Table)

    def seed(self, table: Table, records: Sequence[Record]) -> Sequence[str]:
        if table is Table.HISTORY:
            return [self._change(record) for record in records]
        if table is Table.SIGNALS:
            return [self._signal(record) for record in records]
        return [self._put(table, record) for record in records]

    def _put(self, table: Table, record: Record) -> str:
        name = {Table.DEALS: "deal_id", Table.CONTACTS: "contact_id", Table.ACCOUNTS: "account_id"}.get(table, "")
        ties = {one: str(record[one]) for one in ("deal_id", "contact_id", "account_id") if record.get(one)}
        key, row = f"k{next(_NUMBERS)}", {column: value for column, value in record.items() if column not in ties}
        loaded = getattr(self.crm.load(**{str(table): [{**row, name or "activity_id": key}]}), str(table))
        made, kind = str(loaded[key]), _KINDS.get(table) or f"{record.get('kind')}s"
        for tie, other in (("deal_id", "deals"), ("contact_id", "contacts"), ("account_id", "companies")):
            if tie in ties:
                self.crm.link(kind, made, other, ties[tie])
        return made

    def _signal(self, record: Record) -> str:
        person, at = str(record["contact_id"]), record["at"]
        assert isinstance(at, datetime)
        self.crm.edit("contacts", person, {"hs_email_last_click_date": iso(at)})
        return person

    def _change(self, record: Record) -> str:
        at, deal = record["at"], self.crm.objects["deals"][str(record["deal_id"])]
        assert isinstance(at, datetime)
        name = _DEALS[str(record["field"])]
        deal.history[name] = [*deal.changes(name), Change(str(record["value"]), iso(at), PERSON)]
        return deal.id

    # -- what people do --------------------------------------------------------------------------------------------

    def edit(self, deal_id: str, values: Record) -> None:
        renamed = {_DEALS.get(name, name): _text(value) for name, value in values.items() if name != "crm_state"}
        if "crm_state" in values:
            renamed["dealstage"] = _STAGES[str(values["crm_state"])]
        self.crm.edit("deals", deal_id, renamed)

    def delete(self, deal_id: str) -> None:
        self.crm.archive("deals", deal_id)

    def finish(self, deal_id: str, key: str) -> None:
        (task,) = [one for one in self._tasks(deal_id) if self._key(one) == key]
        self.crm.edit("tasks", task, {"hs_task_status": "COMPLETED"})

    def opt_out(self, contact_id: str) -> None:
        self.crm.edit("contacts", contact_id, {"hs_email_optout": "true"})

    # -- what stands there -----------------------------------------------------------------------------------------

    def fields(self, deal_id: str) -> Mapping[str, str | None]:
        properties = self.crm.objects["deals"][deal_id].properties
        return {name: properties.get(name) or None for name in OWN_FIELDS}

    def tasks(self, deal_id: str) -> Sequence[str]:
        return [key for one in self._tasks(deal_id) if (key := self._key(one))]

    def _tasks(self, deal_id: str) -> list[str]:
        tasks = self.crm.portal.links.of("deals", deal_id, "tasks")
        return [one for one in tasks if self.crm.objects["tasks"].live(one)]

    def _key(self, task: str) -> str | None:
        return self.crm.objects["tasks"][task].properties.get("recycle_key")

    def task(self, deal_id: str, key: str) -> Record:
        (one,) = [one for one in self._tasks(deal_id) if self._key(one) == key]
        properties = self.crm.objects["tasks"][one].properties
        at = datetime.fromisoformat(str(properties["hs_timestamp"]))
        return {"due_on": at.astimezone(ZoneInfo("Asia/Tokyo")).date(), "owner": properties.get("hubspot_owner_id")}

    def enrolments(self, deal_id: str) -> int:
        people = self.crm.portal.links.of("deals", deal_id, "contacts")
        return sum(one in self.crm.portal.lists[self.members].members for one in people)

    def calls(self) -> int:
        return len(self.crm.journal)

    # -- trouble ---------------------------------------------------------------------------------------------------

    def troubles(self) -> Mapping[Trouble, Support]:
        return dict.fromkeys(Trouble, FULL)

    def hurt(self, trouble: Trouble, *, times: int | None = 1, wait: float | None = None) -> None:
        if trouble is Trouble.CIRCLING:
            self.crm.circling = True
        elif trouble is Trouble.UNREADABLE:
            self.crm.odd = times or 10**9
        else:
            self.crm.faults.add(_FAULTS[trouble].model_copy(update={"times": times, "retry_after": wait}))

    def heal(self) -> None:
        self.crm.faults.clear()
        self.crm.circling, self.crm.odd = False, 0

    def refused(self, action: Action) -> Action:
        if action.kind is ActionKind.ENROL:
            return replace(action, payload={**action.payload, "list": "nowhere", "track": "nowhere"})
        if action.kind is ActionKind.CREATE_TASK:
            return replace(action, payload={**action.payload, "owner": "nobody"})
        return replace(action, payload={**action.payload, "recycle_cycle": "many"})

    def lack(self) -> str:
        self.crm.portal.definitions["deals"].pop("recycle_track")
        return "recycle_track"


def _text(value: object) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, date) else str(value)

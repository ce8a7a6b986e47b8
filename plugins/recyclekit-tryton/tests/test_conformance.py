"""The Tryton connector passes the kit, on a real server behind a proxy that makes trouble."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import count
from typing import Any

import pytest
import urllib3

from recyclekit.connectors import FULL, ConnectorManifest, Level, Support
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.tables import OWN_FIELDS, Table
from recyclekit.testing import ConnectorSuite, Record, Trouble
from recyclekit.testing.proving import unproven
from recyclekit.testing.sandbox import Answer, Fault, FaultKind, Request, SandboxCrm, json_answer
from recyclekit_tryton import MANIFEST
from recyclekit_tryton.field_map import DEAL, ENROLMENT, NOTE, TASK, note_text, read_note
from recyclekit_tryton.settings import TrytonSettings
from tests.tryton_server import MISSING, Server, is_installed, running

pytestmark = pytest.mark.xdist_group("tryton")
_NUMBERS = count(1000)
_STATE = {"won": "won", "lost": "lost", "open": "opportunity"}
_OURS = {"name": "description", "created_on": "start_date", "closed_on": "end_date"}
_AS_IT_IS = ("amount", "currency", "lost_reason")


class Proxy(SandboxCrm):
    """Stands before the real server: hands calls on, unless a fault strikes."""

    def __init__(self, server: Server) -> None:
        super().__init__(seed=1)
        self._to, self._pool, self.circling = server.url, urllib3.PoolManager(), False
        self._page: Answer | None = None
        self.journal.clear()

    def stop(self) -> None:
        super().stop()
        self._pool.clear()

    @property
    def settings(self) -> dict[str, Any]:
        return {"url": self.url, "database": "crm"}

    def refuse(self, request: Request) -> Answer | None:
        return None

    def refusal(self, request: Request, fault: Fault) -> Answer:
        words = {"status": fault.status, "message": fault.message or "Busy", "description": ""}
        after = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        return json_answer(words, fault.status, after)

    def unknown(self, request: Request) -> Answer:
        pages = request.method == "GET" and request.path.endswith(f"/{DEAL}")
        if self.circling and pages and self._page is not None:
            return self._page
        headers = {name: value for name, value in request.headers.items() if name in {"authorization", "content-type"}}
        url = f"{self._to}{request.path}" + (f"?{request.raw_query}" if request.raw_query else "")
        done = self._pool.request(request.method, url, body=request.body or None, headers=headers, retries=False)
        answer = Answer(done.status, done.data, {"Content-Type": done.headers.get("Content-Type", "text/plain")})
        self._page = answer if pages else self._page
        return answer

    def expire_tokens(self) -> None:
        """Keys do not expire."""

    def finish(self, request: Request, answer: Answer) -> Answer:
        return answer

    def fall_behind(self, seconds: float) -> None:
        """Tryton has no index."""


class TrytonBench:
    """Records through Tryton's own models; what stands there through REST, around the proxy."""

    page_size, track = 4, "newsletter"

    def __init__(self, server: Server, proxy: Proxy) -> None:
        self.server, self.proxy = server, proxy
        self.owner = str(server.ids["employees"]["anna"])
        name = f"scenario {next(_NUMBERS)}"
        self.scenario = server.within.do("fill", scenarios=[name])["scenarios"][name]

    # -- records -----------------------------------------------------------------------------------------------------

    def seedable(self) -> Collection[Table]:
        return (Table.DEALS, Table.CONTACTS, Table.ACCOUNTS, Table.ACTIVITIES)

    def seed(self, table: Table, records: Sequence[Record]) -> Sequence[str]:
        if table is Table.DEALS:
            return self._filled("deals", [self._deal(record) for record in records])
        if table is Table.ACTIVITIES:
            notes = [{"deal": int(str(r["deal_id"])), "at": _utc(r["at"])} for r in records]
            return [str(note) for note in self.server.within.do("fill", activities=notes)["activities"]]
        if any(record.get("account_id") is None for record in records):
            rows = [{"country": r.get("country"), "opted_out": bool(r.get("opted_out"))} for r in records]
            return self._filled("parties", rows)
        return [self._party(record) for record in records]

    def _deal(self, record: Record) -> dict[str, Any]:
        """An opportunity has a party and an employee; a lead needs neither."""
        deal = _deal(record)
        deal["employee"] = deal["employee"] or int(self.owner)
        return {**deal, "state": "lead"} if deal["state"] == "opportunity" and deal["party"] is None else deal

    def _party(self, record: Record) -> str:
        """A contact is its company's party: Tryton's opportunities know one party."""
        if record.get("opted_out"):
            self.opt_out(str(record["account_id"]))
        return str(record["account_id"])

    def _filled(self, table: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        named = [{**row, "id": f"k{next(_NUMBERS)}"} for row in rows]
        made = self.server.within.do("fill", **{table: named})[table]
        return [str(made[row["id"]]) for row in named]

    def edit(self, deal_id: str, values: Record) -> None:
        own = {name: _plain(value) for name, value in values.items() if name in OWN_FIELDS}
        if own:
            message = note_text("somebody", {**self.fields(deal_id), **own})
            self.server.call("POST", NOTE, {"resource": f"{DEAL},{deal_id}", "message": message})
        theirs = {name: value for name, value in _deal(values).items() if name in _THEIRS and value is not None}
        renamed = {_OURS.get(name, name): value for name, value in theirs.items()}
        if renamed:
            self.server.within.do("write", model=DEAL, id=int(deal_id), values=renamed)

    def delete(self, deal_id: str) -> None:
        self.server.within.do("delete", model=DEAL, id=int(deal_id))

    def finish(self, deal_id: str, key: str) -> None:
        (task,) = [row for row in self._tasks() if (row["comment"] or "").endswith(key)]
        self.server.within.do("write", model=TASK, id=task["id"], values={"status": 2, "progress": 1})

    def opt_out(self, contact_id: str) -> None:
        self.server.within.do("unsubscribe", id=int(contact_id))

    # -- what stands there -------------------------------------------------------------------------------------------

    def fields(self, deal_id: str) -> Mapping[str, str | None]:
        rows = self.server.call("GET", f"{NOTE}?f=resource&f=message")
        notes = [(row["id"], read_note(row["message"])) for row in rows if row["resource"] == f"{DEAL},{deal_id}"]
        own = max(((n, note[1]) for n, note in notes if note), default=(0, {}))[1]
        return {name: None if own.get(name) is None else str(own[name]) for name in OWN_FIELDS}

    def tasks(self, deal_id: str) -> Sequence[str]:
        comments = [(row["comment"] or "").splitlines() for row in self._tasks()]
        return [lines[-1].partition(": ")[2] for lines in comments if f"deal: {DEAL},{deal_id}" in lines]

    def _tasks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.server.call("GET", f"{TASK}?f=comment")
        return found

    def task(self, deal_id: str, key: str) -> Record:
        lines = next(lines for row in self._tasks() if key in (lines := (row["comment"] or "").splitlines())[-1])
        said = dict(line.partition(": ")[::2] for line in lines)
        return {"due_on": date.fromisoformat(said["due_on"]), "owner": said["owner"]}

    def enrolments(self, deal_id: str) -> int:
        party = self.server.call("GET", f"{DEAL}/{deal_id}?f=party")["party"]
        rows = self.server.call("GET", f"{ENROLMENT}?f=record")
        return sum(row["record"] == f"party.party,{party}" for row in rows)

    def calls(self) -> int:
        return len(self.proxy.journal)

    # -- trouble -----------------------------------------------------------------------------------------------------

    def troubles(self) -> Mapping[Trouble, Support]:
        never = {
            Trouble.QUOTA: Support(Level.NEVER, "Tryton has no quota."),
            Trouble.UNREADABLE: Support(Level.NEVER, "A page is one JSON text: it can be read, or it cannot."),
        }
        return {**dict.fromkeys(Trouble, FULL), **never}

    def hurt(self, trouble: Trouble, *, times: int | None = 1, wait: float | None = None) -> None:
        if trouble is Trouble.CIRCLING:
            self.proxy.circling = True
            return
        self.proxy.faults.add(_FAULTS[trouble].model_copy(update={"times": times, "retry_after": wait}))

    def heal(self) -> None:
        self.proxy.faults.clear()
        self.proxy.circling = False

    def refused(self, action: Action) -> Action:
        wrong = {
            ActionKind.SET_FIELDS: {"recycle_nonsense": "x"},
            ActionKind.CREATE_TASK: {"subject": "a name\nof two lines"},
            ActionKind.ENROL: {"list": "nowhere", "track": "nowhere"},
        }
        return replace(action, payload={**action.payload, **wrong[action.kind]})

    def lack(self) -> str:
        self.server.within.do("delete", model="marketing.automation.scenario", id=self.scenario)
        return f"no scenario {self.scenario}"


_THEIRS = ("state", *_OURS, *_AS_IT_IS)
_FAULTS = {
    Trouble.THROTTLED: Fault(kind=FaultKind.STATUS, status=429),
    Trouble.DOWN: Fault(kind=FaultKind.STATUS, status=503),
    Trouble.SIGNED_OUT: Fault(kind=FaultKind.STATUS, status=401),
    Trouble.FORBIDDEN: Fault(kind=FaultKind.STATUS, status=403, message="No access to the model"),
    Trouble.CUT_OFF: Fault(kind=FaultKind.CUT_OFF, method="GET"),
    Trouble.LOST_ANSWER: Fault(kind=FaultKind.LOST_ANSWER, method="POST"),
    Trouble.LYING: Fault(kind=FaultKind.LYING_200, method="POST"),
}


def _deal(record: Record) -> dict[str, Any]:
    state = _STATE.get(str(record.get("crm_state")))
    values = {name: _plain(record.get(name)) for name in (*_OURS, *_AS_IT_IS)}
    owner, person = record.get("owner"), record.get("contact_id")
    party = record.get("account_id") or person
    return {
        **values,
        "state": state,
        "party": int(str(party)) if party else None,
        "contact": int(str(person)) if person else None,
        "employee": int(str(owner)) if owner else None,
    }


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _utc(value: object) -> str:
    assert isinstance(value, datetime)
    offset = value.utcoffset()
    assert offset is not None
    return (value - offset).replace(tzinfo=None).isoformat()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of its own: the kit applies whole plans."""
    if not is_installed():
        pytest.skip(MISSING)
    with running({"employees": [{"id": "anna"}], "scenarios": ["newsletter"]}) as started:
        yield started


class TestTryton(ConnectorSuite):
    @pytest.fixture
    def manifest(self) -> ConnectorManifest[Any]:
        return MANIFEST

    @pytest.fixture
    def bench(self, server: Server) -> Iterator[TrytonBench]:
        with Proxy(server) as proxy:
            yield TrytonBench(server, proxy)
        server.within.do("clear")

    @pytest.fixture
    def config(self, bench: TrytonBench) -> TrytonSettings:
        return TrytonSettings(
            url=bench.proxy.url, database="crm", key=bench.server.key, scenarios={bench.track: bench.scenario},
            page_size=bench.page_size, calls_per_second=10_000,
        )  # fmt: skip

    def test_no_test_of_the_kit_is_left_out(self, manifest: ConnectorManifest[Any], bench: TrytonBench) -> None:
        assert unproven(ConnectorSuite, manifest.capabilities, bench) == {}, "then it is not of the highest tier"

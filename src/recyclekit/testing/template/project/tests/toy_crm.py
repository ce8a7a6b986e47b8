"""A toy CRM: records, tasks and lists over HTTP and JSON, in this process, on a port of its own. It can be hurt.

Replace it with a sandbox of your system: the vendor's own, or one like this that speaks its wire format.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from recyclekit.models.tables import OWN_FIELDS

Row = dict[str, Any]
STAGES = [
    {"name": "negotiation", "closed": False, "won": False},
    {"name": "signed", "closed": True, "won": True},
    {"name": "dropped", "closed": True, "won": False},
]
FIELDS = {
    "deals": ["id", "title", "company", "person", "stage", "value", "seller", "begun", "ended", "loss_reason"],
    "activities": ["id", "deal", "person", "type", "at", "done"],
    "contacts": ["id", "company", "no_mail"],
    "accounts": ["id", "country"],
}
WRITES = {("PATCH", "/records/deals"), ("PUT", "/tasks"), ("PUT", "/members"), ("POST", "/tasks/remove"),
          ("POST", "/members/remove")}  # fmt: skip


class Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: str, **more: Any) -> None:
        super().__init__(code)
        self.status, self.body, self.wait = status, {"code": code, **more}, more.pop("wait", None)


@dataclass
class ToyCrm:
    """State is in plain dictionaries: look at it and change it behind everybody's back."""

    token: str = "s3cret-t0ken"
    records: dict[str, dict[str, Row]] = field(default_factory=lambda: {table: {} for table in FIELDS})
    tasks: dict[str, Row] = field(default_factory=dict)
    members: dict[str, Row] = field(default_factory=dict)
    lists: list[str] = field(default_factory=lambda: ["L-1"])
    own: list[str] = field(default_factory=lambda: list(OWN_FIELDS))
    trouble: dict[str, tuple[int, float | None]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    calls: int = 0
    count: int = 0
    left: int = 10_000

    def __enter__(self) -> Self:
        crm, self.lock = self, threading.Lock()

        class Handler(_Handler):
            toy = crm

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def put(self, table: str, row: Mapping[str, Any]) -> str:
        """Store a record, under a new id where it has none, and count the change."""
        self.count += 1
        id_ = str(row.get("id") or f"{table[0]}{len(self.records[table]) + 1:06d}")
        self.records[table][id_] = {**self.records[table].get(id_, {}), **row, "id": id_, "changed": self.count}
        return id_

    def befalls(self, trouble: str) -> bool:
        """Whether this trouble befalls the call in hand; it is used up by that."""
        times, wait = self.trouble.get(trouble, (0, None))
        if times:
            self.trouble[trouble] = (times - 1, wait)
        return times > 0

    # -- calls -----------------------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Row:
        match method, path.strip("/").split("/"):
            case "GET", ["stages"]:
                return {"stages": STAGES}
            case "GET", ["lists"]:
                return {"lists": self.lists}
            case "GET", ["limits"]:
                return {"left": self.left - self.calls}
            case "GET", ["fields", table] if table in FIELDS:
                return {"fields": [*FIELDS[table], *(self.own if table == "deals" else [])]}
            case "POST", ["fields", "deals"]:
                self.own.append(body["name"])
                return {"name": body["name"]}
            case "GET", ["records", table] if table in FIELDS:
                return self._page(table, query)
            case "POST", ["records", "activities", "read"]:
                deals = set(body["deals"])
                return {"records": [row for row in self.records["activities"].values() if row.get("deal") in deals]}
            case "POST", ["records", table, "read"] if table in FIELDS:
                return {"records": [self.records[table][id_] for id_ in body["ids"] if id_ in self.records[table]]}
            case "PATCH", ["records", "deals"]:
                return {"results": [self._patch(one) for one in body["records"]]}
            case "PUT", ["tasks"]:
                return {"results": [self._upsert(self.tasks, "t", {**one, "touched": False}) for one in body["records"]]}
            case "PUT", ["members"]:
                return {"results": [self._upsert(self.members, "m", one) for one in body["records"]]}
            case "POST", [("tasks" | "members") as kind, "find"]:
                there = self.tasks if kind == "tasks" else self.members
                return {"records": [there[key] for key in body["keys"] if key in there]}
            case "POST", [("tasks" | "members") as kind, "remove"]:
                there = self.tasks if kind == "tasks" else self.members
                return {"results": [_remove(there, one) for one in body["records"]]}
        raise Refusal(404, "no_such_path")

    def _page(self, table: str, query: Mapping[str, str]) -> Row:
        limit, after = int(query.get("limit", "10")), query.get("after", "")
        if "changed_since" in query:
            rows = [row for row in self.records[table].values() if row["changed"] > int(query["changed_since"])]
            rows.sort(key=lambda row: row["changed"])
            rows = [row for row in rows if not after or row["changed"] > int(after)]
            following = str(rows[limit - 1]["changed"]) if len(rows) > limit else None
        else:
            rows = sorted((row for row in self.records[table].values() if row["id"] > after), key=lambda row: row["id"])
            following = rows[limit - 1]["id"] if len(rows) > limit else None
        return {"records": rows[:limit], "next": following, "count": self.count}

    def _patch(self, one: Row) -> Row:
        deal, key = self.records["deals"].get(one["id"]), one["key"]
        if deal is None:
            return {"key": key, "ok": False, "code": "gone", "message": "there is no such deal"}
        if one["id"] in self.refused:
            return {"key": key, "ok": False, "code": "locked_period", "field": "stage", "message": "the period is closed"}
        unknown = [name for name in one["values"] if name not in self.own]
        if unknown:
            return {"key": key, "ok": False, "code": "no_such_field", "field": unknown[0], "message": "no such field"}
        if any(deal.get(name) not in allowed for name, allowed in one.get("if", {}).items()):
            return {"key": key, "ok": False, "code": "changed", "message": "somebody changed it since"}
        self.put("deals", {**one["values"], "id": one["id"]})
        return {"key": key, "ok": True, "id": one["id"]}

    def _upsert(self, there: dict[str, Row], letter: str, one: Row) -> Row:
        there.setdefault(one["key"], {**one, "id": f"{letter}{len(there) + 1}"})
        return {"key": one["key"], "ok": True, "id": there[one["key"]]["id"]}


def _remove(there: dict[str, Row], one: Row) -> Row:
    row = there.get(one["which"])
    if row is not None and row.get("touched"):
        return {"key": one["key"], "ok": False, "code": "changed", "message": "somebody has worked on it"}
    there.pop(one["which"], None)
    return {"key": one["key"], "ok": True, "id": row["id"] if row else one["which"]}


class _Handler(BaseHTTPRequestHandler):
    """One call: trouble first, then the answer."""

    toy: ToyCrm

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a test's output is for its failures."""

    def _serve(self) -> None:
        address = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.toy.lock:
            self.toy.calls += 1
            try:
                self._answer(address.path, {k: v[0] for k, v in parse_qs(address.query).items()}, json.loads(raw or b"null"))
            except Refusal as refusal:
                self._send(refusal.status, refusal.body, refusal.wait)

    do_GET = do_POST = do_PUT = do_PATCH = _serve

    def _answer(self, path: str, query: dict[str, str], body: Any) -> None:
        toy, writes = self.toy, (self.command, path) in WRITES
        if self.headers.get("Authorization") != f"Bearer {toy.token}" or toy.befalls("signed_out"):
            raise Refusal(401, "bad_token", message="who are you?")
        if toy.befalls("forbidden"):
            raise Refusal(403, "missing_right", field="deals.write", message="not allowed")
        if toy.befalls("quota"):
            raise Refusal(429, "daily_quota", message="no more today")
        wait = toy.trouble.get("throttled", (0, None))[1]
        if toy.befalls("throttled"):
            raise Refusal(429, "too_fast", wait=wait)
        if toy.befalls("down"):
            raise Refusal(503, "down", message="back soon")
        if writes and toy.befalls("lying"):
            return self._send(200, {"status": "ok"})
        is_page = self.command == "GET" and path.startswith("/records/")
        if is_page and toy.befalls("circling"):
            query.pop("after", None)
        said = toy.answer(self.command, path, query, body)
        if is_page and toy.befalls("unreadable"):
            said["records"] = ["?!", *said["records"]]
        if writes and toy.befalls("lost_answer"):
            self.close_connection = True
            return None
        return self._send(200, said, cut=not writes and toy.befalls("cut_off"))

    def _send(self, status: int, said: Row, wait: float | None = None, *, cut: bool = False) -> None:
        raw = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        if wait is not None:
            self.send_header("Retry-After", f"{wait:g}")
        self.end_headers()
        self.wfile.write(raw[: len(raw) // 2] if cut else raw)
        self.close_connection = True

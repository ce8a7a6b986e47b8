"""Story 1: no secret reaches the server's database, a log, an artifact, the ledger or a report, however it is coded."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import psycopg
import pytest

from tests.operations.company import AS_OF, recyclekit, sample_project
from tests.operations.leaky import CANARIES, install_leaky
from tests.operations.process import eventually
from tests.operations.server import PrefectServer
from tests.operations.worker import running_worker

pytestmark = [pytest.mark.prefect, pytest.mark.slow]

RECYCLE = "recyclekit_flows.recycle.recycle"
POOL = "secrets"


@pytest.fixture(params=["prefect_sqlite", "prefect_postgres"])
def server(request: pytest.FixtureRequest) -> PrefectServer:
    found: PrefectServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def folder(tmp_path: Path, server: PrefectServer) -> Path:
    """A project whose CRM takes one secret each from the environment, a file and a block."""
    folder = tmp_path / "crm"
    sample_project(folder)
    (tmp_path / "held.secret").write_text(CANARIES["file"] + "\n", encoding="utf-8")
    path = folder / "recyclekit.yaml"
    text = path.read_text(encoding="utf-8").replace("connector: csv", "connector: leaky")
    secrets = f"environment: '${{CANARY}}', file: '${{file:{tmp_path}/held.secret}}', refuses: '${{file:refuses}}', "
    secrets += "block: '${block:recyclekit-ledger/canary.url}'"
    path.write_text(text.replace("settings: {", f"settings: {{{secrets}, "), encoding="utf-8")
    _save_block(server)
    return folder


def test_no_secret_is_found_anywhere_after_runs_that_were_tempted(
    server: PrefectServer, folder: Path, tmp_path: Path
) -> None:
    path = os.pathsep.join([str(install_leaky(tmp_path / "site")), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    secret = {"CANARY": CANARIES["environment"], "PYTHONPATH": path}
    pool, name = server.pool(POOL), f"canary-{tmp_path.name}"
    deployment = server.deploy(RECYCLE, name, pool, {"project": folder, "as_of": str(AS_OF)})
    with running_worker(server.home, server.url, pool, secret):
        for refuses in ("no", "in words", "by a bug"):
            (folder / "refuses").write_text(refuses, encoding="utf-8")
            run = server.run(deployment)
            state = server.wait(run)
            assert state["type"] == ("COMPLETED" if refuses == "no" else "FAILED"), server.logs(run)
            assert "**********" in "\n".join(_tempted(server, run))
            assert refuses == "no" or "**********" in state["message"]
    env = {**server.env, **secret}
    (folder / "refuses").write_text("no", encoding="utf-8")
    report = str(tmp_path / "report.html")
    recyclekit("report", "--project", str(folder), "--as-of", str(AS_OF), "--out", report, env=env)
    (tmp_path / "held.secret").unlink()  # where it may be
    swept = list(_everything(server, tmp_path))
    places = [where for where, raw in swept if name.encode() in raw]
    assert any("as text" in where or "table deployment" in where for where in places), "the sweep sees the database"
    assert {"ledger.db", "report.html"} <= {Path(where).name for where, _ in swept}
    assert not [f"{where}: {what}" for where, raw in swept for what in _canaries(raw)]


def test_the_sweep_knows_a_secret_in_every_form() -> None:
    secret = CANARIES["environment"]
    told = [secret, base64.b64encode(b"a:" + secret.encode()).decode(), quote(secret), json.dumps({"a": secret})]
    assert all(_canaries(f"x{one}x".encode()) for one in told)
    assert not _canaries(b"nothing")


def _tempted(server: PrefectServer, run: str) -> list[str]:
    return eventually(lambda: [one for one in server.logs(run) if "signing in" in one], 30, "the tempting log line")


def _save_block(server: PrefectServer) -> None:
    """Fill in a block as the page does; it stays for the next test."""
    (type_,) = server.post("/block_types/filter", {"block_types": {"slug": {"any_": ["recyclekit-ledger"]}}})
    (schema, *_) = server.post("/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [type_["id"]]}}})
    if any(one["name"] == "canary" for one in server.get("/block_types/slug/recyclekit-ledger/block_documents")):
        return
    document = {"name": "canary", "data": {"url": CANARIES["block"]}, "block_schema_id": schema["id"]}
    server.post("/block_documents/", document | {"block_type_id": type_["id"]})


def _everything(server: PrefectServer, folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield all that was kept or said: files as they lie there, and the databases as text."""
    for root in (server.home, folder):
        for path in root.rglob("*"):
            if path.is_file() and path.suffix not in {".pyc", ".csv"} and "site" not in path.parts:
                yield str(path), path.read_bytes()
                if path.suffix == ".db":
                    yield f"{path} as text", _sqlite_text(path)
    if server.database:
        yield from _postgres_text(server.database.replace("+asyncpg", ""))


def _sqlite_text(path: Path) -> bytes:
    # A text may lie in two pages of the file, so that its bytes are not beside each other.
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        return "\n".join(database.iterdump()).encode(errors="replace")


def _postgres_text(url: str) -> Iterator[tuple[str, bytes]]:
    with psycopg.connect(url) as database:
        names = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (name,) in names:
            rows: list[Any] = database.execute(f'SELECT t::text FROM "{name}" t').fetchall()  # type: ignore[call-overload]
            yield f"table {name}", "\n".join(row[0] or "" for row in rows).encode()


def _canaries(raw: bytes) -> list[str]:
    """Return which secrets are in there, and how; written apart from what the product looks for."""
    return [f"{name} {form}" for name, secret in CANARIES.items() for form, look in _forms(secret) if look in raw]


def _forms(secret: str) -> Iterator[tuple[str, bytes]]:
    raw = secret.encode()
    yield "plain", raw
    yield "hex", raw.hex().encode()
    yield "quoted", quote(secret).encode()
    yield "quoted whole", quote(secret, safe="").encode()
    yield "form", quote_plus(secret).encode()
    for text in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]):
        yield "escaped", text.encode()
        yield "escaped twice", json.dumps(text)[1:-1].encode()
        yield "escaped twice", json.dumps(text, ensure_ascii=False)[1:-1].encode()
        yield "escaped thrice", json.dumps(json.dumps(text))[1:-1].encode()
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + raw)
        yield "base64", coded[4 : len(coded) - 4]
        yield "base64", coded[4 : len(coded) - 4].replace(b"+", b"-").replace(b"/", b"_")

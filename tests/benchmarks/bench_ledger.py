"""A million planned actions into the ledger, against the plainest way to get the same rows into the same table."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import polars as pl
from sqlalchemy import Connection

from recyclekit.ledger import open_ledger
from recyclekit.ledger.sql import SqlLedger
from recyclekit.models.plan import ACTIONS
from recyclekit.models.run import Run, RunKind, RunState
from recyclekit.models.snapshot import dead_letters
from tests.benchmarks.figure import Figure
from tests.benchmarks.measured import cost
from tests.postgres_server import MISSING, server

ROWS = 1_000_000
TOUCHES = 500_000
ROUNDS = 2
BAR = 1.5
COLUMNS = ("id", "pipeline", *ACTIONS)
NAMES = ", ".join(f'"{name}"' for name in COLUMNS)


def measure() -> Iterable[Figure]:
    """Yield ratios of the best of some rounds, taken in turn; SQLite by processor time, a server by the clock."""
    against = "plain executemany, one transaction, tuples made before"
    yield from _pair("sqlite", lambda: "sqlite:///ledger.db", lambda _url: None, "cpu", against)
    one = server()
    if one is None:
        yield Figure(name="begin on postgresql", value=float("nan"), note=f"not measured: {MISSING}")
        return
    yield from _pair("postgresql", one.database, one.drop, "wall", "COPY to a temporary table, then insert … select")


def _pair(store: str, make: Callable[[], str], drop: Callable[[str], None], by: str, against: str) -> Iterable[Figure]:
    found: dict[str, list[dict[str, float]]] = {"plain": [], "begin": [], "again": []}
    for _ in range(ROUNDS):
        for case, taken in found.items():
            where = make()
            taken.append(cost(__name__, case, where).answer)
            drop(where)
    plain = min(t["seconds"][by] for t in found["plain"])  # type: ignore[index]  # a document of our own
    for case, name in (("begin", "begin"), ("again", "begin over a full ledger")):
        best = min(t["seconds"][by] for t in found[case])  # type: ignore[index]
        note = f"{best:.2f} s {by} against {plain:.2f} s: {against}"
        yield Figure(name=f"{name}, 1M actions, {store}", value=best / plain, bar=BAR, note=note)
    recall = min(t["recall"][by] for t in found["again"])  # type: ignore[index]  # a document of our own
    yield Figure(
        name=f"memory of {TOUCHES:,} touches and cycles, {store}", value=recall, unit="s", note=f"{by}, into frames"
    )


# -- one case, in a process of its own -------------------------------------------------------------------------------


def a_plan(rows: int, run: str) -> pl.DataFrame:
    """Return a plan of two actions a deal; deal ids jump about, as a CRM's do."""
    n = pl.col("n")
    deal = pl.concat_str(pl.lit("D"), (n // 2 * 7_368_787 % 10_000_000).cast(pl.String))
    day = pl.format("2026-0{}-{}", n % 9 + 1, n % 18 + 10)
    who = pl.concat_str(pl.lit('"is-'), n % 50, pl.lit('"}'))
    head = '{"recycle_track":"timing","recycle_reason":"timing","recycle_next_on":"'
    own = pl.concat_str(pl.lit(head), day, pl.lit('","recycle_owner":'), who)
    head = '{"subject":"Call again","track":"timing","reason":"timing","due_on":"'
    task = pl.concat_str(pl.lit(head), day, pl.lit('","channel":"phone","owner":'), who)
    kinds: dict[str, Any] = ACTIONS

    def each(of_fields: object, of_task: object) -> pl.Expr:
        return pl.when(n % 2 == 0).then(of_fields).otherwise(of_task)

    columns = {
        "key": pl.concat_str(pl.lit("main:"), deal, pl.lit(":1:"), each(pl.lit(f"fields:{run}"), pl.lit("first"))),
        "kind": each(pl.lit("set_fields"), pl.lit("create_task")),
        "deal_id": deal,
        "cycle": pl.lit(1),
        "step": pl.lit("first"),
        "change": pl.lit("+"),
        "rule": pl.lit("lost_timing"),
        "track": pl.lit("timing"),
        "payload": each(own, task),
        "before": each(pl.lit('{"recycle_track":null,"recycle_owner":null}'), None),
        "fingerprint": (n.hash(7) % 10**15).cast(pl.String),
    }
    frame = pl.DataFrame({"n": pl.int_range(rows, eager=True)})
    return frame.select(**columns).cast(kinds)


def a_run(run: str) -> Run:
    return Run(
        run=run, pipeline="main", kind=RunKind.APPLY, state=RunState.RUNNING, as_of=date(2026, 1, 1), policy=None,
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip


def _timed(act: Callable[[], object]) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def main(case: str, url: str) -> None:
    folder = Path(mkdtemp(prefix="recyclekit-bench-"))
    try:
        ledger = open_ledger(url, folder)
        lease = ledger.acquire("main", "r1", 3600)
        if case == "plain":
            rows = a_plan(ROWS, "r1").select(
                pl.int_range(pl.len()).alias("id"), pl.lit("main").alias("pipeline"), *ACTIONS
            )
            found: dict[str, object] = {
                "seconds": _plain_sqlite(folder, rows) if url.startswith("sqlite") else _plain_postgres(url, rows)
            }
        elif case == "begin":
            plan = a_plan(ROWS, "r1")
            found = {"seconds": _timed(lambda: ledger.begin(lease, a_run("r1"), plan, dead_letters()))}
        else:
            found = _over_a_full_ledger(ledger)
        print(json.dumps(found))
    finally:
        shutil.rmtree(folder)


def _over_a_full_ledger(ledger: SqlLedger) -> dict[str, object]:
    """Measure a second run of a million over one whose million actions are done, with other keys."""
    lease = ledger.acquire("main2", "r0", 3600)
    first, second = a_plan(2 * ROWS, "r2").head(ROWS), a_plan(2 * ROWS, "r2").tail(ROWS)
    ledger.begin(lease, _of("main2", "r1"), first, dead_letters())
    for batch in ledger.pending("r1", 100_000):
        ledger.mark_sent(lease, "r1", [action.key for action in batch])
    ledger.store.write("done", _all_done)
    ledger.end(lease, "r1", RunState.SUCCESS)
    seconds = _timed(lambda: ledger.begin(lease, _of("main2", "r2"), second, dead_letters()))
    return {"seconds": seconds, "recall": _timed(lambda: ledger.memory("main2"))}


def _all_done(connection: Connection) -> None:
    """Let a million writes have happened, without writing them one by one."""
    cast = "" if connection.dialect.name == "sqlite" else "::date"
    day = f"'2026-01-01'{cast}"
    for statement in (
        "UPDATE actions SET state = 'done'",
        f"""INSERT INTO touches SELECT pipeline, deal_id, cycle, key, step, {day}, 'phone', 'is-3', {day}
        FROM actions WHERE kind = 'create_task'""",
        f"""INSERT INTO cycles (pipeline, deal_id, cycle, track, reason, opened_on, opened_by)
        SELECT pipeline, deal_id, cycle, track, 'timing', {day}, 'r1' FROM actions WHERE kind = 'create_task'""",
    ):
        connection.exec_driver_sql(statement)


def _of(pipeline: str, run: str) -> Run:
    return replace(a_run(run), pipeline=pipeline)


def _plain_sqlite(folder: Path, frame: pl.DataFrame) -> dict[str, float]:
    rows = frame.with_columns(pl.col("kind", "change").cast(pl.String)).rows()
    plain = sqlite3.connect(folder / "ledger.db", isolation_level=None)
    plain.execute("PRAGMA synchronous = FULL")

    def act() -> None:
        plain.execute("BEGIN")
        plain.executemany(f"INSERT INTO actions ({NAMES}) VALUES ({', '.join('?' * len(COLUMNS))})", rows)
        plain.execute("COMMIT")

    found = _timed(act)
    plain.close()
    return found


def _plain_postgres(url: str, frame: pl.DataFrame) -> dict[str, float]:
    import psycopg

    def act() -> None:
        with psycopg.connect(url.replace("+psycopg", "")) as plain, plain.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE new (LIKE actions INCLUDING DEFAULTS) ON COMMIT DROP")
            with cursor.copy(f"COPY new ({NAMES}) FROM STDIN (FORMAT csv)") as copy:  # type: ignore[arg-type]
                for part in frame.iter_slices(50_000):
                    block = BytesIO()
                    part.write_csv(block, include_header=False)
                    copy.write(block.getvalue())
            cursor.execute(f"INSERT INTO actions ({NAMES}) SELECT {NAMES} FROM new ON CONFLICT DO NOTHING")

    return _timed(act)


if __name__ == "__main__":
    main(*sys.argv[1:])

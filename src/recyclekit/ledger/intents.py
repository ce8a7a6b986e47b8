"""Intents: what a run is about to do, recorded before it is done, and handed out to be sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any

import polars as pl
from sqlalchemy import Connection, Row, insert, select, text

from recyclekit.errors import DecidedError, LedgerError
from recyclekit.ledger import lease as leasing
from recyclekit.ledger import parts, tombs
from recyclekit.ledger.parts import Known
from recyclekit.ledger.protocol import Lease
from recyclekit.ledger.schema import moment, runs
from recyclekit.ledger.settling import record, reopen_run
from recyclekit.ledger.states import DOUBT, LIVE, RUN_BITS
from recyclekit.ledger.store import Store
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import Receipt, ReceiptState, Run, RunState

_LIVE_ACTION = LIVE.replace("state IN", "actions.state IN").replace("undone_by", "actions.undone_by")
_TOUCHED = f"""SELECT key FROM touches WHERE pipeline = :pipeline
    UNION ALL SELECT key FROM actions WHERE pipeline = :pipeline AND {DOUBT}"""
_MANY = 20_000
_NAMED = 3
_KINDS = {kind.value: kind for kind in ActionKind}
_LOCATED = "id, key, state, attempts, token, remote_id, kind, deal_id, cycle, step, change, track, payload"
_HANDED_OUT = ("id", "key", "kind", "deal_id", "cycle", "step", "payload", "before", "fingerprint", "remote_id")


def span(run_no: int) -> tuple[int, int]:
    """Return the first and last id that a run's actions may have."""
    return run_no << RUN_BITS, ((run_no + 1) << RUN_BITS) - 1


def number(connection: Connection, run: str) -> int:
    """Return a run's number, by its full id."""
    found = connection.execute(select(runs.c.run_no).where(runs.c.run == run)).scalar()
    if found is None:
        raise LedgerError(f"The ledger knows no run {run}.")
    return int(found)


def begin(
    store: Store,
    lease: Lease,
    run: Run,
    planned: pl.LazyFrame,
    set_aside: pl.DataFrame,
    *,
    handing_back: Callable[[Connection, int], None] | None = None,
) -> None:
    """Record a run with all its intents in one transaction; the same run and content again changes nothing.

    Args:
        store: of the ledger.
        lease: of the pipeline.
        run: the run.
        planned: columns ACTIONS.
        set_aside: what earlier stages set aside.
        handing_back: records, of the run with this number, what it is to hand back.

    Raises:
        StalePlanError: it names a deal of a person who was erased.
        LedgerError, DecidedError: as `Ledger.begin`.
    """
    keys = planned.select("key", "kind").collect()  # of a plan that lies in files, the only columns held whole
    twice = keys.filter(pl.col("key").is_duplicated())["key"]
    if len(twice):
        raise LedgerError("A plan may name a key only once.", why=f"{twice[0]!r} is in it {len(twice)} times.")

    def work(connection: Connection) -> None:
        leasing.check(connection, lease)
        tombs.refuse_erased(connection, run.pipeline, planned)
        known = connection.execute(select(runs).where(runs.c.run == run.run)).one_or_none()
        if known is not None:
            _same(store, connection, known, run, planned)
            return
        _no_other_payload(store, connection, run.pipeline, planned, keys)
        run_no = _insert_run(connection, run, keys.height)
        parts.put_away(connection, run_no, planned)
        if handing_back is not None:
            handing_back(connection, run_no)
        if not set_aside.is_empty():
            told = tombs.without_names(connection, run.pipeline, set_aside)
            store.load(connection, "dead_letters", _letters(run_no, told))

    store.write("begin", work)


def _insert_run(connection: Connection, run: Run, planned: int) -> int:
    policy = run.policy
    values = {
        "run": run.run, "pipeline": run.pipeline, "kind": run.kind, "state": RunState.RUNNING, "as_of": run.as_of,
        "policy_name": policy and policy.name, "policy_version": policy and policy.version,
        "policy_hash": policy and policy.hash, "started_at": run.started_at, "of_run": run.of_run,
        "plan_sha256": run.plan_sha256, "flow_run": run.flow_run, "planned": planned,
    }  # fmt: skip
    return int(connection.execute(insert(runs).values(values).returning(runs.c.run_no)).scalar_one())


def _letters(run_no: int, set_aside: pl.DataFrame) -> pl.DataFrame:
    return set_aside.select(
        pl.lit(run_no, dtype=pl.Int64).alias("run_no"),
        pl.int_range(pl.len(), dtype=pl.Int64).alias("position"),
        "stage",
        pl.col("table").alias("table_name"),
        "record_id",
        pl.col("line").cast(pl.Int64),
        pl.col("column").alias("column_name"),
        "code",
    )


def _no_other_payload(
    store: Store, connection: Connection, pipeline: str, planned: pl.LazyFrame, all_keys: pl.DataFrame
) -> None:
    """Refuse a key that took effect, or may have, with another payload. Own-field keys hold their run's id."""
    keys = all_keys.filter(pl.col("kind") != ActionKind.SET_FIELDS)["key"]
    are_many = len(keys) > _MANY
    if are_many:  # one look at all that was touched is cheaper than so many looks at one key
        known = store.fetch(connection, _TOUCHED, {"pipeline": pipeline}, pl.Schema({"key": pl.String}))
        keys = keys.filter(keys.is_in(known["key"].implode()))
    query = text(
        f"SELECT key, payload FROM actions WHERE pipeline = :pipeline AND {LIVE} AND {store.among('key', 'keys')}"
    )
    values = {"pipeline": pipeline, "keys": store.many(keys.to_list())}
    rows = connection.execute(query, values).all() if len(keys) else []
    there = pl.DataFrame(rows, schema={"key": pl.String, "there": pl.String}, orient="row")
    left = keys.filter(~keys.is_in(there["key"].implode()))
    _refuse_tidied_away(left.to_list() if are_many else _touched(store, connection, pipeline, planned, left))
    both = planned.select("key", "payload").join(there.lazy(), on="key", maintain_order="left")
    other = both.filter(pl.col("payload") != pl.col("there")).collect()["key"] if there.height else there["key"]
    if len(other):
        raise LedgerError(
            "The plan repeats what was written before, with other content.",
            why=f"The ledger knows {', '.join(other.head(_NAMED))} with another payload.",
            fix="Make a new plan: this one was made before the other run was applied.",
        )


def _touched(
    store: Store, connection: Connection, pipeline: str, planned: pl.LazyFrame, keys: pl.Series
) -> Sequence[str]:
    """Return those of these keys under which a touch is remembered."""
    if keys.is_empty():
        return []
    query = f"""SELECT key FROM touches WHERE pipeline = :pipeline AND {store.among("deal_id", "deals")}
        AND {store.among("key", "keys")}"""
    deals = planned.filter(pl.col("key").is_in(keys.implode())).select("deal_id").collect()["deal_id"].unique()
    values = {"pipeline": pipeline, "deals": store.many(deals.to_list()), "keys": store.many(keys.to_list())}
    return [row[0] for row in store.rows(connection, query, values)]


def _refuse_tidied_away(gone: Sequence[str]) -> None:
    """Refuse keys whose touch is remembered and whose run is not any more: they took effect long ago."""
    if len(gone):
        raise LedgerError(
            "The plan repeats what was written long ago.",
            why=f"The run that wrote {', '.join(gone[:_NAMED])} has been tidied away since.",
            fix="Make a new plan.",
        )


def _same(store: Store, connection: Connection, known: Row[Any], run: Run, planned: pl.LazyFrame) -> None:
    there = parts.recorded(store, connection, known.run_no).select("key", "payload")
    if known.planned and there.is_empty():  # a run from before intents were packed
        low, high = span(known.run_no)
        query = "SELECT key, payload FROM actions WHERE id BETWEEN :low AND :high ORDER BY id"
        there = store.fetch(connection, query, {"low": low, "high": high}, there.schema)
    same = (known.pipeline, known.kind, known.plan_sha256) == (run.pipeline, run.kind, run.plan_sha256)
    if not same or not there.equals(planned.select("key", "payload").collect()):
        raise DecidedError(
            f"Run {run.run} is known with another plan.",
            why="It began to be written with another limit, say; what a run means to write never changes.",
            fix="`recyclekit retry` finishes that run; for the rest make a new plan, which gets a run of its own.",
        )


def batches(store: Store, run: str, states: Sequence[ReceiptState], size: int) -> Iterator[Sequence[Action]]:
    """Yield a run's actions in these states, in the plan's order; each batch is read when it is asked for."""
    run_no = store.read(lambda connection: number(connection, run))
    after, last = span(run_no)
    while True:
        within = after, last
        rows = store.read(lambda connection, within=within: _next(store, connection, within, states, size))  # type: ignore[misc]  # bound now
        if not rows:
            return
        store.handed_out[run_no] = (rows[0][0], rows[-1][0])
        yield [_action(row) for row in rows]
        after = rows[-1][0]


def _next(
    store: Store, connection: Connection, within: tuple[int, int], states: Sequence[ReceiptState], size: int
) -> Sequence[tuple[Any, ...]]:
    """Return the next actions in these states with ids behind one and up to another: columns _HANDED_OUT."""
    after, last = within
    wanted = ", ".join(repr(state.value) for state in states)
    columns = ", ".join(_HANDED_OUT)
    query = f"""SELECT {columns} FROM actions WHERE id > :after AND id <= :last AND state IN ({wanted})
        ORDER BY id LIMIT :size"""
    rows = store.rows(connection, query, {"after": after, "last": last, "size": size})
    if ReceiptState.PLANNED not in states:
        return rows
    fresh = parts.untouched(store, connection, after, size).select(_HANDED_OUT).rows()
    return sorted([*rows, *fresh], key=itemgetter(0))[:size] if rows else fresh


def _action(row: tuple[Any, ...]) -> Action:
    _, key, kind, deal_id, cycle, step, payload, before, fingerprint, remote_id = row
    return Action(
        key=key,
        kind=_KINDS[kind],
        deal_id=deal_id,
        cycle=cycle if cycle is not None else 0,
        step=step,
        payload=dict(parts.loaded(payload)),
        before=None if before is None else dict(parts.loaded(before)),
        fingerprint=fingerprint,
        remote_id=remote_id,
    )


def located(store: Store, connection: Connection, run_no: int, keys: Sequence[str]) -> dict[str, Known]:
    """Return a run's actions by key: first looked for among those handed out last, then in the whole run.

    Raises:
        LedgerError: the run has no such action.
    """
    found: dict[str, Known] = {}
    query = f"SELECT {_LOCATED} FROM actions WHERE id BETWEEN :low AND :high AND {store.among('key', 'keys')}"
    left = keys
    for low, high in (store.handed_out.get(run_no, (1, 0)), span(run_no)):
        if left and low <= high:
            rows = store.rows(connection, query, {"low": low, "high": high, "keys": store.many(left)})
            found.update((row[1], Known(*row)) for row in rows)
            left = [key for key in left if key not in found]
        if left and low <= high:
            found.update((one.key, one) for one in parts.named(store, connection, left, low, high))
            left = [key for key in left if key not in found]
    if left:
        raise LedgerError(f"The run has no action {left[0]!r}.", why="A receipt must belong to an intent.")
    return found


def mark_sent(store: Store, lease: Lease, run: str, keys: Sequence[str]) -> Sequence[Receipt]:
    """Commit that these actions are about to be sent; return what must not be, as skipped."""

    def work(connection: Connection) -> Sequence[Receipt]:
        leasing.check(connection, lease)
        run_no = number(connection, run)
        rows = located(store, connection, run_no, keys)
        refusals = _written_elsewhere(store, connection, lease.pipeline, run_no, keys)
        now, refused = moment(store.now(connection)), {r.key for r in refusals}
        sending = [row for key, row in rows.items() if key not in refused]
        again = [_sending(row, lease.token, now) for row in sending if row.there]
        store.each(connection, _SEND, again)
        new = [row for row in sending if not row.there]
        parts.give_rows(store, connection, lease.pipeline, new, (lease.token, now))
        record(store, connection, lease, rows, refusals)
        reopen_run(connection, run_no)
        return refusals

    return store.write("mark_sent", work) if keys else []


_SEND = """UPDATE actions SET state = 'sent', attempts = :attempts, token = :token, sent_at = :sent_at,
    payload_hash = :payload_hash WHERE id = :id"""


def _sending(row: Known, token: int, now: str) -> dict[str, object]:
    again = row.state == ReceiptState.SENT and row.token == token  # done already, by a commit whose answer was lost
    if row.state != ReceiptState.PLANNED and not again:
        raise LedgerError(f"Action {row.key} is {row.state}; only a planned one may be sent.")
    return {
        "id": row.id,
        "attempts": row.attempts + (not again),
        "token": token,
        "sent_at": now,
        "payload_hash": parts.payload_hash(row.payload),
    }


def _written_elsewhere(
    store: Store, connection: Connection, pipeline: str, run_no: int, keys: Sequence[str]
) -> list[Receipt]:
    low, high = span(run_no)
    query = f"""SELECT actions.key, runs.run, actions.state FROM actions JOIN runs ON runs.run_no = actions.id >> :bits
        WHERE actions.pipeline = :pipeline AND {_LIVE_ACTION} AND {store.among("actions.key", "keys")}
        AND NOT actions.id BETWEEN :low AND :high"""
    values = {"bits": RUN_BITS, "pipeline": pipeline, "keys": store.many(keys), "low": low, "high": high}
    return [
        Receipt(key=key, state=ReceiptState.SKIPPED, code="written_before", reason=f"run {run} wrote it ({state})")
        for key, run, state in connection.execute(text(query), values)
    ]

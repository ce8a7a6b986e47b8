"""Who may write: leases with fencing tokens. A token only grows, and every commit checks it in its own transaction."""

from __future__ import annotations

import hashlib
import os
import socket
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select, update

from recyclekit.errors import LeaseError
from recyclekit.ledger.holder import Holder
from recyclekit.ledger.protocol import HeldLease, Lease
from recyclekit.ledger.schema import leases
from recyclekit.ledger.store import Store, upsert


def acquire(store: Store, pipeline: str, run: str, seconds: int) -> Lease:
    """Take the lease of a pipeline, or raise LeaseError naming holder and end."""
    holder = Holder.here(run)
    _ensure_row(store, pipeline)

    def work(connection: Connection) -> Lease:
        row = connection.execute(select(leases).where(leases.c.pipeline == pipeline).with_for_update()).one()
        now = store.now(connection)
        if row.holder == str(holder):  # our own, from a commit whose answer was lost
            return Lease(pipeline=pipeline, token=row.token, holder=holder)
        if row.holder is not None and row.expires_at > now and not _is_dead(row):
            raise _taken(row, now)
        token, ends = row.token + 1, now + timedelta(seconds=seconds)
        new = {"token": token, "holder": str(holder), "machine": machine(), "expires_at": ends}
        connection.execute(update(leases).where(leases.c.pipeline == pipeline).values(new))
        return Lease(pipeline=pipeline, token=token, holder=holder)

    return store.write("acquire", work)


def renew(store: Store, lease: Lease, seconds: int) -> None:
    """Extend the lease."""

    def work(connection: Connection) -> None:
        check(connection, lease)
        ends = store.now(connection) + timedelta(seconds=seconds)
        connection.execute(update(leases).where(leases.c.pipeline == lease.pipeline).values(expires_at=ends))

    store.write("renew", work)


def release(store: Store, lease: Lease) -> None:
    """Give the lease back where it is still ours; the token stays, so that the next one is larger."""

    def work(connection: Connection) -> None:
        ours = (leases.c.pipeline == lease.pipeline) & (leases.c.token == lease.token)
        nobody = {"holder": None, "machine": None, "expires_at": None}
        connection.execute(update(leases).where(ours & (leases.c.holder == str(lease.holder))).values(nobody))

    store.write("release", work)


def check(connection: Connection, lease: Lease) -> None:
    """Make this transaction count only while the lease is held: the row stays locked until it ends.

    Raises:
        LeaseError: someone took it over, or it was given back.
    """
    query = select(leases.c.token, leases.c.holder).where(leases.c.pipeline == lease.pipeline).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None or row.token != lease.token or row.holder != str(lease.holder):
        raise LeaseError(
            f"The lease of pipeline {lease.pipeline} was taken over.",
            why=f"It is held by {row.holder if row and row.holder else 'nobody'} now; nothing more was recorded.",
            fix="Look at `recyclekit runs`; resume with `recyclekit retry` once the other run has ended.",
        )


def held(store: Store, connection: Connection) -> list[HeldLease]:
    """Return the leases that have a holder, also those past their end: nobody took them over yet."""
    now = store.now(connection)
    query = select(leases).where(leases.c.holder.is_not(None)).order_by(leases.c.pipeline)
    return [
        HeldLease(
            pipeline=row.pipeline, holder=Holder.parse(row.holder), ends_at=row.expires_at,
            has_ended=row.expires_at <= now, is_dead=_is_dead(row),
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def machine() -> str:
    """Return a digest that two processes share only if they see the same process ids; empty where that is unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return ""
    return hashlib.sha256(f"{boot} {space} {socket.gethostname()}".encode()).hexdigest()[:16]


def _ensure_row(store: Store, pipeline: str) -> None:
    exists = store.read(lambda c: c.execute(select(leases.c.token).where(leases.c.pipeline == pipeline)).first())
    if exists:
        return

    def work(connection: Connection) -> None:
        first = upsert(connection, leases).values(pipeline=pipeline, token=0)
        connection.execute(first.on_conflict_do_nothing())  # another process may have been quicker

    store.write("pipeline", work)


def _is_dead(row: Row[Any]) -> bool:
    """Whether the holder provably ended: same boot, same process space, and no such process."""
    pid = Holder.parse(row.holder).pid
    if not row.machine or row.machine != machine() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _taken(row: Row[Any], now: datetime) -> LeaseError:
    who = Holder.parse(row.holder)
    left = max(0, round((row.expires_at - now).total_seconds()))
    return LeaseError(
        f"Pipeline {row.pipeline} is being written by run {who.run}.",
        why=f"Process {who.pid} on {who.host} has held the lease since {who.since}; "
        f"it ends in {left} s unless it is renewed.",
        fix="Wait for that run to end, then try again.",
    )

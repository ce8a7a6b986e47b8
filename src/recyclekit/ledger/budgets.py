"""Rate limits that processes share: one row for each window, read, reckoned and written in one transaction."""

from __future__ import annotations

import orjson
from sqlalchemy import Connection, select, update

from recyclekit.ledger.schema import budgets
from recyclekit.ledger.store import Store, upsert
from recyclekit.models.budget import Ask, Budget, Grant


def exchange(store: Store, budget: str, ask: Ask) -> Grant:
    """Answer a question for slots of a window, by the store's own clock, for one process at a time."""

    def work(connection: Connection) -> Grant:
        query = select(budgets.c.spent).where(budgets.c.budget == budget).with_for_update()
        known = connection.execute(query).scalar()
        if known is None:
            # Another process may have been quicker: then it is its row that is locked and read.
            first = upsert(connection, budgets).values(budget=budget, spent=_packed(Budget()))
            connection.execute(first.on_conflict_do_nothing())
            known = connection.execute(query).scalar_one()
        state = _unpacked(known)
        grant = state.reckon(ask, store.now(connection).timestamp())
        connection.execute(update(budgets).where(budgets.c.budget == budget).values(spent=_packed(state)))
        return grant

    return store.write("budget", work)


def _packed(state: Budget) -> str:
    spent = sorted(state.spent.items())
    return orjson.dumps([state.limit, state.paused_until, list(state.out.items()), spent]).decode()


def _unpacked(text: str) -> Budget:
    limit, paused_until, out, spent = orjson.loads(text)
    return Budget(
        limit=limit,
        paused_until=paused_until,
        out={chunk: (calls, until) for chunk, (calls, until) in out},
        spent=dict(spent),
    )

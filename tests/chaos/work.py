"""The run that chaos tests start, stop and resume, and the judge who says whether anything was lost or doubled."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from recyclekit.ledger import open_ledger
from recyclekit.ledger.sql import SqlLedger
from recyclekit.models.patience import Patience
from recyclekit.models.plan import ACTIONS, Action, PolicyStamp
from recyclekit.models.run import Outcome, ReceiptState, Run, RunKind, RunState
from recyclekit.models.snapshot import dead_letters
from recyclekit.stages.write_back import resume, undo, write_back
from tests.chaos.crm import Crm, fingerprint

PIPELINE, RUN = "main", "r20260101-000000-0001"
TODAY = date(2026, 1, 1)
STAMP = PolicyStamp(name="standard", version="1", hash="0" * 16)
PATIENCE = Patience(attempts=3, first_wait=0.0, passes=4)


def a_run(run: str = RUN, plan: str = "p1") -> Run:
    return Run(
        run=run, pipeline=PIPELINE, kind=RunKind.APPLY, state=RunState.RUNNING, as_of=TODAY, policy=STAMP,
        started_at=datetime(2026, 1, 1, tzinfo=UTC), plan_sha256=plan,
    )  # fmt: skip


def a_plan(deals: int, run: str = RUN) -> pl.DataFrame:
    """Return two actions for each deal, one setting our fields and one making a task."""
    rows = [row for n in range(deals) for row in _deal_rows(f"D{n}", run)]
    return pl.DataFrame(rows, schema=ACTIONS, orient="row")


def _deal_rows(deal: str, run: str) -> list[dict[str, object]]:
    same: dict[str, object] = {
        "deal_id": deal, "cycle": 1, "step": "first", "change": "+", "rule": "lost", "track": "timing",
        "fingerprint": fingerprint(None),
    }  # fmt: skip
    own = {"recycle_track": "timing", "recycle_next_on": "2026-01-05"}
    task = {"due_on": "2026-01-05", "channel": "phone", "owner": "is-1", "reason": "timing", "step": "first"}
    key = f"{PIPELINE}:{deal}:1"
    blank = json.dumps(dict.fromkeys(own))
    return [
        {**same, "key": f"{key}:fields:{run}", "kind": "set_fields", "payload": json.dumps(own), "before": blank},
        {**same, "key": f"{key}:first", "kind": "create_task", "payload": json.dumps(task), "before": None},
    ]


@dataclass
class World:
    """A ledger, a CRM and a plan. Everything survives a kill, so that two processes can share one."""

    url: str
    folder: Path
    deals: int = 4
    crm: Crm = field(init=False)
    ledger: SqlLedger = field(init=False)
    waited: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.crm = Crm(self.folder / "crm.jsonl", batch_size=3)
        self.open()

    def open(self) -> None:
        """Open the ledger as a new process would."""
        self.ledger = open_ledger(self.url, self.folder)
        self.ledger.store.sleep = self.waited.append

    def apply(self, should_stop: Callable[[], bool] = lambda: False) -> Outcome:
        return write_back(
            a_run(), a_plan(self.deals), dead_letters(), sink=self.crm, ledger=self.ledger, reread=self.crm.reread,
            patience=PATIENCE, sleep=self.waited.append, should_stop=should_stop,
        )  # fmt: skip

    def resume(self, run: str = RUN) -> Outcome:
        return resume(
            run, sink=self.crm, ledger=self.ledger, reread=self.crm.reread, patience=PATIENCE, sleep=self.waited.append
        )

    def undo(self, name: str = "u1") -> Outcome:
        return undo(RUN, name, sink=self.crm, ledger=self.ledger, patience=PATIENCE, sleep=self.waited.append)

    def watch_intents(self) -> None:
        """Let the CRM look into the ledger at every call: an effect without a recorded intent is a fault."""
        eye = open_ledger(self.url, self.folder)

        def look(name: str, actions: Sequence[Action]) -> None:
            if name in {"write", "undo"}:
                sent = eye.actions(actions[0].key.split(":")[1] if name == "undo" else RUN, [ReceiptState.SENT])
                missing = {a.key for a in actions} - set(sent["key"])
                assert not missing, f"sent without an intent: {missing}"

        self.crm.before = look

    def close(self) -> None:
        self.ledger.close()


def fresh(url: str, folder: Path | None = None) -> World:
    """Return a world in a folder of its own, in memory where there is such a file system."""
    shm = "/dev/shm" if Path("/dev/shm").is_dir() else None
    return World(url, folder or Path(tempfile.mkdtemp(prefix="recyclekit-chaos-", dir=shm)))


def judge(world: World, outcome: Outcome, *, done: Sequence[str] | None = None, settled: bool = True) -> None:
    """Assert that nothing was lost and nothing doubled: the CRM holds exactly what the ledger says.

    Args:
        done: keys that must be done; default: all of the plan.
        settled: whether nothing may be left in doubt or unsent.
    """
    found = world.ledger.actions(RUN)
    effects = +world.crm.effects()
    twice = {key: n for key, n in effects.items() if n > 1}
    assert not twice, f"written twice: {twice}"
    said = set(found.filter(state="done")["key"])
    there = set(effects)
    assert said <= there, f"said to be done, and not in the CRM: {said - there}"
    assert outcome.sums_close, f"sums do not close: {outcome}"
    assert outcome.planned == found.height == world.deals * 2
    if settled:
        assert there == said, f"in the CRM, and the ledger does not say so: {there - said}"
        assert not outcome.in_doubt, outcome
        assert not outcome.unsent, outcome
        expected = set(a_plan(world.deals)["key"] if done is None else done)
        assert said == expected, f"lost: {expected - said}; too many: {said - expected}"
    _judge_memory(world, found)
    _judge_proofs(world, said)


def _judge_memory(world: World, found: pl.DataFrame) -> None:
    memory = world.ledger.memory(PIPELINE)
    tasks = found.filter(state="done", kind="create_task")
    assert set(memory.touches["key"]) == set(tasks["key"]), "touches are not the tasks that were made"
    deals = set(found.filter(state="done")["deal_id"])
    assert set(memory.cycles["deal_id"]) == deals, "cycles are not those of the deals that were written"


def _judge_proofs(world: World, said: set[str]) -> None:
    query = """SELECT actions.key FROM receipts JOIN actions ON actions.id = receipts.action_id
        WHERE receipts.state = 'done' AND receipts.proof IS NOT NULL AND actions.payload_hash IS NOT NULL"""
    from sqlalchemy import text

    proofs = world.ledger.store.read(lambda connection: connection.execute(text(query)).scalars().all())
    unproven = said - set(proofs)
    assert not unproven, f"done without a proof or an intent: {unproven}"

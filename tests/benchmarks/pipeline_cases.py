"""One case of the pipeline benchmarks, in a process of its own: `python -m … CASE FOLDER …` prints what it found."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recyclekit.models.run import Run
    from recyclekit.pipeline import Job

AS_OF = (2026, 11, 22)


def floor(folder: str) -> object:
    from tests.benchmarks.pipeline_floor import decide

    return {"decided": decide(Path(folder) / "deals.csv")}


def plan(folder: str) -> object:
    """Plan as the command line does, without a file: the stages' processor time, and what came of it.

    `writes` is what it took to lay out every write behind the decisions, with keys, payloads and values before.
    """
    from recyclekit.stages import schedule as stage_4

    began, spent = time.process_time(), {}
    job = _job(folder)
    spent["open"] = time.process_time()
    writes = [_clocked(stage_4, name) for name in ("withdrawals", "additions", "check_keys")]

    def heard(event: object) -> None:
        nonlocal began
        if type(event).__name__ == "StageStarted":
            began = time.process_time()
        elif type(event).__name__ == "StageEnded":
            spent[event.stage] = time.process_time() - began  # type: ignore[attr-defined]  # told by its name

    made = job.listening(heard).plan()
    spent["writes"] = sum(sum(each) for each in writes)
    return {"actions": made.actions.height, "buckets": made.manifest.by_bucket, "stages": spent}


again = ragged = plan


def _clocked(module: object, name: str) -> list[float]:
    """Have a function of a module note the processor time of each of its calls in the list that is returned."""
    noted, plain = list[float](), getattr(module, name)

    def clocked(*given: object, **named: object) -> object:
        began = time.process_time()
        try:
            return plain(*given, **named)
        finally:
            noted.append(time.process_time() - began)

    setattr(module, name, clocked)
    return noted


def first(folder: str) -> object:
    """Plan, and record the intents in a new ledger: all that comes before the first write."""
    from recyclekit.ledger import open_ledger

    job = _job(folder)
    made = job.plan()
    with tempfile.TemporaryDirectory() as place:
        ledger = open_ledger("sqlite:///ledger.db", Path(place))
        lease = ledger.acquire(job.pipeline, job.run, 3600)
        ledger.begin(lease, _run(job), made.actions, made.dead_letters)
    return {"actions": made.actions.height}


def apply(folder: str) -> object:
    """Write a plan as stage 5 does where nothing goes wrong, without asking deal by deal what changed meanwhile."""
    from recyclekit.models.run import RunState

    job = _job(folder)
    made, ledger, sink = job.plan(), job.open_ledger(), job.open_sink()
    lease = ledger.acquire(job.pipeline, job.run, 36_000)
    ledger.begin(lease, _run(job), made.actions, made.dead_letters)
    for batch in ledger.pending(job.run, sink.batch_size):
        ledger.mark_sent(lease, job.run, [action.key for action in batch])
        ledger.settle(lease, job.run, sink.write(batch))
    ledger.end(lease, job.run, RunState.SUCCESS)
    ledger.release(lease)
    return {"applied": made.actions.height}


def naive(folder: str, rows: str) -> object:
    from tests.benchmarks import pipeline_naive

    began = time.process_time()
    decided = pipeline_naive.decide(Path(folder) / "deals.csv", int(rows))
    return {"seconds": time.process_time() - began, "decided": decided}


def rules(folder: str, count: str) -> object:
    """Classify all deals by a policy of so many rules; free text is not read, since only the rules are measured."""
    from recyclekit.policy.gather import facts
    from recyclekit.policy.judge import judge
    from recyclekit.policy.loader import load_policy
    from tests.benchmarks.pipeline_data import policy_of

    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "many.yaml"
        path.write_text(policy_of(int(count)), encoding="utf-8")
        policy = load_policy(str(path))
    job = _job(folder)
    snapshot = job.normalize(job.extract())
    start = time.process_time()
    found = facts(
        snapshot, policy, job.recall(job.as_of), as_of=job.as_of, timezone=job.timezone, reasons=job.mapped.reasons
    )
    began = time.process_time()
    judged = judge(found.frame, policy)
    ended = time.process_time()
    return {"seconds": ended - start, "judging": ended - began, "judged": judged["rule"].count()}


def _job(folder: str) -> Job:
    from datetime import date

    from recyclekit.cli import loading

    loading.alone()  # as the command line does
    return loading.opened(Path(folder)).job(None, date(*AS_OF))


def _run(job: Job) -> Run:
    from recyclekit import clock
    from recyclekit.models.run import Run, RunKind, RunState

    return Run(
        run=job.run, pipeline=job.pipeline, kind=RunKind.APPLY, state=RunState.RUNNING, as_of=job.as_of,
        policy=job.policy.stamp, started_at=clock.now(),
    )  # fmt: skip


CASES: dict[str, Callable[..., object]] = {
    "floor": floor, "plan": plan, "again": again, "ragged": ragged, "first": first, "apply": apply, "naive": naive,
    "rules": rules,
}  # fmt: skip

if __name__ == "__main__":
    print(json.dumps(CASES[sys.argv[1]](*sys.argv[2:])))

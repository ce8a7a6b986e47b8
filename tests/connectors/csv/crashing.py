"""Kill the sink at every fault point in turn, resume as the pipeline would, and tell what is on disk afterwards.

Run as a process of its own, which forks a child for each attempt: it must not start Polars' threads itself.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from recyclekit.connectors.csv.settings import CsvSettings
from recyclekit.connectors.csv.sink import CsvSink
from recyclekit.faultpoint import KillAt, arm
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import ReceiptState

FIRST = {"recycle_track": "timing", "recycle_cycle": 1}


def _action(kind: ActionKind, deal: str, key: str, remote_id: str | None = None, **payload: object) -> Action:
    return Action(key=key, kind=kind, deal_id=deal, cycle=1, step=None, payload=payload, remote_id=remote_id)


BATCHES = (
    [
        _action(ActionKind.SET_FIELDS, "D1", "f1", **FIRST),
        _action(ActionKind.SET_FIELDS, "D2", "f2", **FIRST),
        _action(ActionKind.CREATE_TASK, "D1", "t1", subject="Call"),
        _action(ActionKind.CREATE_TASK, "D2", "t2", subject="Call"),
        _action(ActionKind.ENROL, "D1", "e1", list="L"),
    ],
    [
        _action(ActionKind.SET_FIELDS, "D1", "f3", recycle_track="competitor"),
        _action(ActionKind.CREATE_TASK, "D3", "t3", subject="Call"),
    ],
    [
        _action(ActionKind.RESTORE_FIELDS, "D2", "u1", recycle_track=None, recycle_cycle=None, expect=FIRST),
        _action(ActionKind.REMOVE_TASK, "D2", "u2", remote_id="t2"),
        _action(ActionKind.UNENROL, "D1", "u3", remote_id="e1"),
    ],
)


def prepared(folder: Path) -> Path:
    folder.mkdir()
    (folder / "deals.csv").write_text("deal_id\nD1\nD2\nD3\n")
    return folder


def go_on(folder: Path) -> None:
    """Do what is not noted as done; the note stands for the ledger, which learns of a batch only after its end."""
    sink = CsvSink(CsvSettings(deals=Path("deals.csv")), folder)
    note = folder / "noted"
    for number in range(int(note.read_text()) if note.exists() else 0, len(BATCHES)):
        found = {receipt.key: receipt.state for receipt in sink.find(BATCHES[number])}
        missing = [action for action in BATCHES[number] if found[action.key] is not ReceiptState.DONE]
        receipts = (sink.undo if number == 2 else sink.write)(missing)
        assert all(receipt.state is ReceiptState.DONE for receipt in receipts), receipts
        note.write_text(str(number + 1))


def in_child(do: Callable[[], None]) -> bool:
    """Return whether a child process came to the end of `do`."""
    child = os.fork()
    if child == 0:
        do()
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def killed_at(folder: Path, n: int) -> bool:
    """Kill a run at its n-th fault point, then resume it; False where it has fewer."""

    def run_and_die() -> None:
        arm(KillAt(n))
        go_on(folder)

    if in_child(run_and_die):
        return False
    assert in_child(lambda: go_on(folder)), f"resuming after point {n} failed"
    return True


def main(folder: Path) -> None:
    assert in_child(lambda: go_on(prepared(folder / "right")))
    n, outcomes = 1, []
    while killed_at(prepared(folder / f"killed{n}"), n):
        own = folder / f"killed{n}" / "deals.recyclekit"
        outcomes.append({path.name: path.read_text() for path in sorted(own.iterdir())})
        shutil.rmtree(folder / f"killed{n}")
        n += 1
    right = {path.name: path.read_text() for path in sorted((folder / "right" / "deals.recyclekit").iterdir())}
    print(json.dumps({"points": n - 1, "wrong": [i + 1 for i, found in enumerate(outcomes) if found != right]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""When faults strike: schedules, chances that can be repeated, records, and the file of faults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recyclekit.errors import ConfigError
from recyclekit.testing.sandbox import Fault, FaultKind, Faults, Request, read_faults

WRITE = Request(method="POST", path="/crm/v3/objects/deals/batch/update")
READ = Request(method="GET", path="/crm/v3/objects/deals")


def struck(faults: Faults, request: Request, calls: int) -> list[int]:
    return [number for number in range(1, calls + 1) if faults.strike(request)]


def test_a_fault_strikes_once_unless_told_otherwise() -> None:
    faults = Faults()
    faults.add(Fault(kind=FaultKind.RESET))
    assert struck(faults, READ, 5) == [1]


def test_skip_every_and_times_make_a_schedule() -> None:
    faults = Faults()
    faults.add(Fault(kind=FaultKind.RESET, skip=2, every=3, times=2))
    assert struck(faults, READ, 20) == [5, 8]


def test_only_calls_that_fit_are_counted_and_struck() -> None:
    faults = Faults()
    faults.add(Fault(kind=FaultKind.RESET, method="POST", path="*/batch/*", skip=1))
    assert not faults.strike(READ)
    assert not faults.strike(WRITE)
    assert not faults.strike(READ)
    assert faults.strike(WRITE)


def test_the_first_that_strikes_wins_and_the_next_waits_for_its_turn() -> None:
    faults = Faults()
    faults.add(Fault(kind=FaultKind.RESET), Fault(kind=FaultKind.SILENCE))
    kinds = [found.kind for _ in range(3) if (found := faults.strike(READ))]
    assert kinds == [FaultKind.RESET, FaultKind.SILENCE]


def test_chance_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    def run(seed: int) -> list[int]:
        faults = Faults(seed)
        faults.add(Fault(kind=FaultKind.RESET, probability=0.1, times=None))
        return struck(faults, READ, 2000)

    assert run(7) == run(7) != run(8)
    assert 150 < len(run(7)) < 250


def test_poison_chooses_its_records_once_and_for_ever() -> None:
    faults = Faults(3)
    faults.add(Fault(kind=FaultKind.POISON, probability=0.05))
    chosen = {n for n in range(1000) if faults.strike_record(WRITE, str(n))}
    assert chosen == {n for n in range(1000) if faults.strike_record(WRITE, str(n))}
    assert 30 < len(chosen) < 70


def test_a_lock_opens_for_each_record_apart() -> None:
    faults = Faults()
    faults.add(Fault(kind=FaultKind.LOCK_ROW, times=2))
    assert [bool(faults.strike_record(WRITE, "a")) for _ in range(3)] == [True, True, False]
    assert [bool(faults.strike_record(WRITE, "b")) for _ in range(3)] == [True, True, False]


def test_a_record_is_known_by_any_of_its_names() -> None:
    faults = Faults()
    faults.add(Fault(kind=FaultKind.POISON, record="key-*"))
    assert faults.strike_record(WRITE, "12", "key-12")
    assert not faults.strike_record(WRITE, "12", "")
    assert faults.strike(WRITE) is None


def test_a_file_of_faults_is_read_with_every_error_at_its_line(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(
        "faults:\n  - {kind: status, status: 429, retry_after: 2, times: null}\n  - {kind: poison, record: '1*'}\n"
    )
    first, second = read_faults(file)
    assert (first.kind, first.status, first.times) == (FaultKind.STATUS, 429, None)
    assert second.record == "1*"
    file.write_text("faults:\n  - {kind: statuss}\n  - {kind: reset, pathh: x}\n")
    with pytest.raises(ConfigError, match=r"faults.yaml:2:.*\n.*faults.yaml:3:"):
        read_faults(file)


def test_every_fault_stands_in_the_how_to_and_its_file_can_be_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/sandbox.md").read_text(encoding="utf-8")
    table = page[page.index("| kind |") : page.index("`method` and `path`")]
    told = {kind for row in table.splitlines() if "|" in row for kind in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert told == {str(kind) for kind in FaultKind}
    file = tmp_path / "faults.yaml"
    file.write_text(page.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    assert [fault.kind for fault in read_faults(file)] == ["status", "lost_answer", "cut_off", "poison"]

"""Which tests run is decided by what a connector declares and what its bench can do, and by nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from recyclekit.connectors import FULL, Capability, Level, Support
from recyclekit.testing import ConnectorSuite, Edits, Looks, Tier, Trouble, proves
from recyclekit.testing.proving import Proof, choose, proof_of
from tests.connectors.csv.bench import CsvBench

LATER, NEVER = Support(Level.NOT_YET, "soon"), Support(Level.NEVER, "no such thing")
TESTS = {
    name: test for name, test in inspect.getmembers(ConnectorSuite, inspect.isfunction) if name.startswith("test_")
}


def chosen(proof: Proof, declared: Mapping[Capability, Support], bench: object) -> tuple[str, str]:
    choice = choose(proof, declared, lambda: bench)
    return choice.how, choice.why


def proof(*capabilities: Capability, **more: Any) -> Proof:
    return Proof(tier=Tier.GOLD, capabilities=capabilities, **more)


@pytest.fixture
def bench(tmp_path: Path) -> CsvBench:
    return CsvBench(tmp_path, 4)


def test_the_kit_has_well_over_thirty_tests_and_each_says_what_it_proves() -> None:
    assert len(TESTS) > 60
    silent = [name for name, test in TESTS.items() if proof_of(test) is None]
    assert not silent


def test_every_capability_has_one_witness() -> None:
    witnesses = [found.witness for test in TESTS.values() if (found := proof_of(test)) and found.witness]
    assert sorted(witnesses) == sorted(Capability)


def test_what_is_declared_full_runs(bench: CsvBench) -> None:
    assert chosen(proof(Capability.UNDO, needs=(Looks,)), {Capability.UNDO: FULL}, bench)[0] == "run"


def test_never_is_left_out_for_its_reason(bench: CsvBench) -> None:
    how, why = chosen(proof(Capability.UNDO, witness=Capability.ENROL), {Capability.UNDO: NEVER}, bench)
    assert (how, why) == ("never", "undo is never: no such thing")


def test_not_yet_must_fail_at_its_witness_and_is_unproven_elsewhere(bench: CsvBench) -> None:
    declared = {Capability.UNDO: LATER}
    assert chosen(proof(witness=Capability.UNDO), declared, bench)[0] == "expect"
    assert chosen(proof(Capability.UNDO), declared, bench) == ("unproven", "undo is not yet: soon")


def test_what_is_not_declared_is_unproven(bench: CsvBench) -> None:
    assert chosen(proof(Capability.UNDO), {}, bench) == ("unproven", "undo is not declared")


def test_a_test_says_what_its_bench_lacks() -> None:
    how, why = chosen(proof(needs=(Edits,)), {}, None)
    assert how == "unproven"
    assert "behind the connector's back (Edits)" in why


def test_a_trouble_that_never_happens_needs_no_proof(bench: CsvBench) -> None:
    assert chosen(proof(troubles=(Trouble.QUOTA,)), {}, bench) == (
        "never",
        "'quota' never happens here: A file has no quota.",
    )
    assert chosen(proof(troubles=(Trouble.DOWN,)), {}, bench)[0] == "run"
    assert chosen(proof(troubles=(Trouble.DOWN,)), {}, object())[0] == "unproven"


def test_an_authors_own_test_is_left_alone() -> None:
    def test_of_my_own() -> None: ...

    assert proof_of(test_of_my_own) is None
    assert proof_of(proves(Tier.SILVER)(test_of_my_own)) is not None

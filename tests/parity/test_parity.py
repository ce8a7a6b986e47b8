"""One policy, the same decisions: CSV files, HubSpot, Salesforce and a real Tryton hold the same deals."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from recyclekit.policy.loader import load_policy
from recyclekit.project import open_project
from recyclekit.reports.parity import Parity, Side, compare
from tests.parity.systems import AS_OF, DEALS, Systems, systems
from tests.tryton_server import MISSING, is_installed

FEW = 400
"""Deals for Tryton, whose own rules take long to fill it."""


def _side(made: Systems, name: str) -> Side:
    job = open_project(made.folder).job_on(name, as_of=AS_OF)
    snapshot = job.normalize(job.extract())
    assert snapshot.dead_letters.is_empty(), snapshot.dead_letters
    planned = job.schedule(snapshot, job.classify(snapshot))
    return Side(name=name, deals=snapshot.deals, decisions=planned.decisions)


def _compared(made: Systems, a: str, b: str) -> Parity:
    return compare(_side(made, a), _side(made, b))


@pytest.fixture(scope="module")
def with_tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systems]:
    if not is_installed():
        pytest.skip(MISSING)
    with systems(tmp_path_factory.mktemp("tryton"), "csv", "csv_of_tryton", "tryton", deals=FEW) as made:
        yield made


@pytest.mark.parametrize("system", ["hubspot", "salesforce"])
def test_every_decision_date_and_owner_is_the_same_as_on_files(system: str, tmp_path: Path) -> None:
    with systems(tmp_path, "csv", system) as made:
        found = _compared(made, "csv", system)
    assert found.differences.is_empty(), found.differences
    assert found.is_same
    assert found.compared == DEALS


@pytest.mark.xdist_group("tryton")
def test_it_is_the_same_on_a_real_system_too_for_all_that_it_can_express(with_tryton: Systems) -> None:
    found = _compared(with_tryton, "csv_of_tryton", "tryton")
    assert found.differences.is_empty(), found.differences
    assert found.is_same
    assert found.compared == FEW


@pytest.mark.xdist_group("tryton")
def test_what_a_system_cannot_express_is_listed_and_explains_each_difference(with_tryton: Systems) -> None:
    with_tryton.unlimited()
    found = _compared(with_tryton, "csv", "tryton")
    assert {"need_type", "next_approach_on", "hook", "contract_ends_on", "lost_note"} <= set(found.lacks_b)
    assert found.lacks_a == []
    unexplained = found.differences.filter(pl.col("inputs") == "")
    assert unexplained.is_empty(), unexplained


def test_the_deals_that_are_compared_meet_every_status_reason_and_language(tmp_path: Path) -> None:
    with systems(tmp_path, "csv") as made:
        side = _side(made, "csv")
    assert set(side.decisions["status"]) == {"won", "lost", "stalled", "open", "undated"}
    assert {"recycle", "exclude", "review", "none"} <= set(side.decisions["verdict"])
    assert side.decisions["reason"].drop_nulls().n_unique() >= 12
    rules = {rule.name for rule in load_policy("standard", folder=tmp_path).spec.rules}
    need_a_history = {"maximum_cycles", "between_cycles"}
    rare = {"recycle_relationship_proposal"}  # the few deals of this company that mean it are left to a person
    assert rules - set(side.decisions["rule"].drop_nulls()) == need_a_history | rare
    texts = side.deals["lost_reason"].drop_nulls()
    assert texts.str.contains(r"[ぁ-んァ-ヶ一-龠]").sum() >= 50
    assert texts.str.contains(r"^[ -~]+$").sum() >= 20


def test_the_command_says_the_same_and_ends_with_0_or_2(tmp_path: Path) -> None:
    with systems(tmp_path, "csv", "csv_of_tryton", deals=300) as made:
        command = [sys.executable, "-m", "recyclekit", "check", "--parity", *made.names, "--as-of", str(AS_OF)]
        command += ["--project", str(tmp_path)]
        differ = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
        words = subprocess.run(command, capture_output=True, text=True, check=False)
        command[command.index("csv_of_tryton")] = "csv"
        same = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    told = json.loads(differ.stdout)
    assert (differ.returncode, told["same"], words.returncode) == (2, False, 2)
    assert "need_type" in told["lacks_b"]
    assert "csv_of_tryton has no" in words.stdout
    assert (same.returncode, json.loads(same.stdout)["same"]) == (0, True)


def test_a_connection_that_is_not_there_is_named(tmp_path: Path) -> None:
    with systems(tmp_path, "csv", deals=300) as made:
        command = [
            sys.executable,
            "-m",
            "recyclekit",
            "check",
            "--parity",
            "csv",
            "hubspt",
            "--project",
            str(made.folder),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "There is no connection 'hubspt'" in done.stderr

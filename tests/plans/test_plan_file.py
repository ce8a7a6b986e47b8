"""Saved plans: what is loaded is what was planned, or the plan is refused with what to do."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from recyclekit.errors import ExitCode, InputError, PlanError, StalePlanError
from recyclekit.models.memory import ENDED_CYCLES
from recyclekit.models.plan import Plan
from recyclekit.plans.plan_file import LEADING, keep, kept, load, save, save_decisions
from tests.reports.plans import RUN, hand_backs, small_plan


@pytest.fixture
def plan() -> Plan:
    ended = pl.DataFrame([("D-9", 1, date(2026, 11, 1), "track_done")], schema=ENDED_CYCLES, orient="row")
    return replace(small_plan(), ended_cycles=ended, handed_back=hand_backs({"deal_id": "D-4"}))


@pytest.fixture
def saved(plan: Plan, tmp_path: Path) -> Path:
    return save(plan, tmp_path / "out" / "plan.json")


def test_a_loaded_plan_is_the_saved_one(plan: Plan, saved: Path) -> None:
    loaded = load(saved)
    assert loaded.actions.equals(plan.actions)
    assert loaded.actions.schema == plan.actions.schema
    assert loaded.ended_cycles.equals(plan.ended_cycles)
    assert loaded.dead_letters.equals(plan.dead_letters)
    assert loaded.handed_back.equals(plan.handed_back)
    assert loaded.handed_back.schema == plan.handed_back.schema
    same = {"actions_file", "actions_sha256", "beside", "seal"}
    assert loaded.manifest.model_dump(exclude=same) == plan.manifest.model_dump(exclude=same)
    assert loaded.decisions.is_empty()


def test_the_manifest_reads_in_a_stable_order(plan: Plan, saved: Path) -> None:
    first = saved.read_text(encoding="utf-8")
    keys = list(json.loads(first))
    assert keys[:4] == ["format", "run", "pipeline", "as_of"]
    assert keys[-1] == "seal"
    save(plan, saved)
    assert saved.read_text(encoding="utf-8") == first


def test_nothing_is_left_behind_but_the_plan(saved: Path) -> None:
    names = {path.name for path in saved.parent.iterdir()}
    tables = ("actions", "ended_cycles", "dead_letters", "handed_back")
    assert names == {"plan.json", *(f"plan.{table}.parquet" for table in tables)}


def test_plans_whose_names_differ_behind_a_dot_share_no_table(plan: Plan, tmp_path: Path) -> None:
    monday, tuesday = (tmp_path / f"plan.2026-11-{day}" for day in (23, 24))
    save(plan, monday)
    save(replace(plan, actions=plan.actions.head(1)), tuesday)
    assert (load(monday).actions.height, load(tuesday).actions.height) == (plan.actions.height, 1)


def _edited(path: Path, edit: Callable[[dict[str, object]], object]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    "edit",
    [
        lambda plan: plan.update(guards=[]),
        lambda plan: plan.update(as_of="2026-01-01"),
        lambda plan: plan["policy"].update(hash="f" * 16),
        lambda plan: plan.update(seal="0" * 64),
        lambda plan: plan.update(seal=None),
        lambda plan: plan.update(note="looks fine to me"),
        lambda plan: plan.pop("calls"),
        lambda plan: plan.update(deals="many"),
    ],
)
def test_a_plan_edited_by_hand_is_stale(
    plan: Plan, tmp_path: Path, edit: Callable[[dict[str, object]], object]
) -> None:
    manifest = plan.manifest.model_copy(update={"guards": ["too many"]})
    path = save(replace(plan, manifest=manifest), tmp_path / "plan.json")
    _edited(path, edit)
    with pytest.raises(StalePlanError, match="recyclekit plan --out") as caught:
        load(path)
    assert caught.value.exit_code == ExitCode.GUARD


def test_white_space_is_no_edit(saved: Path) -> None:
    _edited(saved, lambda _: None)
    assert load(saved).actions.height


@pytest.mark.parametrize("name", ["actions", "ended_cycles", "dead_letters"])
def test_a_table_that_is_missing_or_changed_is_noticed(saved: Path, name: str) -> None:
    table = saved.with_suffix(f".{name}.parquet")
    content = table.read_bytes()
    table.write_bytes(content[:-1] + b"?")
    with pytest.raises(StalePlanError, match="not what was planned"):
        load(saved)
    table.unlink()
    with pytest.raises(StalePlanError, match=rf"lacks its file plan\.{name}\.parquet"):
        load(saved)


def test_another_runs_actions_are_noticed(plan: Plan, saved: Path, tmp_path: Path) -> None:
    other = save(replace(plan, actions=plan.actions.head(1)), tmp_path / "other.json")
    other.with_suffix(".actions.parquet").replace(saved.with_suffix(".actions.parquet"))
    with pytest.raises(StalePlanError, match="not what was planned"):
        load(saved)


def test_a_plan_of_a_newer_version_says_so(saved: Path) -> None:
    _edited(saved, lambda plan: plan.update(format=2))
    with pytest.raises(PlanError, match=r"has format 2; this version knows 1.*Upgrade"):
        load(saved)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"deal_id,status", "no JSON"),
        (b"[1]", "no plan"),
        (b"{}", "no plan"),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "plan.json").write_bytes(content)
    with pytest.raises(PlanError, match=said):
        load(tmp_path / "plan.json")


def test_a_plan_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no plan"):
        load(tmp_path / "plan.json")


def test_a_table_outside_the_plans_folder_is_not_read(plan: Plan, saved: Path) -> None:
    from recyclekit.plans.plan_file import seal

    manifest = load(saved).manifest.model_copy(update={"actions_file": "../plan.actions.parquet"})
    forged = manifest.model_copy(update={"seal": seal(manifest)})
    saved.write_text(forged.model_dump_json(), encoding="utf-8")
    with pytest.raises(StalePlanError, match="lacks its file"):
        load(saved)


def test_a_folder_that_cannot_be_written_to_is_a_clear_error(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be saved"):
        save(plan, tmp_path / "file" / "plan.json")
    with pytest.raises(InputError, match="cannot be saved"):
        keep(plan, tmp_path / "file")
    with pytest.raises(InputError, match="cannot be saved"):
        save_decisions(plan.decisions, tmp_path / "file" / "decisions.csv")


def test_a_kept_plan_is_found_by_its_run(plan: Plan, tmp_path: Path) -> None:
    path = keep(plan, tmp_path)
    assert path.parent.parent == tmp_path
    assert load(path).actions.equals(plan.actions)
    assert kept(tmp_path, RUN).decisions.equals(plan.decisions)
    path.with_suffix(".decisions.parquet").write_bytes(b"half of it")
    assert kept(tmp_path, RUN).decisions.is_empty()
    path.with_suffix(".decisions.parquet").unlink()
    assert kept(tmp_path, RUN).decisions.is_empty()
    with pytest.raises(PlanError, match="no plan of run r0"):
        kept(tmp_path, "r0")


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
def test_decisions_begin_with_the_promised_columns(plan: Plan, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"decisions{ending}"
    save_decisions(plan.decisions, path)
    read = {".csv": pl.read_csv, ".parquet": pl.read_parquet, ".jsonl": pl.read_ndjson}[ending](path)
    assert tuple(read.columns[: len(LEADING)]) == LEADING
    assert read["deal_id"].to_list() == plan.decisions["deal_id"].to_list()


def test_a_spreadsheet_runs_no_formula_of_ours(plan: Plan, tmp_path: Path) -> None:
    hooks = ['=HYPERLINK("http://x")', "＝1+1", "-2 days", '予算、"来期"\n再開']
    decisions = plan.decisions.head(4).with_columns(hook=pl.Series(hooks))
    save_decisions(decisions, tmp_path / "d.csv")
    with (tmp_path / "d.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["hook"] for row in rows] == [f"'{hooks[0]}", f"'{hooks[1]}", f"'{hooks[2]}", hooks[3]]
    assert rows[0]["next_approach_on"] == str(decisions["next_approach_on"][0])


def test_another_ending_names_those_that_work(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.csv, \.parquet, \.jsonl"):
        save_decisions(plan.decisions, tmp_path / "decisions.xlsx")

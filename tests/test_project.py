"""The project file: every mistake is named with its place and what to do, all at once, and no secret is shown."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from recyclekit import clock
from recyclekit.connectors.protocols import Undoes
from recyclekit.errors import ConfigError, ConnectorError, ProjectError
from recyclekit.preflight.preflight import preflight
from recyclekit.project import Project, open_project
from recyclekit.project_file.spec import FILE, json_schema

GOOD = """\
version: 1
timezone: Asia/Tokyo
connections:
  crm:
    connector: csv
    settings: {deals: deals.csv}
    fields: {deals: {deal_id: id, deal_stage: stage}}
    stages: {won: [Won], lost: [Lost]}
pipelines:
  main: {source: crm}
"""


def write(folder: Path, text: str = GOOD) -> Path:
    (folder / FILE).write_text(text, encoding="utf-8")
    return folder


def opened(folder: Path, text: str = GOOD) -> Project:
    return open_project(write(folder, text))


def test_a_project_opens_with_its_only_pipeline(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text("id,stage\n1,Won\n", encoding="utf-8")

    job = opened(tmp_path).job()

    assert job.pipeline == "main"
    assert job.policy.stamp.name == "standard"


def test_a_folder_without_a_project_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="recyclekit init"):
        open_project(tmp_path)


def test_all_mistakes_are_named_at_once_with_line_column_and_what_was_meant(tmp_path: Path) -> None:
    text = GOOD.replace("timezone: Asia/Tokyo", "timezone: Tokio").replace("connector: csv", "conector: csv")

    with pytest.raises(ProjectError) as caught:
        opened(tmp_path, text)

    message = str(caught.value)
    assert f"{FILE}:2:" in message
    assert "IANA" in message
    assert f"{FILE}:5:" in message
    assert "did you mean 'connector'" in message


def test_a_pipeline_of_an_unknown_connection_names_those_there_are(tmp_path: Path) -> None:
    told = rf"{FILE}:10:18: pipelines.main.source: 'hubspot' is no connection; there are: crm"
    with pytest.raises(ProjectError, match=told):
        opened(tmp_path, GOOD.replace("source: crm", "source: hubspot"))
    with pytest.raises(ProjectError, match=rf"{FILE}:10:32: pipelines.main.nurture: .*did you mean 'crm'"):
        opened(tmp_path, GOOD.replace("source: crm", "source: crm, nurture: cmr"))


@pytest.mark.parametrize(("settings", "place"), [("    settings: {}\n", "6:15"), ("", "5:5")])
def test_a_setting_that_is_missing_is_named_with_its_connection(tmp_path: Path, settings: str, place: str) -> None:
    text = GOOD.replace("    settings: {deals: deals.csv}\n", settings)

    with pytest.raises(ProjectError, match=rf"{FILE}:{place}: connections.crm.settings: the key 'deals' is missing"):
        opened(tmp_path, text).job()


def test_values_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUSINESS_ZONE", "Europe/Berlin")

    assert opened(tmp_path, GOOD.replace("Asia/Tokyo", "${BUSINESS_ZONE}")).spec.timezone == "Europe/Berlin"


def test_an_environment_variable_that_is_not_set_is_named_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_THING", raising=False)

    with pytest.raises(ProjectError, match=rf"{FILE}:2:\d+: the environment variable NO_SUCH_THING is not set"):
        opened(tmp_path, GOOD.replace("Asia/Tokyo", "${NO_SUCH_THING}"))


def test_a_wrong_setting_of_a_connector_is_named_with_its_place(tmp_path: Path) -> None:
    project = opened(tmp_path, GOOD.replace("{deals: deals.csv}", "{deals: deals.csv, seperator: ';'}"))

    with pytest.raises(ProjectError, match=rf"{FILE}:6:34: connections.crm.settings.seperator: .*did you mean"):
        project.connection("crm")


def test_an_unknown_connector_is_named_with_those_installed(tmp_path: Path) -> None:
    project = opened(tmp_path, GOOD.replace("connector: csv", "connector: cvs"))

    with pytest.raises(ConnectorError, match="csv"):
        project.connection("crm")


def test_the_pipeline_must_be_named_where_there_are_two(tmp_path: Path) -> None:
    project = opened(tmp_path, GOOD + "  other: {source: crm}\n")

    with pytest.raises(ProjectError, match="--pipeline: main, other"):
        project.pipeline_name(None)


def test_today_is_decided_in_the_business_zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deals.csv").write_text("id,stage\n1,Won\n", encoding="utf-8")
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 21, 15, 30, tzinfo=UTC))

    assert opened(tmp_path).job().as_of == date(2026, 11, 22)
    assert opened(tmp_path, GOOD.replace("Asia/Tokyo", "America/New_York")).job().as_of == date(2026, 11, 21)


def test_looking_into_the_memory_creates_no_ledger(tmp_path: Path) -> None:
    project = opened(tmp_path)

    memory = project.memory("main", date(2026, 11, 22))

    assert memory.cycles.is_empty()
    assert not (tmp_path / "ledger.db").exists()


def test_a_duplicate_key_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"{FILE}:3:1"):
        opened(tmp_path, GOOD.replace("connections:", "timezone: UTC\nconnections:", 1))


def test_the_schema_for_editors_describes_every_key() -> None:
    schema = json_schema()

    parts = {f"#/$defs/{name}": part for name, part in schema["$defs"].items()}
    keys = {name: parts.get(key.get("$ref"), key) for name, key in schema["properties"].items()}
    undescribed = [name for name, key in keys.items() if "description" not in key]
    assert undescribed == []


OWNERS = """\
version: 1
timezone: Asia/Tokyo
connections:
  crm:
    connector: csv
    settings: {deals: deals.csv}
    fields: {deals: {deal_id: id, deal_stage: stage, owner: rep, closed_on: closed, lost_reason: why}}
    stages: {won: [Won], lost: [Lost]}
    owners: {anna: "77", ben: "78"}
owners:
  inside_sales: [{id: anna}]
pipelines:
  main: {source: crm}
"""


def test_a_person_may_have_another_id_in_the_system(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text("id,stage,rep,closed,why\n1,Lost,78,2026-01-05,予算がない\n", encoding="utf-8")
    job = opened(tmp_path, OWNERS).job(as_of=date(2026, 6, 1))

    plan = job.plan()
    assert plan.decisions["owner"].to_list() == ["anna"]
    assert job.write_back(plan).applied == 2

    tasks = (tmp_path / "deals.recyclekit/tasks.csv").read_text(encoding="utf-8")
    assert ",77," in tasks
    assert "anna" not in tasks
    again = opened(tmp_path, OWNERS).job(as_of=date(2026, 6, 1)).plan()
    assert again.actions.is_empty()


def test_two_persons_do_not_share_an_id(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="77 stands for more than one person"):
        opened(tmp_path, OWNERS.replace('"78"', '"77"'))


def test_a_job_lays_down_what_is_too_much_for_memory_and_clears_it_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recyclekit.stages import extract as stage

    monkeypatch.setattr(stage, "IN_MEMORY", 2)
    monkeypatch.setattr(stage, "ScansColumns", Undoes)  # read page by page, as a CRM is
    monkeypatch.setattr("recyclekit.connectors.csv.source.PAGE", 2)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "deals.csv").write_text("id,stage\n" + "".join(f"{n},Won\n" for n in range(9)), encoding="utf-8")

    job = opened(tmp_path).job()
    extracted = job.extract()
    assert list((tmp_path / "tmp").glob("recyclekit-*/deals-*"))
    assert job.normalize(extracted).deals.height == 9
    del job, extracted
    assert not list((tmp_path / "tmp").glob("recyclekit-*"))


@pytest.mark.parametrize(("stage", "level"), [("失注", "warning"), ("Closed Lost", "warning"), ("Negotiation", "note")])
def test_a_stage_that_sounds_closed_and_is_taken_for_open_is_a_warning(tmp_path: Path, stage: str, level: str) -> None:
    (tmp_path / "deals.csv").write_text(f"id,stage\n1,Won\n2,{stage}\n", encoding="utf-8")
    found = [f for f in preflight(opened(tmp_path)) if f"'{stage}' is taken for open" in f.what]
    assert [f.level for f in found] == [level]


def test_no_stage_is_listed_where_a_column_of_its_own_says_what_is_won_and_lost(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text("id,stage,state\n1,Offer,won\n2,失注,open\n", encoding="utf-8")
    project = GOOD.replace("deal_stage: stage", "deal_stage: stage, crm_state: state")
    assert not [f.what for f in preflight(opened(tmp_path, project)) if "is taken for open" in f.what]


def test_a_misspelt_stage_of_the_project_file_is_told_before_its_deals_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text("id,stage\n1,Won\n2,Verloren\n", encoding="utf-8")
    found = preflight(opened(tmp_path, GOOD.replace("lost: [Lost]", "lost: [Verlorn, Gone]")))
    told = {f.what: f.level for f in found if f.where == "stages"}
    assert told["No deal has the stage 'Verlorn'; did you mean 'Verloren'?"] == "warning"
    assert told["No deal has the stage 'Gone'."] == "note"
    assert told["None of 2 deals is lost, so nothing can be recycled but what has stalled."] == "warning"


def test_stages_that_sound_closed_are_offered_where_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text("id,stage\n1,受注\n2,失注\n3,提案中\n", encoding="utf-8")
    found = preflight(opened(tmp_path, GOOD.replace("{won: [Won], lost: [Lost]}", "{}")))
    (error,) = [f for f in found if f.level == "error"]
    assert error.fix.endswith("perhaps {won: [受注], lost: [失注]}.")


def test_a_reason_in_no_picklist_is_told_with_what_its_words_are_read_as(tmp_path: Path) -> None:
    rows = "".join(f"{n},Lost,{why}\n" for n, why in enumerate(["予算がなかった", "予算がなかった", "XQ-7", "XQ-7"]))
    (tmp_path / "deals.csv").write_text(f"id,stage,why\n9,Won,\n{rows}", encoding="utf-8")
    text = GOOD.replace("deal_stage: stage", "deal_stage: stage, lost_reason: why")
    told = {f.what for f in preflight(opened(tmp_path, text)) if f.where == "reasons"}
    assert told == {
        "'予算がなかった' is in no picklist: 2 deals, 0 in money; its words are read as no_budget.",
        "'XQ-7' is in no picklist: 2 deals, 0 in money; a person must look at them.",
    }


def test_a_ledger_is_there_whatever_options_its_address_has(tmp_path: Path) -> None:
    project = opened(tmp_path, GOOD + "ledger: sqlite:///ledger.db?timeout=5\n")
    assert not project.has_ledger
    (tmp_path / "ledger.db").touch()
    assert project.has_ledger

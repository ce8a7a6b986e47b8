"""A third party's connector at work: what it cannot do, what its quota leaves, what it lacks, where it breaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.conftest import Command
from tests.end_to_end.test_life_of_a_plan import AS_OF, PROJECT, project

__all__ = ["project"]

PLUGIN = """
from dataclasses import replace
from pathlib import Path

from recyclekit.connectors import Capability, Level, Support, hookimpl
from recyclekit.connectors.csv import MANIFEST
from recyclekit.connectors.csv.sink import CsvSink
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.snapshot import Finding

MOOD = Path(__file__).with_name("mood").read_text()


class Sink(CsvSink):
    def write(self, actions):
        if MOOD == "broken":
            return {}["id"]
        receipts = list(super().write(actions))
        if MOOD == "careless":
            receipts = [*receipts[1:], receipts[-1], Receipt(key="stranger", state=ReceiptState.DONE, proof="204")]
        return receipts

    if MOOD == "poor":
        def calls_left(self):
            return 3

        def calls(self, kinds):
            return sum(kinds.values())

    if MOOD == "bare":
        def _things(self, kinds):
            there = Path(__file__).with_name("made").exists()
            what = "The property recycle_reason (text) on deals"
            return [] if there else [Finding(level="error", where="deals", what=what)]

        missing = _things

        def set_up(self, kinds):
            made = [replace(f, level="note", what="made " + f.what) for f in self._things(kinds)]
            Path(__file__).with_name("made").touch()
            return made


NO = Support(Level.NEVER, "It has no lists.")
ABLE = {**MANIFEST.capabilities, **({Capability.ENROL: NO} if MOOD == "listless" else {})}


@hookimpl
def recyclekit_connectors():
    return [replace(MANIFEST, name="acme", capabilities=ABLE, open_sink=lambda s, o: Sink(s, o.folder))]
"""


@pytest.fixture
def acme(project: Path, recyclekit: Command) -> Command:
    """Install the connector acme beside the project, and run the command line with it in the mood that is given."""
    home = project / "site"
    info = home / "recyclekit_acme-1.0.dist-info"
    info.mkdir(parents=True)
    (home / "acme_plugin.py").write_text(PLUGIN, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: recyclekit-acme\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[recyclekit]\nacme = acme_plugin\n", encoding="utf-8")
    (home / "mood").write_text("", encoding="utf-8")
    (project / "recyclekit.yaml").write_text(PROJECT.replace("connector: csv", "connector: acme"), encoding="utf-8")

    def run(*argv: object, **mood: str) -> object:
        if mood:
            (home / "mood").write_text(mood["mood"], encoding="utf-8")
        return recyclekit(*argv, env={"PYTHONPATH": str(home)})

    return run  # type: ignore[return-value]  # a Command with a mood


def test_a_plan_beyond_the_sink_is_refused_before_the_first_write(acme: Command, project: Path) -> None:
    assert acme("plan", "--as-of", AS_OF, "--out", "plan.json", mood="listless").code == 0

    answer = acme("apply", "plan.json", "--yes")

    assert answer.code == 2
    assert "connector acme (package recyclekit-acme) never enrols contacts: It has no lists." in answer.err
    assert "newsletter" in answer.err
    assert not (project / "deals.recyclekit").exists()
    assert "never enrols contacts" in acme("check", "--as-of", AS_OF, "--json").out


def test_a_plan_beyond_the_quota_is_refused_with_forecast_and_what_is_left(acme: Command, project: Path) -> None:
    calls = acme("plan", "--as-of", AS_OF, "--out", "plan.json", "--json", mood="poor").json["calls"]

    answer = acme("apply", "plan.json", "--yes")

    assert answer.code == 7
    assert f"{calls} forecast, 3 left for acme" in answer.err
    assert not (project / "deals.recyclekit").exists()
    checked = acme("check", "--as-of", AS_OF)
    assert checked.code == 2
    assert "3 are left" in checked.out


def test_a_bug_in_the_connector_names_it_and_a_retry_takes_up_what_it_left(acme: Command) -> None:
    acme("plan", "--as-of", AS_OF, "--out", "plan.json", mood="broken")

    answer = acme("apply", "plan.json", "--yes")

    assert answer.code == 1
    assert "The connector acme (package recyclekit-acme) broke in `write`" in answer.err
    assert "acme_plugin.py, line" in answer.err
    assert "Traceback" not in answer.err
    again = acme("retry", "--json", mood="well")
    assert again.code == 0, again.err
    assert again.json["sums_close"]


def test_careless_receipts_are_told_in_words_and_what_they_left_open_is_looked_up(acme: Command) -> None:
    acme("plan", "--as-of", AS_OF, "--out", "plan.json", mood="careless")

    answer = acme("apply", "plan.json", "--yes", "--json")

    assert answer.code == 0, answer.err
    assert answer.json["in_doubt"] == []
    (said, *_) = answer.json["remarks"]
    for part in ("acme", "1 not answered", "1 answered more than once", "answered that had not been sent (stranger)"):
        assert part in said


def test_what_the_system_lacks_is_listed_created_after_a_yes_and_checked_again(acme: Command) -> None:
    before = acme("check", "--as-of", AS_OF, mood="bare")
    assert before.code == 2
    assert "check --fix" in before.out

    unasked = acme("check", "--as-of", AS_OF, "--fix")
    assert unasked.code == 2
    assert "recycle_reason" in unasked.err
    assert "--yes" in unasked.err

    made = acme("check", "--as-of", AS_OF, "--fix", "--yes")
    assert made.code == 0, made.out
    assert "made The property recycle_reason" in made.out
    assert "Nothing is lacking" in acme("check", "--as-of", AS_OF, "--fix").err
    assert acme("check", "--as-of", AS_OF).code == 0


NURTURE = """
  mail:
    connector: csv
    settings: {deals: DEALS, own_tables: mail.recyclekit, deal_id: id}
    fields: {deals: {deal_id: id}}
pipelines:
  main: {source: crm, nurture: mail}
"""


def test_enrolments_go_to_the_nurture_connection_are_undone_there_and_strangers_are_refused(
    project: Path, recyclekit: Command
) -> None:
    base = PROJECT.replace("pipelines:\n  main: {source: crm}\n", "").rstrip()
    (project / "recyclekit.yaml").write_text(base + NURTURE.replace("DEALS", "deals.csv"), encoding="utf-8")
    assert recyclekit("check", "--as-of", AS_OF).code == 0
    recyclekit("plan", "--as-of", AS_OF, "--out", "plan.json")
    applied = recyclekit("apply", "plan.json", "--yes", "--json")
    assert applied.code == 0, applied.err
    crm, mail = project / "deals.recyclekit", project / "mail.recyclekit"
    assert not (crm / "enrolments.csv").exists()
    assert not (mail / "tasks.csv").exists()
    enrolled = len((mail / "enrolments.csv").read_text(encoding="utf-8").splitlines()) - 1
    assert enrolled > 0
    assert sum(recyclekit("plan", "--as-of", AS_OF, "--json").json["actions"].values()) == 0

    undone = recyclekit("undo", applied.json["run"], "--yes", "--json")

    assert undone.code == 0, undone.err
    assert undone.json["applied"] == applied.json["applied"]
    assert len((mail / "enrolments.csv").read_text(encoding="utf-8").splitlines()) == 1

    (project / "others.csv").write_text("id,stage\nX1,Open\n", encoding="utf-8")
    (project / "recyclekit.yaml").write_text(base + NURTURE.replace("DEALS", "others.csv"), encoding="utf-8")
    strangers = recyclekit("check", "--as-of", AS_OF)
    assert strangers.code == 2
    assert "knows none of the deals D000" in strangers.out

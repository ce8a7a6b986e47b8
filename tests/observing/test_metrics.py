"""A job's figures: what the events say, and how many requests lie between them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from recyclekit.connectors.protocols import Calls
from recyclekit.errors import ConnectorError
from recyclekit.events import Event, RunEnded, StageEnded, StageProgressed, StageStarted
from recyclekit.observing.metrics import Metrics
from recyclekit.project import open_project
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from tests.connectors.test_registry import FakeEntry, plugin, registry

AS_OF = date(2026, 11, 20)


@dataclass
class Door:
    """A door whose count a test moves."""

    made: int = 0
    left: int | None = None
    of: str = "door"

    def told(self) -> Calls:
        return Calls(of=self.of, made=self.made, left=self.left)


def test_figures_are_added_up_from_events_and_requests_from_what_doors_tell() -> None:
    source, sink = Door(of="a", left=990), Door(of="b")
    metrics = Metrics(lambda: {"crm": source.told(), "mail": sink.told()})
    source.made = 3  # of signing in, before any stage
    metrics.hear(StageStarted(run="r1", stage="extract"))
    source.made += 5
    metrics.hear(StageProgressed(run="r1", stage="extract", done=100))
    metrics.hear(StageProgressed(run="r1", stage="extract", done=20))
    metrics.hear(StageEnded(run="r1", stage="extract", seconds=1.5))
    metrics.hear(StageEnded(run="r1", stage="normalize", seconds=0.5, figures={"deals": 80, "dead_letters": 2}))
    metrics.hear(StageEnded(run="r1", stage="classify", seconds=0.5, figures={"deals": 80}))
    metrics.hear(StageEnded(run="r1", stage="schedule", seconds=0.5, figures={"actions": 9}))
    assert metrics.figures()["writes planned"] == 9
    metrics.hear(StageStarted(run="r1", stage="write_back"))
    source.made, sink.made = source.made + 2, 4
    metrics.hear(StageEnded(run="r1", stage="write_back", seconds=2.0, figures={"applied": 7}))
    ended = {"planned": 9, "applied": 6, "skipped": 1, "failed": 1, "in_doubt": 1, "unsent": 0}
    metrics.hear(RunEnded(run="r1", pipeline="main", outcome="partial", figures=ended))
    assert metrics.figures() == {
        "records read": 120, "deals decided": 80, "records set aside": 2, "writes planned": 9, "written": 6,
        "skipped": 1, "failed": 1, "in doubt": 1, "unsent": 0, "requests": 11, "quota left of crm": 990,
        "seconds of extract": 1.5, "seconds of normalize": 0.5, "seconds of classify": 0.5,
        "seconds of schedule": 0.5, "seconds of write_back": 2.0,
    }  # fmt: skip
    assert metrics.stages["extract"].requests == 5


def test_doors_that_share_a_count_are_counted_once() -> None:
    one = Door(of="same")
    metrics = Metrics(lambda: {"crm": one.told(), "mail": one.told()})
    metrics.hear(StageStarted(run="r1", stage="extract"))
    one.made = 7
    metrics.hear(StageEnded(run="r1", stage="extract", seconds=0.1))
    assert metrics.requests == 7


def test_a_job_that_has_not_begun_has_no_figures() -> None:
    assert Metrics().figures() == {}


def test_a_project_tells_the_requests_and_the_quota_of_its_open_doors(tmp_path: Path) -> None:
    with HubSpotSandbox(daily=5_000) as crm:
        crm.load(deals=[{"deal_id": "D-1", "name": "One", "crm_state": "open"}])
        (tmp_path / "recyclekit.yaml").write_text(
            f"""version: 1
timezone: Asia/Tokyo
connections: {{crm: {{connector: hubspot, settings: {{token: {crm.token}, url: "{crm.url}"}}}}}}
pipelines: {{main: {{source: crm}}}}
"""
        )
        project = open_project(tmp_path)
        assert project.calls() == {}
        job = project.job(as_of=AS_OF)
        job.plan()
        figures = job.metrics.figures()
        assert figures["records read"] >= 1
        assert 0 < figures["requests"] <= len(crm.journal)
        assert figures["quota left of crm"] == 5_000 - 1_000 - len(crm.journal)  # a thousand are kept for others


def test_a_plugin_that_the_project_names_hears_a_jobs_events(tmp_path: Path) -> None:
    heard: list[Event] = []

    class Listener:
        def hear(self, event: Event, /) -> None:
            heard.append(event)

    (tmp_path / "recyclekit.yaml").write_text(
        demo_project(generate(tmp_path, deals=60, seed=7, as_of=AS_OF)) + "\nplugins: {observers: [watcher]}\n"
    )
    project = open_project(tmp_path)
    entries = (*project.registry.entries, FakeEntry("watcher", plugin(Listener(), hook="recyclekit_observers")))
    vars(project)["registry"] = registry(*entries)
    more: list[Event] = []
    project.job(as_of=AS_OF).listening(more.append).extract()
    assert [type(event) for event in heard] == [StageStarted, StageEnded]
    assert heard == more


def test_a_plugin_that_cannot_observe_is_named() -> None:
    there = registry(FakeEntry("deaf", plugin(hook="recyclekit_connectors")))
    for name, why in (("deaf", "implements no"), ("absent", "not installed")):
        with pytest.raises(ConnectorError, match=why):
            there.heard_by([name])

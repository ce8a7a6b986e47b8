"""OpenTelemetry: spans and measurements of a run, sent where the environment says; nothing where it says nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from recyclekit.connectors.protocols import Calls
from recyclekit.events import Event, QuotaSpent, RunEnded, StageEnded, StageProgressed, StageStarted
from recyclekit.observing import telemetry
from recyclekit.observing.metrics import Metrics
from recyclekit.observing.telemetry import Telemetry
from recyclekit.samples.generator import generate
from recyclekit.samples.template import demo_project
from tests.architecture.house import ROOT
from tests.observing.collector import Collector

AS_OF = date(2026, 11, 20)
STAGES = ("extract", "normalize", "classify", "schedule", "write_back")
IDS = {"pipeline": "main", "connection": "crm", "tenant": "acme"}


class Lab:
    """A telemetry whose spans and measurements stay here."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        traces, meters = TracerProvider(), MeterProvider([self.reader])
        traces.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.made = 0
        self.metrics = Metrics(lambda: {"crm": Calls(of="x", made=self.made, left=990 - self.made)})
        self.telemetry = Telemetry(self.metrics, IDS, traces, meters)

    def hear(self, *events: Event) -> None:
        for event in events:
            self.metrics.hear(event)
            self.telemetry.hear(event)

    @property
    def spans(self) -> dict[str, Any]:
        return {span.name: span for span in self.exporter.get_finished_spans()}

    @property
    def points(self) -> dict[str, dict[str, float]]:
        """Metric → its telling attribute (or '') → value; of a histogram the sum."""
        found: dict[str, dict[str, float]] = {}
        data = self.reader.get_metrics_data()
        for metric in [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics] if data else []:
            for point in metric.data.data_points:
                own = [v for k, v in point.attributes.items() if k not in {"recyclekit.pipeline", "recyclekit.tenant"}]
                found.setdefault(metric.name, {})[" ".join(map(str, own))] = getattr(
                    point, "value", getattr(point, "sum", 0)
                )
        return found


def a_run(lab: Lab) -> None:
    lab.hear(StageStarted(run="r1", stage="extract"))
    lab.made = 5
    lab.hear(
        StageEnded(run="r1", stage="extract", seconds=1.5),
        StageStarted(run="r1", stage="normalize"),
        StageEnded(run="r1", stage="normalize", seconds=0.5, figures={"deals": 80, "dead_letters": 2}),
        StageStarted(run="r1", stage="classify"),
        StageEnded(run="r1", stage="classify", seconds=0.5, figures={"deals": 80}),
        StageStarted(run="r1", stage="write_back"),
    )
    lab.made = 9
    ended = {"planned": 9, "applied": 6, "skipped": 1, "failed": 1, "in_doubt": 1, "unsent": 0}
    lab.hear(
        StageEnded(run="r1", stage="write_back", seconds=2.0, figures={"applied": 6}),
        RunEnded(run="r1", pipeline="main", outcome="partial", figures=ended),
    )


def test_a_run_is_a_span_with_a_span_for_each_stage() -> None:
    lab = Lab()
    a_run(lab)
    run = lab.spans["recyclekit.run"]
    assert run.attributes["recyclekit.run"] == "r1"
    assert run.attributes["recyclekit.tenant"] == "acme"
    assert run.attributes["outcome"] == "partial"
    for stage in ("extract", "normalize", "classify", "write_back"):
        span = lab.spans[f"recyclekit.{stage}"]
        assert span.parent.span_id == run.context.span_id
        assert span.attributes["recyclekit.connection"] == "crm"
    assert lab.spans["recyclekit.normalize"].attributes["recyclekit.dead_letters"] == 2


def test_measurements_say_what_became_of_records_writes_and_requests() -> None:
    lab = Lab()
    a_run(lab)
    points = lab.points
    assert points["recyclekit.records"] == {"read": 82, "set_aside": 2, "decided": 80}
    assert points["recyclekit.writes"] == {"applied": 6, "skipped": 1, "failed": 1, "in_doubt": 1, "unsent": 0}
    assert points["recyclekit.requests"] == {"": 9}
    assert points["recyclekit.quota.left"] == {"crm": 981}
    assert points["recyclekit.runs"] == {"partial": 1}
    assert points["recyclekit.stage.duration"] == {"extract": 1.5, "normalize": 0.5, "classify": 0.5, "write_back": 2.0}


def test_the_page_on_observing_names_every_measurement_and_no_other() -> None:
    lab = Lab()
    a_run(lab)
    page = (ROOT / "docs/operations/observe.md").read_text(encoding="utf-8")
    table = page.split("| measurement |")[1].split("\n\n")[0]
    assert sorted(re.findall(r"^\| `(recyclekit\.[a-z.]+)` \|", table, re.MULTILINE)) == sorted(lab.points)


def test_a_stage_that_raised_leaves_no_span_open() -> None:
    lab = Lab()
    lab.hear(StageStarted(run="r1", stage="extract"), QuotaSpent(run="r1", pipeline="main"))
    lab.telemetry.close()
    assert lab.spans["recyclekit.extract"].status.status_code is StatusCode.ERROR
    assert [event.name for event in lab.spans["recyclekit.run"].events] == ["QuotaSpent"]


def test_a_plan_that_waits_is_a_span_too_once_its_job_is_let_go() -> None:
    lab = Lab()
    lab.hear(StageStarted(run="r1", stage="extract"), StageEnded(run="r1", stage="extract", seconds=1.0))
    assert "recyclekit.run" not in lab.spans
    del lab.telemetry
    run = lab.spans["recyclekit.run"]
    assert lab.spans["recyclekit.extract"].parent.span_id == run.context.span_id
    assert run.status.status_code is StatusCode.UNSET


def test_progress_pushes_no_event_that_matters_out_of_a_span() -> None:
    lab = Lab()
    lab.hear(StageStarted(run="r1", stage="write_back"), QuotaSpent(run="r1", pipeline="main"))
    lab.hear(*(StageProgressed(run="r1", stage="write_back", done=1) for _ in range(200)))
    lab.telemetry.close()
    assert [event.name for event in lab.spans["recyclekit.run"].events] == ["QuotaSpent"]


@pytest.mark.parametrize(
    ("environment", "wished"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://x:4318/v1/metrics"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_the_environment_decides(environment: dict[str, str], wished: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert telemetry.is_wished() is wished


def test_without_the_extra_a_wish_is_answered_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    telemetry._providers.cache_clear()
    assert telemetry.from_environment(Metrics(), IDS) is None
    assert "recyclekit[otel]" in caplog.text


@pytest.fixture
def company(tmp_path: Path) -> Path:
    (tmp_path / "recyclekit.yaml").write_text(demo_project(generate(tmp_path, deals=60, seed=7, as_of=AS_OF)))
    return tmp_path


def command(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "recyclekit", *words, "--project", str(folder)]
    return subprocess.run(line, capture_output=True, text=True, check=False, env={**os.environ, **more})


def test_plan_and_apply_arrive_at_a_collector(company: Path) -> None:
    with Collector() as collector:
        to = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test"}
        plan = company / "plan.json"
        planned = command(company, "plan", "--as-of", str(AS_OF), "--out", str(plan), **to)
        assert planned.returncode in {0, 4}, planned.stderr
        applied = command(company, "apply", str(plan), "--yes", **to, OTEL_SERVICE_NAME="nightly")
        assert applied.returncode in {0, 4}, applied.stderr
        names = [span.name for span in collector.spans]
        assert sorted(set(names)) == sorted({"recyclekit.run", *(f"recyclekit.{stage}" for stage in STAGES)})
        assert collector.service == {"recyclekit", "nightly"}
        writes = collector.metrics["recyclekit.writes"].sum.data_points
        counts = {
            next(a.value.string_value for a in point.attributes if a.key == "state"): point.as_int for point in writes
        }
        assert counts["applied"] > 0
        assert counts["failed"] == counts["in_doubt"] == 0
        assert "recyclekit.stage.duration" in collector.metrics
        sent = "".join(str(request) for requests in collector.sent.values() for request in requests)
        # An address, that is: ids are bytes, and any of them may be an @.
        assert not re.search(r"[A-Za-z0-9]@[A-Za-z0-9-]+\.[a-z]", sent)


@pytest.mark.slow
def test_a_collector_that_is_away_holds_nobody_up_for_long(company: Path) -> None:
    plan = ("plan", "--as-of", str(AS_OF), "--json")
    began = time.monotonic()
    without = command(company, *plan)
    usual = time.monotonic() - began
    began = time.monotonic()
    done = command(company, *plan, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == without.returncode
    assert time.monotonic() - began < usual * 3 + 20  # traces, then metrics: three seconds each, and what is imported

"""OpenTelemetry, the extra `otel`: a span for each run and stage, and counters; where to, the OTEL_* names say.

Nothing here is imported unless the environment asks for it; see docs/operations/observe.md.
"""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from weakref import ref

from recyclekit.events import Event, RunEnded, StageEnded, StageProgressed, StageStarted

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

    from recyclekit.observing.metrics import Metrics

_log = logging.getLogger(__name__)
_ENDPOINTS = tuple(f"OTEL_EXPORTER_OTLP_{signal}ENDPOINT" for signal in ("", "TRACES_", "METRICS_"))
_EXPORTERS = ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER")
_PATIENCE = 3.0  # seconds for a collector to answer, where the environment says nothing: a run's end waits for it
_FLUSH_MS = 5_000
NAME = "recyclekit"


def is_wished() -> bool:
    """Return whether the environment asks for traces or metrics."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    wished = any(os.environ.get(name) for name in _ENDPOINTS)
    return wished or any("otlp" in os.environ.get(name, "") for name in _EXPORTERS)


class Telemetry:
    """An observer that turns the events of one job into spans and measurements.

    Args:
        metrics: the same job's, told of each event before this.
        ids: of the job (pipeline, connection, tenant): on every span, and pipeline and tenant on every measurement.
        traces, meters: where to; opened by the caller.
    """

    def __init__(self, metrics: Metrics, ids: Mapping[str, str], traces: TracerProvider, meters: MeterProvider) -> None:
        self._metrics, self._traces, self._meters = metrics, traces, meters
        self._tracer, meter = traces.get_tracer(NAME), meters.get_meter(NAME)
        self._ids = {f"{NAME}.{name}": value for name, value in ids.items()}
        self._low = {name: value for name, value in self._ids.items() if not name.endswith("connection")}
        self._run: Span | None = None
        self._stages: dict[str, Span] = {}
        self._requests = 0
        self._records = meter.create_counter(f"{NAME}.records", "{record}", "Records read, decided and set aside")
        self._writes = meter.create_counter(f"{NAME}.writes", "{write}", "Writes by what became of them")
        self._calls = meter.create_counter(f"{NAME}.requests", "{request}", "Requests to the systems of the pipeline")
        self._runs = meter.create_counter(f"{NAME}.runs", "{run}", "Runs by outcome")
        self._left = meter.create_gauge(f"{NAME}.quota.left", "{request}", "Requests that are left, by connection")
        self._seconds = meter.create_histogram(f"{NAME}.stage.duration", "s", "Seconds of a stage")

    def hear(self, event: Event) -> None:
        match event:
            case StageStarted(run=run, stage=stage):
                self._stages[stage] = self._child(run, stage)
            case StageEnded(stage=stage, seconds=seconds, figures=figures):
                self._stage_ended(stage, seconds, figures)
            case RunEnded(outcome=outcome, figures=figures):
                self._run_ended(str(outcome), figures)
            case StageProgressed():
                pass  # a span keeps its newest 128 events: thousands of these would push out what matters
            case _:
                if self._run is not None:
                    self._run.add_event(type(event).__name__)

    def close(self) -> None:
        """End what is open, as a stage that raised leaves it, and send what is waiting."""
        self._end()
        for provider in (self._traces, self._meters):
            flush = getattr(provider, "force_flush", None)
            if flush is not None:
                flush(_FLUSH_MS)

    def __del__(self) -> None:
        self._end()  # a plan that waits, or is not written, has no end of its own

    def _end(self) -> None:
        self._end_stages()
        if self._run is not None:
            self._run.end()
            self._run = None

    def _child(self, run: str, stage: str) -> Span:
        from opentelemetry.trace import set_span_in_context

        if self._run is None:
            self._run = self._tracer.start_span(f"{NAME}.run", attributes={f"{NAME}.run": run, **self._ids})
        told = {f"{NAME}.run": run, f"{NAME}.stage": stage, **self._ids}
        return self._tracer.start_span(f"{NAME}.{stage}", set_span_in_context(self._run), attributes=told)

    def _stage_ended(self, stage: str, seconds: float, figures: Mapping[str, int]) -> None:
        span = self._stages.pop(stage, None)
        if span is not None:
            span.set_attributes({f"{NAME}.{name}": count for name, count in figures.items()})
            span.end()
        self._seconds.record(seconds, {**self._low, f"{NAME}.stage": stage})
        self._calls.add(self._metrics.requests - self._requests, self._low)
        self._requests = self._metrics.requests
        for name, left in self._metrics.quota_left.items():
            self._left.set(left, {**self._low, f"{NAME}.connection": name})
        match stage:
            case "normalize":
                told = self._metrics.figures()
                self._records.add(int(told.get("records read", 0)), {**self._low, "kind": "read"})
                self._records.add(figures.get("dead_letters", 0), {**self._low, "kind": "set_aside"})
            case "classify":
                self._records.add(figures.get("deals", 0), {**self._low, "kind": "decided"})
            case _:
                pass

    def _run_ended(self, outcome: str, figures: Mapping[str, int]) -> None:
        self._runs.add(1, {**self._low, "outcome": outcome})
        for state in ("applied", "skipped", "failed", "in_doubt", "unsent"):
            self._writes.add(figures.get(state, 0), {**self._low, "state": state})
        self._end_stages()
        if self._run is not None:
            self._run.set_attributes({"outcome": outcome, **{f"{NAME}.{name}": n for name, n in figures.items()}})
        self.close()

    def _end_stages(self) -> None:
        if not self._stages:
            return
        from opentelemetry.trace import Status, StatusCode

        for span in self._stages.values():
            span.set_status(Status(StatusCode.ERROR, "The stage did not come to its end."))
            span.end()
        self._stages.clear()


def from_environment(metrics: Metrics, ids: Mapping[str, str]) -> Telemetry | None:
    """Return the observer that the environment asks for; None where it asks for none, or the extra is not installed."""
    if not is_wished():
        return None
    try:
        traces, meters = _providers()
    except ImportError as error:
        _log.warning("the environment asks for OpenTelemetry: pip install 'recyclekit[otel]' (%s)", error)
        return None
    made = Telemetry(metrics, ids, traces, meters)
    atexit.register(_close, ref(made))  # before the providers end, which registered earlier
    return made


def _close(made: ref[Telemetry]) -> None:
    there = made()
    if there is not None:
        there.close()


@lru_cache(maxsize=1)
def _providers() -> tuple[TracerProvider, MeterProvider]:
    """Return this process's providers: those that somebody set up already, else our own, which nobody else sees."""
    from opentelemetry import metrics, trace
    from opentelemetry.sdk import metrics as sdk_metrics
    from opentelemetry.sdk import trace as sdk_trace

    traces, meters = trace.get_tracer_provider(), metrics.get_meter_provider()
    if not isinstance(traces, sdk_trace.TracerProvider):
        traces = _own_traces()
    if not isinstance(meters, sdk_metrics.MeterProvider):
        meters = _own_meters()
    return traces, meters


def _own_traces() -> TracerProvider:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=_resource())
    if _is_on("TRACES"):
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(**_patience("TRACES"))))
    return provider


def _own_meters() -> MeterProvider:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    if not _is_on("METRICS"):
        return MeterProvider(resource=_resource())
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    reader = PeriodicExportingMetricReader(OTLPMetricExporter(**_patience("METRICS")))
    return MeterProvider([reader], resource=_resource())


def _is_on(signal: str) -> bool:
    exporters = os.environ.get(f"OTEL_{signal}_EXPORTER", "otlp")
    given = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    protocol = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", given)
    if protocol != "http/protobuf":
        _log.warning("%s are not exported over %s: only http/protobuf is", signal.lower(), protocol)
        return False
    return "otlp" in exporters


def _patience(signal: str) -> dict[str, Any]:
    names = ("OTEL_EXPORTER_OTLP_TIMEOUT", f"OTEL_EXPORTER_OTLP_{signal}_TIMEOUT")
    return {} if any(name in os.environ for name in names) else {"timeout": _PATIENCE}


def _resource() -> Any:
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource

    from recyclekit import __version__

    given = Resource.create({"service.version": __version__})  # with OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES
    unnamed = str(given.attributes.get(SERVICE_NAME, "")).startswith("unknown_service")
    return given.merge(Resource({SERVICE_NAME: NAME})) if unnamed else given

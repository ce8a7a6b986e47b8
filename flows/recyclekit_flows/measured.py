"""A run's figures as an artifact: records, writes, requests, what is left of quotas, seconds for each stage."""

from __future__ import annotations

from prefect.artifacts import create_table_artifact

from recyclekit.observing.metrics import Metrics


def show_metrics(run: str, metrics: Metrics) -> None:
    """Publish a run's figures as a table, one row each; nothing where nothing was measured."""
    rows = [{"figure": name, "value": _plain(value)} for name, value in metrics.figures().items()]
    if rows:
        key = f"recyclekit-metrics-{run.lower()}"
        create_table_artifact(rows, key=key, description=f"Figures of run {run}, as this flow run's process saw it")


def _plain(value: float) -> float:
    return int(value) if float(value).is_integer() else value

"""What holds for every test: nobody calls home, nobody touches a person's Prefect, and failures can be had again.

pytest-randomly prints its seed in the heading; hypothesis prints a blob for each failure.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.operations.fixtures import (  # noqa: F401  # session fixtures, for every room
    postgres_worker,
    prefect_postgres,
    prefect_sqlite,
    prefect_worked,
    shared_servers_left_as_found,
    worker,
)

# Before anything imports Prefect, in this process and in those that tests start.
os.environ.update(
    {
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_HOME": str(Path(tempfile.gettempdir()) / f"recyclekit-prefect-{os.getpid()}"),
        "NO_COLOR": "1",
    }
)
for name in ("PREFECT_API_URL", "PREFECT_API_KEY", "PREFECT_PROFILE", "RECYCLEKIT_FAULT", "RECYCLEKIT_DEBUG"):
    os.environ.pop(name, None)

settings.register_profile("recyclekit", deadline=None, print_blob=True)
settings.load_profile("recyclekit")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Keep tests that share a costly server on one worker, so that it starts once; a group of their own stays."""
    worked = {item.path for item in items if {"worker", "prefect_worked"} & set(getattr(item, "fixturenames", ()))}
    for item in items:
        group = _shares(item)
        if group == "prefect" and item.path in worked:
            group = "prefect-worked"  # two groups, each with a server of its own, keep two workers of xdist busy
        if group and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(group))
    yield  # here xdist writes the groups into the tests' ids
    for item in items:
        grouped = vars(item).get("_nodeid")  # where pytest from 9.2 on no longer looks (xdist 3.8)
        if grouped is not None and grouped != item.nodeid:
            from _pytest.nodeid import coerce_node_id

            item._id = coerce_node_id(grouped)


def _shares(item: pytest.Item) -> str | None:
    fixtures = getattr(item, "fixturenames", ())
    variant = getattr(item, "callspec", None)
    on_postgres = variant is not None and {"postgres", "prefect_postgres"} & {
        str(one) for one in variant.params.values()
    }
    if "prefect_postgres" in fixtures or (on_postgres and item.get_closest_marker("prefect")):
        return "prefect-postgres"
    return next((costly for costly in ("prefect", "postgres") if item.get_closest_marker(costly)), None)

"""What a connector's author proves a connector with: the suite, the bench it runs against, and sandbox CRMs.

Never imported by the product, only by tests. Nothing here is loaded before it is asked for: a sandbox needs no pytest.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if (_pytest := sys.modules.get("pytest")) is not None:
    # Failed assertions of the suite then show their values, as those of a test file do. Later would be too late.
    _pytest.register_assert_rewrite("recyclekit.testing.suite")
if TYPE_CHECKING:
    from recyclekit.testing.bench import (
        Bench,
        CountsCalls,
        Edits,
        Hurts,
        Lacks,
        Looks,
        LooksAtTasks,
        Record,
        Refuses,
        Trouble,
    )
    from recyclekit.testing.factories import create_task, enrol, set_fields
    from recyclekit.testing.proving import Tier, proves
    from recyclekit.testing.stand import Stand
    from recyclekit.testing.suite import ConnectorSuite

__all__ = [
    "Bench",
    "ConnectorSuite",
    "CountsCalls",
    "Edits",
    "Hurts",
    "Lacks",
    "Looks",
    "LooksAtTasks",
    "Record",
    "Refuses",
    "Stand",
    "Tier",
    "Trouble",
    "create_task",
    "enrol",
    "proves",
    "set_fields",
]

_HOME = {
    **dict.fromkeys(
        ("Bench", "CountsCalls", "Edits", "Hurts", "Lacks", "Looks", "LooksAtTasks", "Record", "Refuses", "Trouble"),
        "bench",
    ),
    **dict.fromkeys(("create_task", "enrol", "set_fields"), "factories"),
    **dict.fromkeys(("Tier", "proves"), "proving"),
    "Stand": "stand",
    "ConnectorSuite": "suite",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)

"""The two hooks of a plugin. They only return values; reading and writing go through the protocols."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pluggy

from recyclekit.connectors.manifest import ConnectorManifest
from recyclekit.events import Observer

PROJECT = "recyclekit"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def recyclekit_connectors() -> Iterable[ConnectorManifest[Any]]:  # type: ignore[empty-body]  # a hook spec has no body
    """Return the connectors that this package provides."""


@hookspec
def recyclekit_observers() -> Iterable[Observer]:  # type: ignore[empty-body]  # a hook spec has no body
    """Return listeners for the events of runs, of projects that name this plugin (`plugins.observers`)."""

"""Which connectors are installed: found by entry point, loaded one by one, so that a broken one harms nobody else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from inspect import isfunction
from itertools import islice
from types import ModuleType
from typing import Any, Protocol

import pluggy

from recyclekit.connectors import hookspecs
from recyclekit.connectors.hookspecs import PROJECT
from recyclekit.connectors.manifest import API_VERSION, ConnectorManifest
from recyclekit.errors import ConnectorError
from recyclekit.events import Observer

GROUP = "recyclekit"
OWN_DISTRIBUTION = "recyclekit"
_MOST_VALUES = 1000  # of one hook: a plugin that yields for ever is broken, not awaited

AnyManifest = ConnectorManifest[Any]


class Entry(Protocol):
    """What the registry needs of an entry point."""

    @property
    def name(self) -> str: ...
    @property
    def dist(self) -> Any: ...  # importlib.metadata's Distribution, which differs between Python versions
    def load(self) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenPlugin:
    """A plugin that is installed and cannot be used, with the reason in words."""

    name: str
    distribution: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """What one entry point gave."""

    name: str
    distribution: str
    manifests: tuple[AnyManifest, ...] = ()
    observers: tuple[Observer, ...] = ()
    broken: tuple[BrokenPlugin, ...] = ()


@dataclass
class Registry:
    """The installed plugins. Nothing is imported before it is asked for, and then only what the question needs."""

    entries: tuple[Entry, ...]
    refused: tuple[BrokenPlugin, ...] = ()
    _loaded: dict[int, Plugin] = field(default_factory=dict, repr=False)

    def manifest(self, name: str) -> AnyManifest:
        """Return the connector of this name, importing no other plugin where its entry point has the same name.

        Raises:
            ConnectorError: not installed (with the nearest names), broken (with the reason), or claimed twice.
        """
        same_name = [i for i, entry in enumerate(self.entries) if entry.name == name]
        if len(same_name) == 1:
            for found in self._plugin(same_name[0]).manifests:
                if found.name == name:
                    return found
        if name in self.manifests:
            return self.manifests[name]
        raise self._missing(name)

    def package(self, name: str) -> str:
        """Return the distribution that provides a connector, importing no more than `manifest` does."""
        same_name = [i for i, entry in enumerate(self.entries) if entry.name == name]
        if len(same_name) == 1 and any(found.name == name for found in self._plugin(same_name[0]).manifests):
            return self._plugin(same_name[0]).distribution
        return self.distributions[name]

    @cached_property
    def manifests(self) -> Mapping[str, AnyManifest]:
        """All connectors that can be used, by name; loads every plugin."""
        claims = self._claims()
        return {name: claims[name][0][1] for name in sorted(claims) if len(claims[name]) == 1}

    @cached_property
    def distributions(self) -> Mapping[str, str]:
        """Connector name → the distribution that provides it; loads every plugin."""
        claims = self._claims()
        return {name: claims[name][0][0].distribution for name in self.manifests}

    @property
    def broken(self) -> tuple[BrokenPlugin, ...]:
        """Everything installed that cannot be used, and why: faults, clashes of names, not on the allow list."""
        faults = [fault for plugin in self._plugins() for fault in plugin.broken]
        return (*faults, *self._clashes(), *self.refused)

    @property
    def observers(self) -> tuple[Observer, ...]:
        """The listeners of all plugins; loads every plugin."""
        return tuple(observer for plugin in self._plugins() for observer in plugin.observers)

    def heard_by(self, names: Collection[str]) -> tuple[Observer, ...]:
        """Return the listeners of these plugins, by the names of their entry points, importing no other plugin.

        Raises:
            ConnectorError: there is none of that name, it is broken, or it listens to nothing.
        """
        found: list[Observer] = []
        for name in names:
            plugins = [self._plugin(i) for i, entry in enumerate(self.entries) if entry.name == name]
            listeners = [observer for plugin in plugins for observer in plugin.observers]
            if not listeners:
                faults = " ".join(fault.reason for plugin in plugins for fault in plugin.broken)
                why = faults or ("It implements no recyclekit_observers." if plugins else "It is not installed.")
                raise ConnectorError(f"The plugin '{name}' cannot observe runs.", why=why)
            found += listeners
        return tuple(found)

    def _plugin(self, index: int) -> Plugin:
        if index not in self._loaded:
            self._loaded[index] = load(self.entries[index])
        return self._loaded[index]

    def _plugins(self) -> list[Plugin]:
        return [self._plugin(index) for index in range(len(self.entries))]

    def _claims(self) -> dict[str, list[tuple[Plugin, AnyManifest]]]:
        claims: dict[str, list[tuple[Plugin, AnyManifest]]] = {}
        for plugin in self._plugins():
            for manifest in plugin.manifests:
                claims.setdefault(manifest.name, []).append((plugin, manifest))
        return claims

    def _clashes(self) -> Iterable[BrokenPlugin]:
        for name, claims in self._claims().items():
            if len(claims) > 1:
                rivals = " and ".join(sorted(plugin.distribution for plugin, _ in claims))
                reason = f"The name is claimed by {rivals}; uninstall all but one."
                yield BrokenPlugin(name=name, distribution=rivals, reason=reason)

    def _missing(self, name: str) -> ConnectorError:
        faults = [fault for fault in self.broken if fault.name == name]
        if faults:
            why = " ".join(f"{fault.distribution}: {fault.reason}" for fault in faults)
            return ConnectorError(f"The connector '{name}' cannot be used.", why=why)
        near = get_close_matches(name, self.manifests, n=1)
        guess = f"Did you mean '{near[0]}'? Or install" if near else "Install"
        listed = ", ".join(self.manifests) or "none"
        fix = f"{guess} its package, often named recyclekit-{name}."
        return ConnectorError(f"There is no connector '{name}'.", why=f"Installed are: {listed}.", fix=fix)


def discover(allow: Collection[str] | None = None) -> Registry:
    """List the installed plugins, without importing any.

    Args:
        allow: distribution names that may be loaded (production); others are listed as refused. Our own always may.
    """
    found = tuple(entry_points(group=GROUP))
    if allow is None:
        return Registry(entries=found)
    names = {_normal(name) for name in (*allow, OWN_DISTRIBUTION)}
    kept = tuple(entry for entry in found if _normal(_distribution(entry)) in names)
    return Registry(entries=kept, refused=tuple(_refusal(entry) for entry in found if entry not in kept))


def load(entry: Entry) -> Plugin:
    """Import one plugin and ask its hooks; whatever it does wrong ends up in the answer, never as an exception."""
    distribution = _distribution(entry)
    try:
        plugin = _ask(entry, distribution)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # a plugin that calls sys.exit on import must not end us
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        broken = BrokenPlugin(name=entry.name, distribution=distribution, reason=reason)
        return Plugin(name=entry.name, distribution=distribution, broken=(broken,))
    return plugin


def _ask(entry: Entry, distribution: str) -> Plugin:
    # One manager per plugin: pluggy's own loading stops at the first plugin that raises.
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    plugin = entry.load()
    manager.register(plugin, name=entry.name)
    manager.check_pending()
    _refuse_strays(plugin)
    if not any(caller.get_hookimpls() for caller in vars(manager.hook).values()):
        raise ConnectorError(
            "It implements no hook of recyclekit.", fix="Mark its hooks with @recyclekit.connectors.hookimpl."
        )
    said = [value for values in manager.hook.recyclekit_connectors() for value in islice(values, _MOST_VALUES)]
    heard = [value for values in manager.hook.recyclekit_observers() for value in islice(values, _MOST_VALUES)]
    broken = [(value, _fault(value)) for value in said]
    return Plugin(
        name=entry.name,
        distribution=distribution,
        manifests=tuple(value for value, fault in broken if not fault),
        observers=tuple(heard),
        broken=tuple(
            BrokenPlugin(name=getattr(value, "name", entry.name), distribution=distribution, reason=fault)
            for value, fault in broken
            if fault
        ),
    )


def _refuse_strays(plugin: object) -> None:
    """Stop at a function that looks like a hook and is none: pluggy passes over what is not marked, without a word.

    Raises:
        ConnectorError: misspelt, or not marked as a hook.
    """
    hooks = [name for name in vars(hookspecs) if name.startswith(f"{PROJECT}_")]
    for name, value in vars(plugin).items() if isinstance(plugin, ModuleType) else ():
        near = get_close_matches(name, hooks, n=1, cutoff=0.85)
        if not near or not isfunction(value) or hasattr(value, f"{PROJECT}_impl"):
            continue
        if name in hooks:
            raise ConnectorError(
                f"`{name}` is not marked as a hook.", fix="Mark it with @recyclekit.connectors.hookimpl."
            )
        raise ConnectorError(f"`{name}` is no hook of recyclekit.", fix=f"Did you mean `{near[0]}`?")


def _fault(value: object) -> str:
    """Return why this is not a manifest that we can use; empty where it is."""
    if not isinstance(value, ConnectorManifest):
        return f"recyclekit_connectors gave a {type(value).__name__}, not a ConnectorManifest."
    if value.api == API_VERSION:
        return ""
    elder = f"a newer {OWN_DISTRIBUTION}" if value.api > API_VERSION else "a newer version of this plugin"
    versions = f"made for version {value.api} of the connector interface, which is at version {API_VERSION} here"
    return f"It was {versions}. Install {elder}."


def _refusal(entry: EntryPoint) -> BrokenPlugin:
    reason = "It is not in the list of allowed plugins, so it was not loaded."
    return BrokenPlugin(name=entry.name, distribution=_distribution(entry), reason=reason)


def _distribution(entry: Entry) -> str:
    return str(entry.dist.name) if entry.dist is not None else "unknown distribution"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

"""Plugins are loaded one by one and only when needed; a broken one is named, and the others go on."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest

from recyclekit.connectors import ConnectorManifest, hookimpl, hookspecs
from recyclekit.connectors import csv as csv_plugin
from recyclekit.connectors import registry as under_test
from recyclekit.connectors.csv import MANIFEST
from recyclekit.connectors.registry import Registry, discover
from recyclekit.errors import ConnectorError

Plugin = Callable[[], object]


@dataclass
class FakeEntry:
    """An entry point that counts how often it is loaded."""

    name: str
    plugin: Plugin
    distribution: str = "recyclekit-other"
    loads: int = 0

    @property
    def dist(self) -> Any:
        return SimpleNamespace(name=self.distribution)

    def load(self) -> object:
        self.loads += 1
        return self.plugin()


def plugin(*manifests: object, hook: str = "recyclekit_connectors") -> Plugin:
    """Return a plugin module that gives these manifests."""
    module = types.ModuleType("a_plugin")

    def answer() -> list[object]:
        return list(manifests)

    answer.__name__ = hook
    setattr(module, hook, hookimpl(answer))
    return lambda: module


def unmarked(name: str, hook: str = "") -> types.ModuleType:
    """Return a plugin with a function of this name that is no hook, beside one (where named) that is."""
    module = types.ModuleType("careless")

    def answer() -> list[object]:
        return []

    setattr(module, name, answer)
    if hook:
        good = types.FunctionType(answer.__code__, {}, hook)
        setattr(module, hook, hookimpl(good))
    return module


def named(name: str, **changes: Any) -> ConnectorManifest[Any]:
    return replace(MANIFEST, name=name, **changes)


def registry(*entries: FakeEntry) -> Registry:
    return Registry(entries=entries)


def raising(error: BaseException) -> Plugin:
    def load() -> object:
        raise error

    return load


def test_the_csv_connector_comes_through_the_same_door_as_any_other() -> None:
    assert discover().manifest("csv") is MANIFEST
    assert discover().distributions["csv"] == "recyclekit"


def test_asking_for_one_connector_loads_no_other() -> None:
    one, other = FakeEntry("one", plugin(named("one"))), FakeEntry("other", plugin(named("other")))

    assert registry(one, other).manifest("one").name == "one"
    assert (one.loads, other.loads) == (1, 0)


def test_a_connector_under_another_entry_point_is_found_by_loading_all_once() -> None:
    one, other = FakeEntry("pack", plugin(named("a"), named("b"))), FakeEntry("other", plugin(named("c")))
    found = registry(one, other)

    assert [found.manifest(name).name for name in "bac"] == ["b", "a", "c"]
    assert (one.loads, other.loads) == (1, 1)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (raising(ModuleNotFoundError("No module named 'simple_sdk'")), "No module named 'simple_sdk'"),
        (raising(SystemExit(3)), "SystemExit: 3"),
        (plugin(named("bad"), hook="recyclekit_conectors"), "recyclekit_conectors"),
        (lambda: types.ModuleType("nothing"), "implements no hook"),
        (lambda: unmarked("recyclekit_connectors"), "`recyclekit_connectors` is not marked as a hook"),
        (lambda: unmarked("recyclekit_conectors", "recyclekit_observers"), "Did you mean `recyclekit_connectors`?"),
        (lambda: unmarked("recycelkit_connectors"), "Did you mean `recyclekit_connectors`?"),
        (plugin("not a manifest"), "gave a str, not a ConnectorManifest"),
        (plugin(named("bad", api=0)), "made for version 0"),
        (plugin(named("bad", api=99)), "Install a newer recyclekit"),
    ],
)
def test_a_broken_plugin_is_named_and_the_others_go_on(bad: Plugin, reason: str) -> None:
    found = registry(FakeEntry("bad", bad, "recyclekit-bad"), FakeEntry("good", plugin(named("good"))))

    assert list(found.manifests) == ["good"]
    assert [(broken.name, broken.distribution) for broken in found.broken] == [("bad", "recyclekit-bad")]
    assert reason in found.broken[0].reason
    with pytest.raises(ConnectorError, match="'bad' cannot be used") as caught:
        found.manifest("bad")
    assert "recyclekit-bad" in caught.value.why
    assert reason in caught.value.why


def test_a_hook_that_raises_or_never_ends_is_broken_too() -> None:
    module, endless = types.ModuleType("raises"), types.ModuleType("endless")

    def recyclekit_connectors() -> Iterator[ConnectorManifest[Any]]:
        yield named("half")
        raise RuntimeError("no licence")

    module.recyclekit_connectors = hookimpl(recyclekit_connectors)  # type: ignore[attr-defined]  # a module made here

    def forever() -> Iterator[int]:
        while True:
            yield 1

    forever.__name__ = "recyclekit_connectors"
    endless.recyclekit_connectors = hookimpl(forever)  # type: ignore[attr-defined]  # a module made here
    found = registry(FakeEntry("raises", lambda: module), FakeEntry("endless", lambda: endless))

    assert not found.manifests
    assert found.broken[0].reason == "RuntimeError: no licence"
    assert "gave a int" in found.broken[1].reason


def test_ctrl_c_during_an_import_is_not_swallowed() -> None:
    with pytest.raises(KeyboardInterrupt):
        registry(FakeEntry("slow", raising(KeyboardInterrupt()))).manifest("slow")


def test_a_name_claimed_twice_is_an_error_that_names_both() -> None:
    found = registry(
        FakeEntry("x", plugin(named("x")), "recyclekit-a"),
        FakeEntry("x", plugin(named("x")), "recyclekit-b"),
        FakeEntry("y", plugin(named("y")), "recyclekit-c"),
    )

    with pytest.raises(ConnectorError, match="claimed by recyclekit-a and recyclekit-b"):
        found.manifest("x")
    assert found.manifest("y").name == "y"
    assert list(found.manifests) == ["y"]


def test_a_name_claimed_twice_by_one_package_is_an_error_too() -> None:
    found = registry(FakeEntry("pack", plugin(named("x"), named("x")), "recyclekit-a"))

    with pytest.raises(ConnectorError, match="claimed by"):
        found.manifest("x")


def test_one_hook_finds_connectors_and_one_finds_listeners_and_there_is_no_third() -> None:
    # pluggy finds, protocols work: a hook that does something would be an untyped call.
    assert [name for name in vars(hookspecs) if name.startswith("recyclekit_")] == [
        "recyclekit_connectors",
        "recyclekit_observers",
    ]


def test_a_connector_that_is_not_installed_is_answered_with_the_nearest_and_the_list() -> None:
    with pytest.raises(ConnectorError, match=r"no connector 'cvs'.*Installed are: csv.*Did you mean 'csv'"):
        registry(FakeEntry("csv", lambda: csv_plugin)).manifest("cvs")


def test_only_allowed_distributions_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = FakeEntry("csv", lambda: csv_plugin, "recyclekit")
    good = FakeEntry("good", plugin(named("good")), "Recyclekit_Good")
    new = FakeEntry("new", plugin(named("new")), "recyclekit-new")
    monkeypatch.setattr(under_test, "entry_points", lambda group: [ours, good, new])
    found = discover(allow=["recyclekit-good"])

    assert list(found.manifests) == ["csv", "good"]
    assert new.loads == 0
    assert [broken.distribution for broken in found.broken] == ["recyclekit-new"]
    with pytest.raises(ConnectorError, match="not in the list of allowed plugins"):
        found.manifest("new")


def test_observers_of_all_plugins_are_collected() -> None:
    observer = SimpleNamespace(hear=print)

    assert registry(FakeEntry("o", plugin(observer, hook="recyclekit_observers"))).observers == (observer,)


def test_the_registry_and_the_csv_manifest_cost_little_to_import() -> None:
    heavy = ("prefect", "holidays", "recyclekit.connectors.csv.sink", "recyclekit.connectors.csv.source")
    code = (
        "import sys; from recyclekit.connectors.registry import discover; discover().manifest('csv');"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert done.stdout.strip() == "[]"

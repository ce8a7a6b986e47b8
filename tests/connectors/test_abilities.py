"""What a connector declares is held against what a policy plans, in words that say what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from recyclekit.connectors.abilities import refuse_incapable, shortfalls
from recyclekit.connectors.doors import Provider, guarded_sink
from recyclekit.connectors.manifest import FULL, Capability, Level, Support
from recyclekit.connectors.protocols import Sink
from recyclekit.connectors.routed import routed
from recyclekit.errors import ConnectorError, UnsupportedError
from recyclekit.models.plan import ActionKind
from recyclekit.policy.loader import load_policy
from recyclekit.policy.plannable import plannable
from tests.connectors.test_routed import Whole, Writes

NO_LISTS = Support(Level.NEVER, "It has no lists.")
KINDS = {ActionKind.SET_FIELDS: ["a"], ActionKind.ENROL: ["reading", "news"]}


def sink(bare: Sink, name: str = "acme", **capabilities: Support) -> Sink:
    able = {**dict.fromkeys(Capability, FULL), **{Capability(c): s for c, s in capabilities.items()}}
    return guarded_sink(
        bare, Provider(connection="crm", connector=name, package=f"recyclekit-{name}", capabilities=able)
    )


def test_a_plan_beyond_a_sink_is_refused_with_connector_reason_tracks_and_a_way_out() -> None:
    with pytest.raises(UnsupportedError) as caught:
        refuse_incapable(sink(Whole("", 1), enrol=NO_LISTS), KINDS)
    said = str(caught.value)
    for part in ("acme", "never enrols contacts: It has no lists.", "reading, news", "nothing was written", "nurture"):
        assert part in said


def test_not_yet_is_another_error_than_never() -> None:
    with pytest.raises(ConnectorError, match="cannot enrol contacts yet") as caught:
        refuse_incapable(sink(Whole("", 1), enrol=Support(Level.NOT_YET)), KINDS)
    assert not isinstance(caught.value, UnsupportedError)


def test_a_plan_without_the_kind_passes_and_so_does_one_whose_enrolments_go_elsewhere() -> None:
    poor = sink(Whole("", 1), enrol=NO_LISTS)
    refuse_incapable(poor, {ActionKind.SET_FIELDS: ["a"], ActionKind.REMOVE_TASK: ["a"]})
    refuse_incapable(routed(poor, sink(Whole("", 1), "mail")), KINDS)
    with pytest.raises(UnsupportedError, match="mail"):
        refuse_incapable(routed(sink(Whole("", 1)), sink(Whole("", 1), "mail", enrol=NO_LISTS)), KINDS)


def test_check_says_what_cannot_be_done_and_what_a_run_loses() -> None:
    never = Support(Level.NEVER, "It forgets.")
    found = list(shortfalls(sink(Writes("", 1), enrol=NO_LISTS, read_back=never, undo=Support(Level.NOT_YET)), KINDS))
    assert [f.level for f in found] == ["error", "warning", "warning", "warning"]
    enrol, drift, doubt, undo = (f.what for f in found)
    assert "never enrols contacts: It has no lists." in enrol
    assert "never reads deals back: It forgets, so" in drift
    assert "no drift check" in drift
    assert "declares find_by_key, but its sink has no method `find`" in doubt
    assert "cannot take writes back yet, so" in undo


def test_only_what_the_policy_plans_is_asked_of_a_sink() -> None:
    poor = sink(Whole("", 1), enrol=NO_LISTS, write_tasks=NO_LISTS)
    assert list(shortfalls(poor, {ActionKind.SET_FIELDS: ["a"]})) == []
    assert list(shortfalls(sink(Whole("", 1)), KINDS)) == []


def test_a_capability_that_is_not_declared_is_a_warning_and_stops_nothing() -> None:
    silent = guarded_sink(Whole("", 1), Provider(connection="crm", connector="acme", package="p"))
    refuse_incapable(silent, KINDS)
    assert {f.level for f in shortfalls(silent, KINDS)} == {"warning"}


def test_the_standard_policy_plans_all_kinds_and_one_without_newsletters_does_not_enrol(tmp_path: Path) -> None:
    standard = plannable(load_policy("standard").spec)
    assert standard[ActionKind.ENROL] == ("newsletter",)
    assert "newsletter" in standard[ActionKind.CREATE_TASK]
    own = "extends: standard\nname: own\nversion: '1'\nreason_tracks: {info_gathering: pending}\n"
    (tmp_path / "own.yaml").write_text(own, encoding="utf-8")
    assert ActionKind.ENROL not in plannable(load_policy("own.yaml", folder=tmp_path).spec)

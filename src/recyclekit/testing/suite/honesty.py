"""Honesty: what a connector says of itself is so, its settings can travel, and importing it costs nothing."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError

from recyclekit.connectors import protocols
from recyclekit.connectors.manifest import API_VERSION, Capability, ConnectorManifest, Level
from recyclekit.models.field_map import columns_of
from recyclekit.models.tables import SCHEMAS, Table
from recyclekit.testing.bench import Bench
from recyclekit.testing.importing import PROBE, heavy
from recyclekit.testing.proving import Tier, proves
from recyclekit.testing.stand import Stand
from recyclekit.testing.suite.room import Room

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SECRET = re.compile(r"(^|_)(token|secret|password|passphrase|api_?key|private_key|credentials?)($|_)", re.IGNORECASE)
_TABLES = {Capability(f"read_{table}"): table for table in Table}
_DOORS: dict[Capability, type] = {
    Capability.READ_BACK: protocols.ReadsBack,
    Capability.FIND_BY_KEY: protocols.FindsByKey,
    Capability.UNDO: protocols.Undoes,
    Capability.ERASE: protocols.Erases,
}
_ANY = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
_WRITES = (Capability.WRITE_FIELDS, Capability.WRITE_TASKS, Capability.ENROL)


class Honesty(Room):
    """Tests that need no system at all, and the few that compare declarations with open doors."""

    @proves(Tier.BRONZE, needs=())
    def test_the_name_is_one_plain_word(self, manifest: ConnectorManifest[Any]) -> None:
        assert _NAME.fullmatch(manifest.name), "lower-case letters, digits and hyphens, as in a package's name"
        assert manifest.summary.strip(), "say in one sentence what the system is and what is written"
        assert manifest.version.strip(), "give the package's version"

    @proves(Tier.BRONZE, needs=())
    def test_it_is_made_for_this_version_of_the_contract(self, manifest: ConnectorManifest[Any]) -> None:
        assert manifest.api == API_VERSION, f"the contract is at version {API_VERSION} here"

    @proves(Tier.BRONZE, needs=())
    def test_every_capability_is_declared(self, manifest: ConnectorManifest[Any]) -> None:
        silent = [str(c) for c in Capability if c not in manifest.capabilities]
        assert not silent, f"say FULL, NOT_YET or NEVER of: {', '.join(silent)}"

    @proves(Tier.BRONZE, needs=())
    def test_never_has_a_reason(self, manifest: ConnectorManifest[Any]) -> None:
        bare = [str(c) for c, s in manifest.capabilities.items() if s.level is Level.NEVER and not s.reason.strip()]
        assert not bare, f"why can the system itself never do this? {', '.join(bare)}"

    @proves(Tier.PLATINUM, needs=())
    def test_nothing_is_left_for_later(self, manifest: ConnectorManifest[Any]) -> None:
        later = [str(c) for c, s in manifest.capabilities.items() if s.level is Level.NOT_YET]
        if later:  # honest, so nothing fails; but the highest tier is for what is finished
            pytest.skip(f"not yet: {', '.join(later)}")

    @pytest.mark.parametrize("capability", Capability, ids=str)
    @proves(Tier.BRONZE, needs=())
    def test_what_is_declared_is_what_the_doors_have(self, stand: Stand, capability: Capability) -> None:
        support = stand.manifest.capabilities.get(capability)
        if support is None:
            return  # said by test_every_capability_is_declared
        there = _has(stand, capability)
        if support.level is Level.FULL:
            assert there, f"{capability} is declared full, but the doors do not have it"
        elif capability in _DOORS:
            assert not there, (
                f"{capability} is declared {support.level}, yet the sink has its method: the core calls it"
            )

    @proves(Tier.BRONZE, needs=())
    def test_the_doors_have_the_signatures_of_the_protocols(self, stand: Stand) -> None:
        wrong = [*_differing(stand.source(), "Source", "ScansColumns")] if stand.manifest.open_source else []
        if stand.manifest.open_sink:
            optional = ("ReadsBack", "FindsByKey", "Undoes", "Erases", "SplitsBatches", "KnowsQuota", "SetsUp")
            wrong += _differing(stand.sink(), "Sink", *optional)
        assert not wrong, "\n".join(wrong)

    # -- settings --------------------------------------------------------------------------------------------------

    @proves(Tier.BRONZE, needs=())
    def test_every_setting_is_described(self, manifest: ConnectorManifest[Any]) -> None:
        bare = [name for name, field in manifest.settings.model_fields.items() if not (field.description or "").strip()]
        assert not bare, f"no description: {', '.join(bare)}"

    @proves(Tier.BRONZE, needs=())
    def test_a_misspelt_setting_is_refused(self, config: BaseModel) -> None:
        values = {name: getattr(config, name) for name in config.model_fields_set}
        with pytest.raises(ValidationError):  # model_config = ConfigDict(extra="forbid")
            type(config).model_validate({**values, "recyclekit_no_such_setting": 1})

    @proves(Tier.BRONZE, needs=())
    def test_what_sounds_like_a_secret_is_declared_as_one(self, manifest: ConnectorManifest[Any]) -> None:
        bare = [
            name
            for name, field in manifest.settings.model_fields.items()
            if _SECRET.search(name) and str in _types(field.annotation)
        ]
        assert not bare, f"declare as pydantic.SecretStr: {', '.join(bare)}"

    @proves(Tier.BRONZE, needs=())
    def test_secrets_do_not_show_in_settings(self, config: BaseModel) -> None:
        shown = " ".join((repr(config), str(config), json.dumps(config.model_dump(mode="json"), default=str)))
        assert not [name for name, secret in secrets_of(config).items() if secret in shown]

    @proves(Tier.BRONZE, needs=())
    def test_settings_survive_pickling(self, config: BaseModel) -> None:
        assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301  # our own, made a moment ago

    # -- importing -------------------------------------------------------------------------------------------------

    @proves(Tier.BRONZE, needs=())
    def test_importing_it_uses_no_network_and_no_sdk(self, manifest: ConnectorManifest[Any]) -> None:
        """The list of plugins is made by importing all of them: 100 ms each, so SDKs are imported when a door opens."""
        opener = manifest.open_source or manifest.open_sink or manifest.settings
        module = str(opener.__module__)
        top = module.rpartition(".")[0] if "." in module and not _is_package(module) else module
        found_by = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        done = subprocess.run(  # noqa: S603  # our own interpreter and probe
            [sys.executable, "-c", PROBE, top], env=found_by, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, f"importing {top} alone fails or calls out:\n{done.stderr[-2000:]}"
        loaded = heavy(top, json.loads(done.stdout))
        assert not loaded, f"importing {top} also loads {', '.join(loaded)}: import where a door opens"

    # -- what is mapped --------------------------------------------------------------------------------------------

    @proves(Tier.BRONZE, Capability.READ_DEALS, needs=(Bench,))
    def test_the_field_map_names_our_columns_and_theirs(self, stand: Stand) -> None:
        source, unknown, missing = stand.source(), [], []
        for table, specs in stand.mapped.fields.items():
            theirs, read = set(source.columns(table)), columns_of(specs)
            unknown += [f"{table}.{name}" for name in specs if name not in SCHEMAS[table].column_names()]
            missing += [f"{table}.{column}" for column in read if column not in theirs]
        assert not unknown, f"`mapped()` fills what is no column of ours: {unknown}"
        assert not missing, f"`mapped()` reads what `columns()` does not list: {missing}"
        assert "deal_id" in stand.mapped.fields.get(Table.DEALS, {}), "`mapped()` must fill deals.deal_id"


def secrets_of(config: BaseModel) -> dict[str, str]:
    """Return the secrets of settings in clear, by name; nested settings and lists too."""
    found: dict[str, str] = {}
    for name, value in config:
        for place, inner in _leaves(name, value):
            clear = inner.get_secret_value() if isinstance(inner, (SecretStr, SecretBytes)) else ""
            text = clear.decode("utf-8", "replace") if isinstance(clear, bytes) else clear
            if text:
                found[place] = text
    return found


def _leaves(name: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, BaseModel):
        for inner, held in value:
            yield from _leaves(f"{name}.{inner}", held)
    elif isinstance(value, dict):
        for inner, held in value.items():
            yield from _leaves(f"{name}.{inner}", held)
    elif isinstance(value, (list, tuple)):
        for number, held in enumerate(value):
            yield from _leaves(f"{name}.{number}", held)
    else:
        yield name, value


def _is_package(module: str) -> bool:
    return hasattr(sys.modules.get(module), "__path__")


def _types(annotation: object) -> set[object]:
    args = getattr(annotation, "__args__", ())
    return {annotation} | {kind for arg in args for kind in _types(arg)}


def _has(stand: Stand, capability: Capability) -> bool:
    if capability in _TABLES:
        return stand.manifest.open_source is not None and _TABLES[capability] in stand.source().tables()
    if capability in _DOORS:
        return stand.manifest.open_sink is not None and isinstance(stand.sink(), _DOORS[capability])
    if capability in _WRITES:
        return stand.manifest.open_sink is not None
    return capability is Capability.INCREMENTAL and stand.manifest.open_source is not None


def _differing(door: object, *names: str) -> Iterator[str]:
    for name in names:
        protocol = getattr(protocols, name)
        members = [m for m, v in vars(protocol).items() if inspect.isfunction(v) and not m.startswith("_")]
        for member in members:
            there = getattr(door, member, None)
            if there is None and name not in {"Source", "Sink"}:
                continue
            if not callable(there):
                yield f"{name}.{member}: there is no such method"
                continue
            wanted = list(inspect.signature(getattr(protocol, member)).parameters)[1:]
            given = inspect.signature(there).parameters
            needed = [p.name for p in given.values() if p.default is p.empty and p.kind not in _ANY]
            if [n for n in given if n in wanted] != wanted or [n for n in needed if n not in wanted]:
                yield f"{name}.{member}: takes ({', '.join(given)}), but the protocol says ({', '.join(wanted)})"

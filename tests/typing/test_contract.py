"""The contract is frozen: by types that a type checker holds, and by a listing of every name in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path

import pytest

from recyclekit.connectors import API_VERSION, Capability, ConnectorManifest, Level, Opening, Page, Support
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.snapshot import DEAD_LETTERS, LINE, Finding
from recyclekit.models.tables import OWN_FIELDS, Table
from tests.architecture.contract_page import members, protocol_classes
from tests.architecture.house import ROOT

HERE = Path(__file__).parent


Compare = Callable[[Sequence[str], Sequence[str]], list[str]]


def broken(old: Sequence[str], now: Sequence[str]) -> list[str]:
    """Return what was promised and is not so any more."""
    return sorted(set(old) - set(now))


def grown(old: Sequence[str], now: Sequence[str]) -> list[str]:
    """Return what protocols that were there already ask for beyond what they did."""
    known = {line.partition(".")[0] for line in old if line.startswith("protocol ")}
    return [line for line in now if line not in set(old) and line.partition(".")[0] in known]


@pytest.mark.slow
def test_a_type_checker_agrees_with_every_line_of_the_contract() -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        [*command, str(HERE / "contract.py")], cwd=ROOT, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_was_promised_in_this_version_is_still_so() -> None:
    gone = broken(promised(), listing())
    assert not gone, (
        "The contract changed. Plugins that are out there were made for the old one: raise API_VERSION, write"
        f" contract_v{API_VERSION + 1}.txt and say in CHANGELOG.md what authors must do; or undo the change:\n"
        + "\n".join(gone)
    )


def test_what_is_new_is_a_new_optional_protocol_or_a_new_name() -> None:
    old, now = promised(), listing()
    assert not grown(old, now), f"a protocol that is out there grew; make a new one instead: {grown(old, now)}"
    new = [line for line in now if line not in set(old)]
    assert not new, f"add to {file().name}:\n" + "\n".join(new)


@pytest.mark.parametrize(
    ("was", "becomes", "notices"),
    [
        ("Sink.calls(kinds: ", "Sink.calls(numbers: ", broken),
        ("Source.tables() -> Collection", "Source.tables() -> Sequence", broken),
        ("field Receipt.proof: str", "", broken),
        ("name Capability.UNDO = undo", "name Capability.UNDO = take_back", broken),
        ("protocol FindsByKey.find(", "protocol FindsByKey.also() -> None\nprotocol FindsByKey.find(", grown),
    ],
)
def test_a_change_without_a_new_version_is_noticed(was: str, becomes: str, notices: Compare) -> None:
    changed = "\n".join(promised()).replace(was, becomes)
    assert was in "\n".join(promised())
    assert notices(promised(), changed.splitlines())
    assert not notices(promised(), [*promised(), "protocol IsNew.method() -> None"])


def promised() -> list[str]:
    """Return the listing as it was when this version of the contract was published."""
    assert file().exists(), f"API_VERSION is {API_VERSION}: write {file().name}, and keep the older ones"
    return file().read_text(encoding="utf-8").splitlines()


def file() -> Path:
    return HERE / f"contract_v{API_VERSION}.txt"


def listing() -> list[str]:
    """Return every name that a plugin may rely on, one a line."""
    return list(_lines())


def _lines() -> Iterator[str]:
    for protocol in protocol_classes():
        for name, signature, _ in members(protocol):
            yield f"protocol {protocol.__name__}.{name}{signature}"
    for kind in (Page, Action, Receipt, Finding, ConnectorManifest, Opening, Support):
        for field in fields(kind):
            yield f"field {kind.__name__}.{field.name}: {field.type}"
    for names in (Capability, Level, ActionKind, ReceiptState, Table):
        yield from (f"name {names.__name__}.{one.name} = {one.value}" for one in names)
    yield from (f"own field {name}" for name in OWN_FIELDS)
    yield f"column {LINE}"
    yield from (f"dead letter {name}: {dtype}" for name, dtype in DEAD_LETTERS.items())


if __name__ == "__main__":
    file().write_text("\n".join(listing()) + "\n", encoding="utf-8")

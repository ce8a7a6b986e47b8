"""The generated part of the page on the connector contract: `python -m tests.architecture.contract_page` renews it."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from recyclekit import errors
from recyclekit.connectors import manifest, protocols
from recyclekit.connectors.manifest import API_VERSION, Capability
from recyclekit.models import plan, run
from recyclekit.testing import ConnectorSuite, bench
from recyclekit.testing.proving import Proof, Tier, proof_of
from tests.architecture.house import ROOT, tree

PAGE = ROOT / "docs/reference/connector-contract.md"
BEGIN, END = "<!-- generated from the code: make no edit below -->", "<!-- end of the generated part -->"
DOORS = ("Source", "Sink")
BENCH = ("Bench", "Edits", "Looks", "LooksAtTasks", "CountsCalls", "Hurts", "Refuses", "Lacks")
_ERRORS = ("SignInError", "RetryableError", "QuotaError", "InDoubtError", "RefusedError", "ConnectorError",
           "UnsupportedError", "InputError")  # fmt: skip


def generated() -> str:
    """Return the generated part."""
    parts = [*_protocols(), *_data(), *_capabilities(), *_errors(), *_bench(), *_tests()]
    return "\n".join([BEGIN, "", *parts, END])


def protocol_classes() -> list[type]:
    """Return the protocols of the contract, in the order in which they are declared."""
    names = [
        node.name
        for node in tree(ROOT / "src/recyclekit/connectors/protocols.py").body
        if isinstance(node, ast.ClassDef)
    ]
    found = [getattr(protocols, name) for name in names]
    return [one for one in found if getattr(one, "_is_protocol", False)]


def members(protocol: type) -> Iterator[tuple[str, str, str]]:
    """Yield name, signature and docstring of a protocol's methods and properties."""
    for name, member in vars(protocol).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property) and member.fget is not None:
            yield name, f": {member.fget.__annotations__['return']}", inspect.getdoc(member.fget) or ""
        elif inspect.isfunction(member):
            signature = inspect.signature(member)
            bare = signature.replace(parameters=list(signature.parameters.values())[1:])
            yield name, str(bare).replace("'", ""), inspect.getdoc(member) or ""


def _protocols() -> Iterator[str]:
    yield f"## Protocols (version {API_VERSION})"
    for protocol in protocol_classes():
        door = "required of its side" if protocol.__name__ in DOORS else "optional, asked for with `isinstance`"
        yield f"\n### {protocol.__name__}\n\n{_markdown(inspect.getdoc(protocol) or '')}\n\n*{door}*"
        for name, signature, doc in members(protocol):
            yield f"\n#### `{name}{signature}`\n\n{_markdown(doc)}"
    yield ""


def _data() -> Iterator[str]:
    yield "## What passes through the doors\n"
    for found in (protocols.Page, plan.Action, run.Receipt, manifest.ConnectorManifest, manifest.Opening):
        yield f"### {found.__name__}\n\n{_markdown(inspect.getdoc(found) or '')}\n"
        assert is_dataclass(found)
        yield "| field | type |\n|---|---|"
        yield from (f"| `{one.name}` | `{_cell(one.type)}` |" for one in fields(found))
        yield ""


def _capabilities() -> Iterator[str]:
    yield "## Capabilities\n\n| name | full means |\n|---|---|"
    for name, text in _explained("src/recyclekit/connectors/manifest.py", "Capability"):
        yield f"| `{Capability[name]}` | {text} |"
    yield ""


def _bench() -> Iterator[str]:
    yield f"## The bench of the kit\n\n{_markdown(inspect.getdoc(bench) or '')}\n"
    for name in BENCH:
        protocol = getattr(bench, name)
        yield f"### {name}\n\n{_markdown(inspect.getdoc(protocol) or '')}\n"
        for member, signature, doc in members(protocol):
            yield f"- `{member}{signature}`: {' '.join(doc.split())}"
        yield ""
    yield "### Trouble\n\n| name | befalls |\n|---|---|"
    for name, text in _explained("src/recyclekit/testing/bench.py", "Trouble"):
        yield f"| `{bench.Trouble[name]}` | {text} |"
    yield ""


def _explained(path: str, name: str) -> Iterator[tuple[str, object]]:
    """Yield an enumeration's members with the text below each."""
    body = next(node.body for node in tree(ROOT / path).body if isinstance(node, ast.ClassDef) and node.name == name)
    for value, text in zip(body[1::2], body[2::2], strict=True):
        assert isinstance(value, ast.Assign)
        assert isinstance(text, ast.Expr)
        assert isinstance(text.value, ast.Constant)
        target = value.targets[0]
        assert isinstance(target, ast.Name)
        yield target.id, text.value.value


def _errors() -> Iterator[str]:
    yield "## Errors\n\n| error | exit code | means |\n|---|---|---|"
    for name in _ERRORS:
        found = getattr(errors, name)
        first = " ".join((inspect.getdoc(found) or "").split("\n\n")[0].split())
        yield f"| `{name}` | {int(found.exit_code)} | {first} |"
    yield ""


def _tests() -> Iterator[str]:
    yield "## The tests of the kit\n\n| tier | test | proves | needs |\n|---|---|---|---|"
    rows = []
    for name, test in inspect.getmembers(ConnectorSuite, inspect.isfunction):
        proof = proof_of(test)
        if proof is not None:
            rows.append((proof.tier, name.removeprefix("test_").replace("_", " "), proof))
    for tier, said, proof in sorted(rows, key=lambda row: (row[0], row[1])):
        yield f"| {Tier(tier)} | {said} | {_proven(proof)} | {_needed(proof)} |"
    yield ""


def _proven(proof: Proof) -> str:
    names = [*proof.capabilities, *([proof.witness] if proof.witness else [])]
    return ", ".join(f"`{name}`" + (" (witness)" if name is proof.witness else "") for name in names)


def _needed(proof: Proof) -> str:
    return ", ".join([*(need.__name__ for need in proof.needs), *(f"trouble `{one}`" for one in proof.troubles)])


def _markdown(doc: str) -> str:
    """Return a docstring as Markdown: the lists of Args, Attributes and Raises as bullets."""
    out, in_list = [], False
    for line in doc.splitlines():
        if re.fullmatch(r"(Args|Attributes|Raises):", line):
            out += [f"*{line}*", ""]
            in_list = True
        elif in_list and re.match(r"    \S", line):
            out.append(re.sub(r"^    ([\w, ]+):", r"- **\1**:", line) if ":" in line else f"- {line.strip()}")
        elif in_list and line.strip():
            out.append(f"  {line.strip()}")
        else:
            in_list = in_list and bool(line.strip())
            out.append(line)
    return "\n".join(out).strip()


def _cell(kind: Any) -> str:
    return str(kind).replace("|", "\\|")


def renewed(text: str) -> str:
    """Return the page with its generated part made anew."""
    head, _, rest = text.partition(BEGIN)
    return head + generated() + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

"""The shape of the house: sizes, names, docstrings, and who may read the clock."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.architecture.house import ROOT, functions, proofs, shipped, shown, tree

LINES_OF_A_MODULE = 400
LINES_OF_A_FUNCTION = 60
SAYS_NOTHING = re.compile(r"(^|_)(utils?|helpers?|common|base|misc|managers?|services?)$")
WORDS_OF_A_SENTENCE = 4  # test included: `test_owners_are_levelled`


def test_no_module_is_longer_than_its_edge() -> None:
    long = {
        shown(p): n for p in shipped() if (n := len(p.read_text(encoding="utf-8").splitlines())) > LINES_OF_A_MODULE
    }
    assert not long, f"split what does more than one thing (edge {LINES_OF_A_MODULE}): {long}"


def test_no_function_is_longer_than_its_edge() -> None:
    long = {
        f"{shown(p)}:{f.lineno} {f.name}": n
        for p in shipped()
        for f in functions(p)
        if (n := (f.end_lineno or f.lineno) - f.lineno + 1) > LINES_OF_A_FUNCTION
    }
    assert not long, f"longer than {LINES_OF_A_FUNCTION} lines: {long}"


def test_no_name_says_nothing() -> None:
    classes = [
        (f"{shown(p)}:{node.lineno}", re.sub(r"(?<!^)(?=[A-Z])", "_", node.name).lower())
        for p in shipped()
        for node in ast.walk(tree(p))
        if isinstance(node, ast.ClassDef)
    ]
    names = [(shown(p), p.stem) for p in shipped()] + [(shown(p), p.parent.name) for p in shipped()] + classes
    nothing = sorted({f"{where} ({name})" for where, name in names if SAYS_NOTHING.search(name)})
    assert not nothing, f"say what it does instead: {nothing}"


def test_every_module_says_what_belongs_in_it() -> None:
    silent = [shown(p) for p in shipped() if not ast.get_docstring(tree(p))]
    assert not silent, f"no docstring: {silent}"


def test_every_test_is_named_by_a_sentence() -> None:
    terse = [
        f"{shown(p)}:{f.lineno} {f.name}"
        for p in proofs()
        for f in functions(p)
        if f.name.startswith("test_") and len(f.name.split("_")) < WORDS_OF_A_SENTENCE
    ]
    assert not terse, f"fewer than {WORDS_OF_A_SENTENCE} words: {terse}"


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"(?<!\")\b(TODO|FIXME|XXX)\b(?!\")")  # quoted it is a value: HubSpot calls a kind of task so
    left = [
        f"{shown(p)}:{n}"
        for p in [*shipped(), *proofs(), *(ROOT / "docs").rglob("*.md")]
        if p != Path(__file__)
        for n, line in enumerate(p.read_text(encoding="utf-8").splitlines(), 1)
        if marks.search(line)
    ]
    assert not left, f"do it or write it down in an issue: {left}"


def test_there_are_exactly_five_stages() -> None:
    stages = {p.stem for p in (ROOT / "src/recyclekit/stages").glob("*.py")} - {"__init__"}
    assert stages == {"extract", "normalize", "classify", "schedule", "write_back"}


def test_only_the_clock_module_asks_for_the_time() -> None:
    asked = [
        f"{shown(p)}:{node.lineno}"
        for p in shipped()
        if p.name != "clock.py"
        for node in ast.walk(tree(p))
        if isinstance(node, ast.Attribute)
        and node.attr in {"now", "utcnow", "today"}
        and isinstance(node.value, ast.Name)
        and node.value.id in {"datetime", "date", "dt"}
    ]
    assert not asked, f"a run asks recyclekit.clock once and hands the answer on: {asked}"

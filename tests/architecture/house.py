"""The files that the architecture tests look at, read once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = (ROOT / "src", ROOT / "flows", ROOT / "plugins")


def shipped() -> list[Path]:
    """Return the modules that are shipped."""
    return sorted(p for room in ROOMS for p in room.rglob("*.py") if "tests" not in p.parts and "build" not in p.parts)


def proofs() -> list[Path]:
    """Return the modules that hold tests."""
    return sorted((ROOT / "tests").rglob("test_*.py"))


@cache
def tree(path: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield a module's functions and methods."""
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def shown(path: Path) -> str:
    """Return a path as a person would name it."""
    return str(path.relative_to(ROOT))

"""SOQL judged by a parser that we did not write: every statement that we emit must be SOQL to it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from recyclekit.testing.sandbox import Journal
from tests.clients.node import HERE, need


class Judge:
    """A running parser. `accepts` asks it about one statement."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def accepts(self, statement: str) -> bool:
        """Whether it takes the statement for SOQL."""
        asked, answered = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answered is not None
        asked.write(json.dumps(statement) + "\n")
        asked.flush()
        return bool(json.loads(answered.readline()))


@contextmanager
def judge() -> Iterator[Judge]:
    """Start the parser; skip the test where it cannot be had."""
    command = [need(), HERE / "judge_soql.mjs"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        yield Judge(process)
        assert process.stdin is not None
        process.stdin.close()


def statements(journal: Journal, *, status: int | None = None) -> list[str]:
    """Return every SOQL statement that a sandbox was asked, once each, in order: queries and bulk query jobs.

    Args:
        journal: of the sandbox.
        status: only those that were answered so.
    """
    found: dict[str, None] = {}
    for call in journal.calls(status=status):
        path = call.path.rstrip("/")
        if path.endswith(("/query", "/queryAll")) and "/jobs/" not in path:
            found[_query(call.query)] = None
        elif path.endswith("/jobs/query") and call.method == "POST":
            found[str(call.json()["query"])] = None
    return list(found)


def assert_soql(asked: Iterable[str]) -> None:
    """Assert that each statement is SOQL to a parser that we did not write.

    Raises:
        AssertionError: with those that are not.
    """
    with judge() as parser:
        refused = [statement for statement in asked if not parser.accepts(statement)]
    assert not refused, "no SOQL:\n" + "\n".join(refused)


def _query(raw: str) -> str:
    from urllib.parse import parse_qs

    return parse_qs(raw).get("q", [""])[0]

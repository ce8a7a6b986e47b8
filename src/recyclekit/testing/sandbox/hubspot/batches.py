"""What all batch calls share: their inputs, the failures of single ones, and the answer with its results shuffled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recyclekit.testing.sandbox.hubspot.bodies import body_of, kind_of
from recyclekit.testing.sandbox.hubspot.object_types import ObjectType
from recyclekit.testing.sandbox.hubspot.portal import Portal
from recyclekit.testing.sandbox.hubspot.values import Problem
from recyclekit.testing.sandbox.wire import Answer, Request, json_answer


@dataclass(frozen=True, slots=True)
class Failure:
    """One input that was not done, as an entry of `errors`."""

    category: str
    message: str
    context: Mapping[str, Sequence[str]]
    problems: Sequence[Problem] = ()
    sub_category: str = ""

    def shown(self) -> dict[str, Any]:
        """Return the entry."""
        details = [
            {"message": problem.message, "code": problem.code, "context": {"propertyName": [problem.name]}}
            for problem in self.problems
        ]
        return {
            "status": "error",
            "category": self.category,
            **({"subCategory": self.sub_category} if self.sub_category else {}),
            "message": self.message,
            "context": {name: list(values) for name, values in self.context.items()},
            "errors": details,
            "links": {},
        }


@dataclass(frozen=True, slots=True)
class Scope:
    """A batch call: its object type and its body."""

    request: Request
    kind: ObjectType
    body: dict[str, Any]


def scope_of(request: Request) -> Scope:
    """Return the call's object type and body."""
    return Scope(request, kind_of(request), body_of(request))


def batch_answer(
    portal: Portal, request: Request, results: list[Any], failures: Sequence[Failure], *, status: int = 200
) -> Answer:
    """Return the answer of a batch: 207 where something failed, but from version 2026-09 on the usual status."""
    portal.chance.shuffle(results)
    now = portal.now()
    body: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if failures:
        body |= {"numErrors": len(failures), "errors": [failure.shown() for failure in failures]}
    many = 207 if failures and "/2026-09/" not in request.path else status
    return json_answer(body, many)

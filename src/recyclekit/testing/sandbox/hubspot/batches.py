"""What all batch calls share: their inputs, the failures of single ones, and the answer with its results shuffled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recyclekit.testing.sandbox.hubspot.object_types import ObjectType, object_type
from recyclekit.testing.sandbox.hubspot.portal import Portal
from recyclekit.testing.sandbox.hubspot.values import Problem
from recyclekit.testing.sandbox.wire import Answer, Request, json_answer

LARGEST = 100


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
    """A batch call that makes sense so far: its object type and its body."""

    request: Request
    kind: ObjectType
    body: dict[str, Any] = field(default_factory=dict)


def scope_of(portal: Portal, request: Request) -> Scope | Answer:
    """Return the call's object type and body, or why it makes no sense."""
    kind = object_type(request.parts["type"])
    if kind is None:
        return portal.say.bad_request(f"Unable to infer object type from: {request.parts['type']}")
    try:
        body = request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return portal.say.bad_request("Invalid input JSON on line 1, column 1")
    return Scope(request, kind, body)


def inputs_of(portal: Portal, body: Mapping[str, Any], largest: int = LARGEST) -> list[dict[str, Any]] | Answer:
    """Return the inputs of a batch, or why there are none."""
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(given, dict) for given in inputs):
        return portal.say.bad_request("Some required fields were not set: [inputs]")
    if len(inputs) > largest:
        return portal.say.bad_request(f"The maximum number of inputs is {largest}; {len(inputs)} were sent.")
    return inputs


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

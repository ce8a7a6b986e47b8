"""HubSpot's refusals, in its own words and shapes. Every one carries a correlation id, to be quoted to its support."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from random import Random
from typing import Any

import orjson

from recyclekit.testing.sandbox.hubspot.values import Problem
from recyclekit.testing.sandbox.wire import Answer, html_answer, json_answer


class Speech:
    """Makes answers; the correlation ids follow from the seed."""

    def __init__(self, seed: int) -> None:
        self._chance = Random(seed)  # noqa: S311  # ids that can be repeated, no secret

    def correlation(self) -> str:
        """Return a fresh id."""
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    def error(self, status: int, category: str, message: str, **more: Any) -> Answer:
        """Return an error of the usual shape."""
        body = {"status": "error", "message": message, "correlationId": self.correlation(), **more}
        return json_answer({**body, "category": category} if category else body, status)

    def invalid(self, problems: Sequence[Problem]) -> Answer:
        """Return the 400 for values that are not allowed; it counts for the whole call."""
        return self.error(400, "VALIDATION_ERROR", invalid_message(problems), errors=[_detail(p) for p in problems])

    def bad_request(self, message: str) -> Answer:
        """Return the 400 for a call that makes no sense."""
        return self.error(400, "VALIDATION_ERROR", message)

    def not_found(self, message: str = "resource not found") -> Answer:
        """Return the 404."""
        return self.error(404, "OBJECT_NOT_FOUND", message)

    def conflict(self, message: str) -> Answer:
        """Return the 409."""
        return self.error(409, "CONFLICT", message)

    def no_credentials(self) -> Answer:
        """Return the 401 for a call without a token, or with one that was never valid or was revoked."""
        message = "Authentication credentials not found. This API supports OAuth 2.0 authentication."
        return self.error(401, "INVALID_AUTHENTICATION", message)

    def expired(self, seconds: float, moment: str) -> Answer:
        """Return the 401 for an OAuth token whose half hour is over."""
        message = f"The OAuth token used to make this call expired {round(seconds)} second(s) ago."
        return self.error(401, "EXPIRED_AUTHENTICATION", message, context={"expire time": [moment]})

    def missing_scopes(self, scopes: Sequence[str]) -> Answer:
        """Return the 403 that names the scopes."""
        message = "This app hasn't been granted all required scopes to make this call."
        errors = [
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": list(scopes)},
            }
        ]
        return self.error(403, "MISSING_SCOPES", message, errors=errors)

    def too_many(self, policy: str, retry_after: float | None = None, message: str = "") -> Answer:
        """Return the 429 of a limit: TEN_SECONDLY_ROLLING, DAILY or SECONDLY, which search has and which names none."""
        if policy == "SECONDLY":
            answer = self.error(429, "RATE_LIMITS", message or "You have reached your secondly limit.")
        else:
            text = message or f"You have reached your {policy.lower()} limit."
            named = {"errorType": "RATE_LIMIT", "policyName": policy, "groupName": "publicapi:private-apps-api-calls"}
            answer = self.error(429, "", text, **named)
        return answer if retry_after is None else answer.with_headers({"Retry-After": f"{retry_after:g}"})


def edge(status: int, title: str) -> Answer:
    """Return an answer of the edge in front of HubSpot, which speaks HTML."""
    return html_answer(title, status)


def invalid_message(problems: Sequence[Problem]) -> str:
    """Return the message that holds the problems as JSON inside a text."""
    return f"Property values were not valid: {orjson.dumps([p.shown() for p in problems]).decode()}"


def _detail(problem: Problem) -> dict[str, Any]:
    return {"message": problem.message, "code": problem.code, "context": {"propertyName": [problem.name]}}

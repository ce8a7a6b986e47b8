"""The vendor's refusals: of a whole request (`errorCode`), and of one row in an answer of 200 (`statusCode`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recyclekit.testing.sandbox.wire import Answer, json_answer

JSON = {"Content-Type": "application/json;charset=UTF-8"}


class RequestRefusedError(Exception):
    """The whole request is refused with this HTTP status; nothing was done."""

    def __init__(self, code: str, message: str, *, status: int = 400, fields: Sequence[str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.fields = code, message, status, fields

    def answer(self) -> Answer:
        """Return the refusal as it travels."""
        return refused(self.code, self.message, status=self.status, fields=self.fields)


class RowRefusedError(Exception):
    """One record is refused; the others of the request may be done."""

    def __init__(self, code: str, message: str, fields: Sequence[str] = ()) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.fields = code, message, list(fields)

    def row(self) -> dict[str, Any]:
        """Return the row of a collection's answer that says so."""
        error = {"statusCode": self.code, "message": self.message, "fields": self.fields}
        return {"success": False, "errors": [error]}

    def text(self) -> str:
        """Return it as the `sf__Error` column of a bulk job says so."""
        return f"{self.code}:{self.message}:{','.join(self.fields)}--"


def refused(code: str, message: str, *, status: int = 400, fields: Sequence[str] | None = None) -> Answer:
    """Return an answer that refuses a request."""
    error: dict[str, Any] = {"message": message, "errorCode": code}
    if fields is not None:
        error["fields"] = list(fields)
    return json_answer([error], status, JSON)


def not_found(message: str = "The requested resource does not exist") -> RequestRefusedError:
    """Return the refusal for what is not there."""
    return RequestRefusedError("NOT_FOUND", message, status=404)

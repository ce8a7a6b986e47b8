"""What the org's objects hold, by describe: the only place that names of fields come from."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from recyclekit.errors import RefusedError, RemoteError, RetryableError, SignInError
from recyclekit_salesforce.answers import ExpiredLocatorError
from recyclekit_salesforce.columns import soql
from recyclekit_salesforce.transport import Transport


@dataclass(frozen=True)
class Described:
    """One object as our user sees it."""

    name: str
    answer: Mapping[str, Any] = field(repr=False)

    @cached_property
    def fields(self) -> Mapping[str, Mapping[str, Any]]:
        """Field name → its description, with names that can stand in a query."""
        return {str(one["name"]): one for one in self.answer["fields"] if isinstance(one, Mapping) and "name" in one}

    @cached_property
    def types(self) -> Mapping[str, str]:
        """Field name → type."""
        return {name: str(one.get("type", "string")) for name, one in self.fields.items()}

    @property
    def prefix(self) -> str:
        """The first three characters of its records' ids."""
        return str(self.answer.get("keyPrefix") or "")

    def has(self, *names: str) -> bool:
        """Whether our user sees all of these fields."""
        return all(name in self.fields for name in names)

    def only(self, names: Iterable[str]) -> list[str]:
        """Return those names that are fields here, each once, in order."""
        return [name for name in dict.fromkeys(names) if name in self.fields]

    def values(self, name: str) -> Mapping[str, bool]:
        """Return a picklist's values → whether they are active."""
        listed = self.fields.get(name, {}).get("picklistValues") or []
        return {str(one["value"]): bool(one.get("active", True)) for one in listed if one.get("value") is not None}


class Catalogue:
    """Describes each object once, when it is asked for; the doors of a connection share what they found."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._known: dict[str, Described | None] = transport.described
        self._lock = threading.RLock()

    def find(self, name: str) -> Described | None:
        """Return an object, or None where there is none of this name that our user sees."""
        with self._lock:
            if name not in self._known:
                self._known[name] = self._asked(name)
            return self._known[name]

    def get(self, name: str) -> Described:
        """Return an object that cannot be done without.

        Raises:
            SignInError: our user does not see it.
        """
        found = self.find(name)
        if found is None:
            what = f"The object {name} is not visible to the integration's user."
            raise SignInError(what, fix=f"Give the user read access to {name} (a permission set).")
        return found

    def forget(self) -> None:
        """Ask anew: fields were created."""
        with self._lock:
            self._known.clear()

    def _asked(self, name: str) -> Described | None:
        try:
            answer = self._transport.read_json(f"sobjects/{soql.name(name)}/describe", right=_is_described)
        except RefusedError as error:
            if error.code == "NOT_FOUND":
                return None
            raise
        return Described(name, answer)


def _is_described(answer: object) -> bool:
    return isinstance(answer, Mapping) and isinstance(answer.get("fields"), list)


def is_page(answer: object) -> bool:
    """Whether an answer is a page of a query's result."""
    if not isinstance(answer, Mapping) or not isinstance(answer.get("records"), list):
        return False
    return answer.get("done") is True or isinstance(answer.get("nextRecordsUrl"), str)


def query(transport: Transport, text: str, *, everything: bool = False) -> list[Mapping[str, Any]]:
    """Return all records of a query that brings few; pages are followed to the end.

    Args:
        transport: of the org.
        text: made by soql.select.
        everything: deleted and archived records as well.
    """
    first = transport.read_json("queryAll" if everything else "query", {"q": text}, is_page)
    return records_of(transport, first)


def records_of(transport: Transport, first: dict[str, Any]) -> list[Mapping[str, Any]]:
    """Return the records of a page and of all that follow it."""
    try:
        return [record for page in followed(transport, first) for record in page["records"]]
    except ExpiredLocatorError as error:
        raise RetryableError(error.what, why=error.why) from error


def followed(transport: Transport, first: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a page and those that follow it.

    Raises:
        ExpiredLocatorError: the way to the next page is gone.
        RemoteError: the pages turn in circles.
    """
    answer, seen = first, set[str]()
    yield answer
    while not answer["done"]:
        following = answer["nextRecordsUrl"]
        if following in seen:
            raise RemoteError("A query's pages turn in circles.", why="Salesforce names the same next page again.")
        seen.add(following)
        answer = transport.read_json(following, right=is_page)
        yield answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Among:
    """What to ask of records that are found by a column's values.

    Attributes:
        fields, table, where, children: as in soql.select.
        column: must hold one of the values.
        everything: deleted and archived records as well.
    """

    fields: Collection[str]
    table: str
    column: str
    where: soql.Where | None = None
    children: str = ""
    everything: bool = False

    def query(self, values: Sequence[str]) -> str:
        """Return the query for some of the values."""
        condition = soql.among(self.column, values)
        where = condition if self.where is None else condition & self.where
        return soql.select([*self.fields], self.table, where, children=self.children)


def query_among(transport: Transport, asked: Among, values: Collection[str]) -> list[Mapping[str, Any]]:
    """Return the records with any of these values, in as many queries as addresses can hold."""
    distinct = list(dict.fromkeys(values))
    found: list[Mapping[str, Any]] = []
    for part in soql.in_parts(distinct, asked.query(["x"])):
        found += query(transport, asked.query(part), everything=asked.everything)
    return found

"""Which record is associated with which, both ways round."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recyclekit.testing.sandbox.hubspot.object_types import PRIMARY, UNLABELLED

_INVERSE = {
    **{number: UNLABELLED[to, from_] for (from_, to), number in UNLABELLED.items()},
    **{number: PRIMARY[to, from_] for (from_, to), number in PRIMARY.items()},
}


@dataclass(frozen=True, slots=True)
class LinkType:
    """One kind of association; `label` is None where it has none."""

    number: int
    category: str = "HUBSPOT_DEFINED"
    label: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return it as the associations API shows it."""
        return {"category": self.category, "typeId": self.number, "label": self.label}

    def turned(self) -> LinkType:
        """Return the same association seen from the other end."""
        return LinkType(_INVERSE.get(self.number, self.number), self.category, self.label)


FIRST_LABEL = 30
_Ends = dict[str, dict[str, tuple[LinkType, ...]]]


class Links:
    """The associations of the portal: from a type's record to another type's records and how."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, str], _Ends] = defaultdict(dict)
        self._labels: list[tuple[frozenset[str], LinkType]] = []

    def of(self, from_: str, record_id: str, to: str) -> Mapping[str, tuple[LinkType, ...]]:
        """Return the records of type `to` that one record is associated with, in the order of association."""
        return self._ends[from_, to].get(record_id, {})

    def define(self, one: str, other: str, label: str) -> LinkType:
        """Make a label for associations between two types, the same from both ends."""
        made = LinkType(FIRST_LABEL + len(self._labels), "USER_DEFINED", label)
        self._labels.append((frozenset({one, other}), made))
        return made

    def kinds(self, from_: str, to: str) -> list[LinkType]:
        """Return the kinds of association that there are between two types."""
        own = [LinkType(UNLABELLED[from_, to])] if (from_, to) in UNLABELLED else []
        primary = [LinkType(PRIMARY[from_, to], label="Primary")] if (from_, to) in PRIMARY else []
        return [*own, *primary, *(kind for ends, kind in self._labels if ends == {from_, to})]

    def add(self, from_: str, record_id: str, to: str, to_id: str, types: Sequence[LinkType] = ()) -> bool:
        """Associate two records; return whether they were not associated before.

        Without types it is the unlabelled one, and for a first company the primary one beside it.
        """
        new = to_id not in self.of(from_, record_id, to)
        given = list(types) or self._usual(from_, record_id, to)
        unlabelled = UNLABELLED.get((from_, to))
        if unlabelled is not None and all(kind.number != unlabelled for kind in given):
            given.append(LinkType(unlabelled))
        self._put(from_, record_id, to, to_id, given)
        self._put(to, to_id, from_, record_id, [kind.turned() for kind in given])
        return new

    def remove(self, from_: str, record_id: str, to: str, to_id: str) -> None:
        """Part two records."""
        self._ends[from_, to].get(record_id, {}).pop(to_id, None)
        self._ends[to, from_].get(to_id, {}).pop(record_id, None)

    def _usual(self, from_: str, record_id: str, to: str) -> list[LinkType]:
        first_company = "companies" in (from_, to) and (from_, to) in PRIMARY and not self.of(from_, record_id, to)
        return [LinkType(PRIMARY[from_, to], label="Primary")] if first_company else []

    def _put(self, from_: str, record_id: str, to: str, to_id: str, types: Sequence[LinkType]) -> None:
        ends = self._ends[from_, to].setdefault(record_id, {})
        ends[to_id] = tuple(dict.fromkeys((*ends.get(to_id, ()), *types)))

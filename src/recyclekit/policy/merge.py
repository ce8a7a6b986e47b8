"""A policy file laid over the one that it extends, with the origin of every value kept for error messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from recyclekit.yaml_file import Document, Where, did_you_mean

_WHOLE = frozenset({"timing", "stalled_after"})
"""Keys that replace what they extend as a whole: half of one timing and half of another would be nonsense."""

_OF_THE_FILE = ("extends", "without")


@dataclass(frozen=True)
class Merged(Document):
    """An effective policy file. `where` names the file in which a value really stands."""

    origins: dict[Where, tuple[Document, Where]] = field(default_factory=dict, repr=False)
    problems: tuple[str, ...] = ()  # what is wrong with how the file builds on the other

    def where(self, where: Where, *, key: bool = False) -> str:
        """Return `file:line:column` of a value in the file that it comes from."""
        for length in range(len(where), -1, -1):
            if where[:length] in self.origins:
                document, start = self.origins[where[:length]]
                return document.where((*start, *where[length:]), key=key)
        return super().where(where, key=key)


def alone(document: Document) -> Merged:
    """Return a file that extends nothing."""
    return Merged(_without_file_keys(document.data), document.path, {}, origins={(): (document, ())})


def lay_over(base: Merged, own: Document) -> Merged:
    """Return `own` laid over `base`: own rules first, rules of the same name in place, mappings key by key.

    What is wrong with `without` is told in `problems`, so that it hides nothing else that is wrong.
    """
    problems = (*base.problems, *_wrongly_left_out(base, own))
    merged = Merged(dict(base.data), own.path, {}, origins=dict(base.origins), problems=problems)
    for key, value in _without_file_keys(own.data).items():
        if key != "rules":
            _lay(merged, merged.data, value, (key,), own)
    _lay_rules(merged, base, own)
    return merged


def _without_file_keys(data: Any) -> Any:
    return {key: value for key, value in data.items() if key not in _OF_THE_FILE} if isinstance(data, dict) else data


def _lay(merged: Merged, into: dict[str, Any], value: Any, where: Where, own: Document) -> None:
    key = where[-1]
    assert isinstance(key, str)
    below = into.get(key)
    if isinstance(below, dict) and isinstance(value, dict) and key not in _WHOLE:
        into[key] = dict(below)
        for inner, inner_value in value.items():
            _lay(merged, into[key], inner_value, (*where, inner), own)
        return
    into[key] = value
    _forget(merged, where)
    merged.origins[where] = (own, where)


def _forget(merged: Merged, where: Where) -> None:
    for known in [path for path in merged.origins if path[: len(where)] == where]:
        del merged.origins[known]


def _lay_rules(merged: Merged, base: Merged, own: Document) -> None:
    mine, theirs = _rules(own.data), _rules(base.data)
    without = own.data.get("without") or []
    without = without if isinstance(without, list) else []
    names = [_name(rule) for rule in theirs]
    if not (isinstance(own.data.get("rules", []), list) and isinstance(base.data.get("rules", []), list)):
        _lay(merged, merged.data, own.data.get("rules"), ("rules",), own)
        return
    replaced = {_name(rule): at for at, rule in enumerate(mine) if _name(rule) in names}
    placed = [(rule, own, at) for at, rule in enumerate(mine) if _name(rule) not in replaced]
    for at, (rule, name) in enumerate(zip(theirs, names, strict=True)):
        if name in replaced:
            placed.append((mine[replaced[name]], own, replaced[name]))
        elif name not in without:
            placed.append((rule, base, at))
    _forget(merged, ("rules",))
    merged.data["rules"] = [rule for rule, _, _ in placed]
    for index, (_, document, at) in enumerate(placed):
        merged.origins["rules", index] = (document, ("rules", at))


def _wrongly_left_out(base: Merged, own: Document) -> Iterator[str]:
    without = own.data.get("without") or []
    if not isinstance(without, list) or not all(isinstance(name, str) for name in without):
        yield f"{own.where(('without',))}: without: a list of rule names is expected"
        return
    known = [name for rule in _rules(base.data) if (name := _name(rule))]
    for at, name in enumerate(without):
        if name not in known:
            yield f"{own.where(('without', at))}: no inherited rule '{name}'{did_you_mean(name, known)}"


def _rules(data: Any) -> list[Any]:
    rules = data.get("rules", [])
    return rules if isinstance(rules, list) else []


def _name(rule: Any) -> str | None:
    name = rule.get("name") if isinstance(rule, dict) else None
    return name if isinstance(name, str) else None

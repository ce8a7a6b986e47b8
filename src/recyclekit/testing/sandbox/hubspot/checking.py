"""Whether a write is allowed: unknown and read-only properties, values, stages, owners, unique values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recyclekit.testing.sandbox.hubspot.object_types import OBJECT_TYPES
from recyclekit.testing.sandbox.hubspot.records import Record, Values
from recyclekit.testing.sandbox.hubspot.standard_properties import LIFECYCLE
from recyclekit.testing.sandbox.hubspot.values import Problem, kept

if TYPE_CHECKING:
    from recyclekit.testing.sandbox.hubspot.portal import Portal


@dataclass(slots=True)
class Checked:
    """What is left of a write after the check. `conflict` is the message of a 409; it names only one record."""

    values: Values = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    conflict: str = ""

    @property
    def fine(self) -> bool:
        """Whether it may be written."""
        return not self.problems and not self.conflict


class Checker:
    """Checks against a portal as it stands now."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def __call__(self, kind: str, given: Mapping[str, object], record: Record | None = None) -> Checked:
        """Check the properties of one input; `record` is what it would change, None where it would be made."""
        checked = Checked()
        for name, value in given.items():
            result = self._one(kind, name, value)
            if isinstance(result, Problem):
                checked.problems.append(result)
            else:
                checked.values[name] = result
        before = record.properties if record else {}
        checked.problems += self._beyond_one(kind, checked.values, before, new=record is None)
        checked.conflict = self._conflict(kind, checked.values, record)
        return checked

    def _one(self, kind: str, name: str, value: object) -> str | Problem | None:
        definition = self._portal.definitions[kind].open(name)
        if definition is None:
            return Problem(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
        if definition.read_only or definition.calculated:
            message = f'"{name}" is a read only property; its value cannot be set.'
            return Problem(name, "READ_ONLY_VALUE", message)
        return kept(definition, value)

    def _beyond_one(self, kind: str, values: Values, before: Values, *, new: bool) -> Iterator[Problem]:
        """Yield what is wrong with the values together, or with the record that they would make."""
        after = {**before, **values}
        if new:
            for name in OBJECT_TYPES[kind].required:
                if not values.get(name):
                    yield Problem(name, "REQUIRED_FIELD", f'Property "{name}" is required')
        if kind == "deals" and {"dealstage", "pipeline"} & values.keys():
            yield from self._stage(after)
        owner = values.get("hubspot_owner_id")
        if owner and owner != before.get("hubspot_owner_id"):
            known = self._portal.owners.get(owner)
            if known is None or known.archived:
                yield Problem("hubspot_owner_id", "INVALID_OWNER_ID", f"The owner {owner} does not exist.")
        stage, was = values.get("lifecyclestage"), before.get("lifecyclestage")
        if kind == "contacts" and stage and was and LIFECYCLE.index(stage) < LIFECYCLE.index(was):
            message = f"lifecyclestage cannot be moved back from {was} to {stage}; clear it first."
            yield Problem("lifecyclestage", "INVALID_LIFECYCLE_STAGE", message)

    def _stage(self, after: Mapping[str, str | None]) -> Iterator[Problem]:
        pipeline = self._portal.pipelines.get(after.get("pipeline") or "default")
        stage = after.get("dealstage") or ""
        if pipeline is None:
            yield Problem("pipeline", "INVALID_OPTION", f"{after.get('pipeline')} was not one of the allowed options")
        elif stage and stage not in pipeline.stages:
            message = f"{stage} was not one of the allowed options of pipeline {pipeline.id}"
            yield Problem("dealstage", "INVALID_OPTION", message)
        elif stage and pipeline.stages[stage].read_only:
            yield Problem("dealstage", "READ_ONLY_VALUE", f"The stage {stage} is read only.")
        for name in self._portal.required_by_stage.get(stage, ()):
            if not after.get(name):
                yield Problem(name, "REQUIRED_FIELD", f'Property "{name}" is required in stage {stage}')

    def _conflict(self, kind: str, values: Values, record: Record | None) -> str:
        for name in self._portal.definitions[kind].unique:
            holder = self._portal.by_unique(kind, name, values.get(name))
            if holder is not None and holder is not record:
                noun = OBJECT_TYPES[kind].singular.title()
                return f"{noun} already exists. Existing ID: {holder.id}"
        return ""

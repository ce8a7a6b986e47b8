"""The state of one HubSpot account, and the only place that changes it: every write is noted and takes effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from random import Random

from recyclekit.testing.sandbox.hubspot.checking import Checker
from recyclekit.testing.sandbox.hubspot.definitions import Definitions
from recyclekit.testing.sandbox.hubspot.effects import of_engagement, of_stage, stage_of
from recyclekit.testing.sandbox.hubspot.index import SearchIndex
from recyclekit.testing.sandbox.hubspot.links import Links, LinkType
from recyclekit.testing.sandbox.hubspot.lists import MemberList
from recyclekit.testing.sandbox.hubspot.object_types import ENGAGEMENTS, OBJECT_TYPES
from recyclekit.testing.sandbox.hubspot.owners import Owner
from recyclekit.testing.sandbox.hubspot.pipelines import Pipeline, sales_pipeline
from recyclekit.testing.sandbox.hubspot.records import API, Change, Origin, Record, Records, Values, iso
from recyclekit.testing.sandbox.hubspot.said import Speech

FIRST_ID = 12_000_000_001
FIRST_OWNER = 70_001
_CLOCKS = frozenset({"tasks", "notes", "calls", "emails", "meetings", "communications"})


class Portal:
    """One account.

    Args:
        activity_bumps: whether logging an activity on a deal also moves the deal's own modified date. HubSpot does not
            say; a connector must not rely on it.
    """

    def __init__(self, clock: Callable[[], datetime], seed: int, *, activity_bumps: bool = False) -> None:
        self.clock, self.activity_bumps = clock, activity_bumps
        self.chance = Random(seed)  # noqa: S311  # chance that can be repeated, no secret
        self.say = Speech(seed)
        self.number = 4_500_000 + seed
        self.objects: dict[str, Records] = {kind: Records() for kind in OBJECT_TYPES}
        self.definitions: dict[str, Definitions] = {kind: Definitions(kind) for kind in OBJECT_TYPES}
        self.indexes = {kind: SearchIndex(records, clock) for kind, records in self.objects.items()}
        self.pipelines: dict[str, Pipeline] = {"default": sales_pipeline()}
        self.owners: dict[str, Owner] = {}
        self.lists: dict[str, MemberList] = {}
        self.links = Links()
        self.merged: dict[tuple[str, str], str] = {}
        self.unsubscribed: dict[str, set[str]] = {}
        self.required_by_stage: dict[str, tuple[str, ...]] = {}
        self._unique: dict[tuple[str, str], dict[str, str]] = {}
        self._last = dict.fromkeys(OBJECT_TYPES, FIRST_ID - 1)
        self.check = Checker(self)

    def now(self) -> str:
        """Return the time as HubSpot writes it."""
        return iso(self.clock())

    def add_owner(self, name: str, *, archived: bool = False) -> Owner:
        """Make an owner; a name that is a number becomes the id."""
        owner_id = name if name.isdigit() else str(FIRST_OWNER + len(self.owners))
        self.owners[owner_id] = Owner(owner_id, f"{name}@example.com", name, "Example", archived)
        return self.owners[owner_id]

    # -- finding --------------------------------------------------------------------------------------------------

    def by_unique(self, kind: str, name: str, value: str | None) -> Record | None:
        """Return the live record that holds a unique value."""
        found = self._unique.get((kind, name), {}).get((value or "").lower())
        return self.objects[kind].live(found) if found else None

    def followed(self, kind: str, record_id: str) -> Record | None:
        """Return a record by its id, or by one that was merged into it: single calls follow, batches do not."""
        return self.objects[kind].get(self.merged.get((kind, record_id), record_id))

    # -- writing --------------------------------------------------------------------------------------------------

    def create(self, kind: str, values: Values, *, origin: Origin = API, record_id: str = "", at: str = "") -> Record:
        """Make a record of checked values; return it."""
        now = self.now()
        began = at or now
        number = int(record_id) if record_id else self._last[kind] + self.chance.randint(1, 5)
        self._last[kind] = max(self._last[kind], number)
        made = OBJECT_TYPES[kind]
        record = Record(str(number), {}, began, now, origin=origin)
        record.properties = {
            made.created: began,
            made.modified: now,
            "hs_object_id": record.id,
            "hs_object_source": origin.kind,
            **{name: value for name, value in values.items() if value is not None},
        }
        if kind == "deals":
            record.properties.setdefault("pipeline", "default")
            stage = stage_of(self.pipelines, record.properties)
            record.properties.update(of_stage(stage, {}, record.properties, began))
        record.created_at = record.properties[made.created] or began
        self._remember(kind, record, values)
        self.objects[kind].add(record)
        self.indexes[kind].note(record)
        return record

    def write(self, kind: str, record: Record, values: Mapping[str, str | None], *, origin: Origin = API) -> set[str]:
        """Write checked values on a record, with what follows from them; return the names of all that was written."""
        now = self.now()
        self._forget(kind, record, values)
        effect: Values = dict(values)
        if kind == "deals" and {"dealstage", "pipeline"} & values.keys():
            moved = {**record.properties, **values}
            effect |= of_stage(stage_of(self.pipelines, moved), record.properties, effect, now)
        for name, value in effect.items():
            self._keep(record, name, value, now, origin)
        self._remember(kind, record, values)
        self._modified(kind, record, now)
        if kind in ENGAGEMENTS and {"hs_timestamp", "hs_task_status"} & values.keys():
            for to in ("deals", "contacts", "companies"):
                for to_id in self.links.of(kind, record.id, to):
                    self._logged(kind, record, to, to_id)
        return set(effect)

    def archive(self, kind: str, record: Record) -> None:
        """Put a record into the bin."""
        self._forget(kind, record, dict.fromkeys(self.definitions[kind].unique))
        record.archived = True
        self.objects[kind].version += 1
        self.indexes[kind].note(record)
        for members in self.lists.values():
            if members.kind == kind:
                members.drop([record.id])

    def merge(self, kind: str, kept: Record, gone: Record) -> None:
        """Merge a record into another: its id lives on in the other's hs_merged_object_ids."""
        self.archive(kind, gone)
        self.merged[kind, gone.id] = kept.id
        before = kept.properties.get("hs_merged_object_ids")
        self.write(kind, kept, {"hs_merged_object_ids": f"{before};{gone.id}" if before else gone.id})

    def link(self, from_: str, record_id: str, to: str, to_id: str, types: Sequence[LinkType] = ()) -> None:
        """Associate two records, with what follows from it."""
        if not self.links.add(from_, record_id, to, to_id, types):
            return
        for kind, one, other, other_id in ((from_, record_id, to, to_id), (to, to_id, from_, record_id)):
            if kind in _CLOCKS:
                self._logged(kind, self.objects[kind][one], other, other_id)
            if (kind, other) == ("deals", "contacts"):
                people = str(len(self.links.of("deals", one, "contacts")))
                self.objects["deals"][one].properties["num_associated_contacts"] = people
            if (kind, other) == ("contacts", "companies"):
                self.objects["contacts"][one].properties.setdefault("associatedcompanyid", other_id)

    # -- what follows ---------------------------------------------------------------------------------------------

    def _logged(self, kind: str, engagement: Record, to: str, to_id: str) -> None:
        target = self.objects[to].live(to_id) if to not in ENGAGEMENTS else None
        if target is None:
            return
        target.properties.update(of_engagement(kind, engagement, target, self.now()))
        if self.activity_bumps:
            self._modified(to, target, self.now())
        else:
            self.objects[to].version += 1
            self.indexes[to].note(target)

    def _modified(self, kind: str, record: Record, now: str) -> None:
        record.updated_at = record.properties[OBJECT_TYPES[kind].modified] = now
        self.objects[kind].version += 1
        self.indexes[kind].note(record)

    @staticmethod
    def _keep(record: Record, name: str, value: str | None, now: str, origin: Origin) -> None:
        if record.properties.get(name) != value:
            record.history[name] = [Change(value, now, origin), *record.changes(name)]
        if value is None:
            record.properties.pop(name, None)
        else:
            record.properties[name] = value

    def _remember(self, kind: str, record: Record, values: Mapping[str, str | None]) -> None:
        for name in self.definitions[kind].unique:
            value = values.get(name)
            if value:
                self._unique.setdefault((kind, name), {})[value.lower()] = record.id

    def _forget(self, kind: str, record: Record, values: Mapping[str, str | None]) -> None:
        for name in self.definitions[kind].unique:
            before = record.properties.get(name)
            if name in values and before:
                self._unique.get((kind, name), {}).pop(before.lower(), None)

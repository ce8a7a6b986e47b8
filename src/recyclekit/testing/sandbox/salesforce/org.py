"""One org: its objects and fields, who may see which, its users, its records, and what time it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from recyclekit.testing.sandbox.salesforce.fields import Field, pick
from recyclekit.testing.sandbox.salesforce.objects import ObjectType
from recyclekit.testing.sandbox.salesforce.refusals import RequestRefusedError
from recyclekit.testing.sandbox.salesforce.standard import STAGES, TASK_STATUSES, standard_objects
from recyclekit.testing.sandbox.salesforce.store import Record, Store
from recyclekit.testing.sandbox.salesforce.values import instant

Validation = Callable[[str, dict[str, Any]], tuple[str, str] | None]
"""A validation rule of the org: object and values to be written → field and message where it refuses, or None."""


class Org:
    """The state. `hidden` and `locked` hold (object, field) pairs that the integration's user cannot see, or write."""

    def __init__(self, clock: Callable[[], datetime], timezone: str = "UTC") -> None:
        self.clock, self.timezone = clock, ZoneInfo(timezone)
        self.store = Store(standard_objects())
        self._names = {name.lower(): name for name in self.store.types}
        self.hidden: set[tuple[str, str]] = set()
        self.locked: set[tuple[str, str]] = set()
        self.validations: list[Validation] = []
        self.organization = self.put("Organization", Name="Sandbox", OrganizationType="Enterprise Edition").id
        self.robot = self._user("Integration", "recyclekit@example.com")
        self.person = self._user("Yamada", "yamada@example.com")
        self.permission_set = self.put("PermissionSet", Name="recyclekit", Label="recyclekit").id
        self.put("PermissionSetAssignment", AssigneeId=self.robot, PermissionSetId=self.permission_set)
        for stage, probability, category in STAGES:
            self.add_stage(stage, probability=probability, category=category)
        for n, status in enumerate(TASK_STATUSES, 1):
            closed, first = status == "Completed", n == 1
            self.put("TaskStatus", MasterLabel=status, ApiName=status, IsClosed=closed, IsDefault=first, SortOrder=n)

    # -- time and people --------------------------------------------------------------------------------------------

    def now(self) -> str:
        """Return the moment as it is stored."""
        return instant(self.clock())

    def today(self) -> date:
        """Return the date in the zone of the integration's user, which date literals mean."""
        return self.clock().astimezone(self.timezone).date()

    def _user(self, last_name: str, username: str, **more: Any) -> str:
        fields = {"Username": username, "LastName": last_name, "Name": last_name, "Email": username, **more}
        return self.put(
            "User", **{"IsActive": True, "UserType": "Standard", "TimeZoneSidKey": str(self.timezone), **fields}
        ).id

    def add_user(self, name: str, *, active: bool = True) -> str:
        """Add a user and return the id."""
        return self._user(name, f"{name.lower().replace(' ', '.')}@example.com", IsActive=active)

    def add_stage(self, label: str, *, probability: int = 50, category: str = "Pipeline") -> None:
        """Add an opportunity stage: category Closed means won, Omitted lost, anything else open."""
        closed, known = category in {"Closed", "Omitted"}, len(self.store.records["OpportunityStage"])
        flags = {"IsActive": True, "IsClosed": closed, "IsWon": category == "Closed", "SortOrder": known + 1}
        forecast = {"DefaultProbability": float(probability), "ForecastCategoryName": category}
        self.put("OpportunityStage", MasterLabel=label, ApiName=label, **flags, **forecast)
        self._let_take("Opportunity", "StageName", label)

    def stages(self) -> dict[str, Record]:
        """Return the stages by their name."""
        return {record.get("ApiName"): record for record in self.store.living("OpportunityStage")}

    def _let_take(self, type_name: str, field: str, value: str) -> None:
        known = self.type(type_name).find(field)
        if known and value not in known.values:
            self.type(type_name).add(pick(field, *known.values, value, label=known.label, required=known.required))

    # -- what there is ----------------------------------------------------------------------------------------------

    def types(self, *, tooling: bool = False) -> Iterator[ObjectType]:
        """Yield the objects of the data API, or those of the tooling API."""
        return (each for each in self.store.types.values() if each.tooling == tooling)

    def type(self, name: str, *, code: str = "INVALID_TYPE") -> ObjectType:
        """Return the object of this name in any mixture of cases.

        Raises:
            RequestRefusedError: there is none.
        """
        known = self._names.get(name.lower())
        if known is None:
            raise RequestRefusedError(
                code,
                f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to "
                "append the '__c' after the entity name. Please reference your WSDL or the describe call for the "
                "appropriate names.",
            )
        return self.store.types[known]

    def visible(self, type_: ObjectType, name: str) -> Field | None:
        """Return the field where the integration's user may see it; a hidden one looks as if it did not exist."""
        known = type_.find(name)
        return None if known is None or (type_.name, known.name) in self.hidden else known

    def fields(self, type_: ObjectType) -> list[Field]:
        """Return the fields that the integration's user may see, as they are to that user."""
        from dataclasses import replace

        seen = (each for each in type_ if (type_.name, each.name) not in self.hidden)
        return [
            replace(each, create=False, update=False) if (type_.name, each.name) in self.locked else each
            for each in seen
        ]

    def add_field(self, type_name: str, new: Field, *, hidden: bool = False) -> None:
        """Add a field to an object; `hidden` as one is that nobody was given a permission for."""
        type_ = self.type(type_name)
        type_.add(new)
        if hidden:
            self.hidden.add((type_.name, new.name))

    # -- records without any check ----------------------------------------------------------------------------------

    def put(self, type_name: str, **values: Any) -> Record:
        """Add a record as it is, without a check and without a consequence; returns it."""
        type_ = self.store.types[type_name]
        now, robot = self.now(), getattr(self, "robot", None)
        start: dict[str, Any] = {
            "Id": self.store.next_id(type_), "IsDeleted": False, "CreatedDate": now, "LastModifiedDate": now,
            "SystemModstamp": now, "CreatedById": robot, "LastModifiedById": robot,
        }  # fmt: skip
        for each in type_:
            if each.type == "boolean" and each.name not in start:
                start[each.name] = bool(each.default)
        merged = {name: value for name, value in {**start, **values}.items() if value is not None}
        record = Record(type_name, merged["Id"], merged)
        self.store.add(record)
        return record

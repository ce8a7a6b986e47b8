"""A plan is data: every write that a run intends, with its key, before it happens. Making one touches nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import StrEnum

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from recyclekit.models.hand_back import no_hand_backs
from recyclekit.models.memory import ENDED_CYCLES, UNFINISHED
from recyclekit.models.snapshot import Finding


class ActionKind(StrEnum):
    """The kinds of write. The last three undo the first three, one for one."""

    SET_FIELDS = "set_fields"
    CREATE_TASK = "create_task"
    ENROL = "enrol"
    RESTORE_FIELDS = "restore_fields"
    REMOVE_TASK = "remove_task"
    UNENROL = "unenrol"


class Change(StrEnum):
    """How a plan line reads: a deal enters recycling, changes within it, or leaves it."""

    ADD = "+"
    CHANGE = "~"
    REMOVE = "-"


ACTIONS = {
    "key": pl.String,  # idempotency key, unique within a pipeline for ever; readable: deal, cycle, step
    "kind": pl.Enum(ActionKind),
    "deal_id": pl.String,
    "cycle": pl.Int16,
    "step": pl.String,
    "change": pl.Enum(Change),
    "rule": pl.String,
    "track": pl.String,
    "payload": pl.String,  # JSON object: what to write (canonical field → value)
    "before": pl.String,  # JSON object: our own fields as they were when planned; null for tasks and enrolments
    "fingerprint": pl.String,  # of the deal's decision fields when planned
}
"""Columns of a plan's actions, in the order of writing. Payloads hold dates, codes and ids, never a person's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One intended write, as a sink receives it.

    `payload` by kind: set_fields: own field → new value (None clears); create_task: subject, due_on, channel, owner,
    step, track, reason, hook; enrol: track, list, from_on; restore_fields: field → value to put back, with `expect`
    holding what must still stand there; remove_task / unenrol: the payload of what is removed.
    """

    key: str
    kind: ActionKind
    deal_id: str
    cycle: int
    step: str | None
    payload: Mapping[str, object]
    before: Mapping[str, object] | None = None
    fingerprint: str | None = None
    remote_id: str | None = None  # of what an undo removes


class PolicyStamp(BaseModel):
    """Which policy decided: stamped on plans and runs."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    hash: str = Field(description="SHA-256 over the policy's content, first 16 hex digits.")


class Manifest(BaseModel):
    """The readable half of a saved plan; the actions lie beside it in a Parquet file that `actions_sha256` seals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    run: str
    pipeline: str
    as_of: date
    made_at: datetime
    policy: PolicyStamp
    deals: int = Field(description="Deals extracted, dead letters included.")
    dead_letters: int
    by_status: dict[str, int]
    by_reason: dict[str, int]
    by_verdict: dict[str, int]
    by_rule: dict[str, int]
    by_track: dict[str, int]
    by_bucket: dict[str, int]
    actions: dict[str, int] = Field(description="Intended writes by kind.")
    changes: dict[str, int] = Field(default_factory=dict, description="Deals by +, ~, -.")
    calls: int = Field(description="Forecast of API calls that applying takes.")
    sums_close: bool
    readings: dict[str, dict[str, tuple[str, ...]]] = Field(
        default_factory=dict, description="Table → column → format(s) that undeclared dates and numbers were found in."
    )
    guards: list[str] = Field(default_factory=list, description="Change guards that this plan trips, in words.")
    beside: dict[str, str] = Field(
        default_factory=dict,
        description="Further files beside the manifest (ended cycles, dead letters): name → SHA-256.",
    )
    actions_file: str | None = None
    actions_sha256: str | None = None
    seal: str | None = Field(default=None, description="SHA-256 over all the rest: an edit by hand is noticed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run's decisions and intended writes. `decisions` has the columns SCHEDULED, `actions` the columns ACTIONS.

    `handed_back` has the columns HANDED_BACK; `ended_cycles` leaves out those that end with it.
    """

    manifest: Manifest
    actions: pl.DataFrame
    decisions: pl.DataFrame
    dead_letters: pl.DataFrame
    findings: tuple[Finding, ...] = ()
    ended_cycles: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=ENDED_CYCLES))
    handed_back: pl.DataFrame = field(default_factory=no_hand_backs)
    unmapped: pl.DataFrame = field(default_factory=pl.DataFrame)  # reason values in no picklist: value, deals, amount
    unfinished: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=UNFINISHED))  # runs that stopped early

    def scan_actions(self) -> pl.LazyFrame:
        """Return the actions for whoever does not need all of them in memory."""
        return self.actions.lazy()

    def scan_decisions(self) -> pl.LazyFrame:
        """Return the decisions for whoever does not need all of them in memory."""
        return self.decisions.lazy()

    def in_memory(self) -> Plan:
        """Return the same plan with all its tables in memory."""
        return self

    @property
    def writes(self) -> int:
        """The number of actions."""
        return self.actions.height

    @property
    def does_nothing(self) -> bool:
        """Whether applying it would change nothing, neither in a CRM nor in the ledger."""
        return not self.writes and self.handed_back.is_empty()


class PlanInFiles(Plan):
    """A plan of more deals than memory holds: actions and decisions lie in files; asked for whole, they are read anew.

    Args:
        rest: the plan without them.
        actions: columns ACTIONS, lazily.
        decisions: columns SCHEDULED and what the deals are worth, lazily.
        shelf: what the files are kept by.
    """

    __slots__ = ("_actions", "_decisions", "_shelf")
    _actions: pl.LazyFrame
    _decisions: pl.LazyFrame

    def __init__(self, rest: Plan, actions: pl.LazyFrame, decisions: pl.LazyFrame, shelf: object) -> None:
        for name in (one.name for one in fields(Plan) if one.name not in ("actions", "decisions")):
            object.__setattr__(self, name, getattr(rest, name))
        for name, value in {"_actions": actions, "_decisions": decisions, "_shelf": shelf}.items():
            object.__setattr__(self, name, value)

    @property
    def actions(self) -> pl.DataFrame:
        return self._actions.collect()

    @property
    def decisions(self) -> pl.DataFrame:
        return self._decisions.collect()

    def scan_actions(self) -> pl.LazyFrame:
        return self._actions

    def scan_decisions(self) -> pl.LazyFrame:
        return self._decisions

    def in_memory(self) -> Plan:
        return Plan(**{one.name: getattr(self, one.name) for one in fields(Plan)})

    @property
    def writes(self) -> int:
        return sum(self.manifest.actions.values())

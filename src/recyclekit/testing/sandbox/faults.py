"""What may go wrong, for every vendor in the same words: which fault, for which calls, when and how often."""

from __future__ import annotations

import threading
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from recyclekit.testing.sandbox.wire import Request


class FaultKind(StrEnum):
    """The faults. The first group strikes instead of the work, the second after it, the last single records."""

    STATUS = "status"  # an error answer in the vendor's words: 429, 5xx, 530, 403 …
    HTML = "html"  # an error page of the gateway instead of JSON
    DAILY_QUOTA = "daily_quota"  # the quota of the day is spent
    RESET = "reset"  # the connection is reset before anything happened
    SILENCE = "silence"  # no answer before anything happened; the client must give up by itself
    LYING_200 = "lying_200"  # 200, and nothing was done
    SLOW = "slow"  # the sandbox's clock goes on by `seconds`, then the work is done
    TOKEN_EXPIRED = "token_expired"  # noqa: S105  # every token handed out so far is dead from this call on
    STALE_INDEX = "stale_index"  # the search index falls `seconds` behind from this call on

    CUT_OFF = "cut_off"  # done, and the connection ends in the middle of the answer
    LOST_ANSWER = "lost_answer"  # done, and the answer never comes; `how` says what comes instead

    PARTIAL = "partial"  # `rows` records of the call fail with `code`, the others are done
    LOCK_ROW = "lock_row"  # a record is locked for its first `times` calls
    POISON = "poison"  # a record is refused for ever with `code` and `field`


ON_RECORDS = frozenset({FaultKind.LOCK_ROW, FaultKind.POISON})


class Fault(BaseModel):
    """One fault and its schedule.

    Calls that fit `method` and `path` are counted; `skip` of them pass first, then every `every`-th is struck, with
    `probability`, at most `times` times (None: for ever). LOCK_ROW and POISON count for each record apart, and draw
    `probability` once a record.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind = Field(description="what goes wrong")
    method: str = Field("*", description="GET, POST …, or * for any")
    path: str = Field("*", description="a pattern: */deals/batch/update")
    skip: int = Field(0, ge=0, description="let so many fitting calls pass first")
    every: int = Field(1, ge=1, description="then strike every n-th")
    times: int | None = Field(1, ge=1, description="strike so often, then never again; null: for ever")
    probability: float = Field(1.0, ge=0, le=1, description="strike only so often, drawn from the sandbox's seed")

    status: int = Field(503, ge=200, le=599, description="for status, html and (a 2xx) lying_200: the HTTP status")
    retry_after: float | None = Field(None, ge=0, description="for status: the Retry-After header, in seconds")
    policy: str = Field("", description="for status 429: the vendor's name of the limit, such as TEN_SECONDLY_ROLLING")
    message: str = Field("", description="the vendor's message, where its own words do not do")
    body: str | None = Field(None, description="for lying_200: what it says; an HTML page where left out")
    applied: bool = Field(default=False, description="for lying_200: the work is done, and only the answer is rubbish")
    seconds: float = Field(0.0, ge=0, description="for slow and stale_index")
    how: Annotated[str, Field(pattern="^(close|reset|silence)$")] = Field("close", description="for lost_answer")
    record: str = Field("*", description="for lock_row and poison: a pattern of the record's id or unique key")
    rows: int = Field(1, ge=1, description="for partial: how many records of the call fail")
    code: str = Field("", description="for partial and poison: the vendor's code")
    field: str = Field("", description="for partial and poison: the vendor's field")


class FaultFile(BaseModel):
    """A file of faults for `recyclekit sandbox --faults`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    faults: tuple[Fault, ...] = Field(description="each is asked in this order; the first that strikes a call wins")


def read_faults(path: Path) -> tuple[Fault, ...]:
    """Return the faults of a YAML file.

    Raises:
        ConfigError: with every error at its line.
    """
    from recyclekit.yaml_file import load, validate

    return validate(load(path), FaultFile).faults


class Faults:
    """The faults in force. May be changed while calls come in."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self._added = 0

    def add(self, *faults: Fault) -> None:
        """Put faults into force, behind those that are."""
        with self._lock:
            for fault in faults:
                self._added += 1
                self._armed.append(_Armed(fault, f"{self._seed}/{self._added}"))

    def clear(self) -> None:
        """Let everything work again."""
        with self._lock:
            self._armed.clear()

    def strike(self, request: Request) -> Fault | None:
        """Return the fault that strikes this call, or None. Every fault that fits counts the call until one strikes."""
        with self._lock:
            for armed in self._armed:
                if armed.fault.kind not in ON_RECORDS and armed.fits(request) and armed.strikes():
                    return armed.fault
        return None

    def strike_record(self, request: Request, *names: str) -> Fault | None:
        """Return the fault that strikes one record of this call, known by any of these names, or None."""
        with self._lock:
            for armed in self._armed:
                if armed.fault.kind in ON_RECORDS and armed.fits(request) and armed.strikes_record(names):
                    return armed.fault
        return None

    @property
    def on_records(self) -> bool:
        """Whether any fault in force is for single records: nobody needs to ask for each otherwise."""
        return any(armed.fault.kind in ON_RECORDS for armed in self._armed)


class _Armed:
    """A fault in force, with its counters."""

    def __init__(self, fault: Fault, seed: str) -> None:
        self.fault, self._seed = fault, seed
        self._chance = Random(seed)  # noqa: S311  # chance that can be repeated, no secret
        self._met = self._struck = 0
        self._records: dict[str, _Armed] = {}

    def fits(self, request: Request) -> bool:
        return fnmatchcase(request.method, self.fault.method) and fnmatchcase(request.path, self.fault.path)

    def strikes(self) -> bool:
        fault = self.fault
        if fault.times is not None and self._struck >= fault.times:
            return False
        self._met += 1
        late = self._met - fault.skip
        if late < 1 or late % fault.every or (fault.probability < 1 and self._chance.random() >= fault.probability):
            return False
        self._struck += 1
        return True

    def strikes_record(self, names: tuple[str, ...]) -> bool:
        name = next((n for n in names if n and fnmatchcase(n, self.fault.record)), None)
        if name is None or Random(f"{self._seed}/{name}").random() >= self.fault.probability:  # noqa: S311
            return False
        if self.fault.kind is FaultKind.POISON:
            return True
        sure = self.fault.model_copy(update={"probability": 1.0})
        return self._records.setdefault(name, _Armed(sure, self._seed)).strikes()

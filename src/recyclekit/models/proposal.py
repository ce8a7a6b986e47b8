"""A plan that waits for a person's word: what is known of it, and what was decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from recyclekit.errors import DecidedError, StalePlanError
from recyclekit.models.plan import Manifest

PLAN_AGAIN = "Make a new plan: start the run again, or recyclekit plan --out plan.json"


class ProposalState(StrEnum):
    """Only a waiting proposal can be decided on. `applied`: every write of it that could be made was made."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    APPLIED = "applied"


class Cause(StrEnum):
    """Why the plan was not written at once."""

    APPROVAL = "approval"
    """The pipeline asks for approval."""
    GUARD = "guard"
    """A change guard of the policy stopped it."""


class Door(StrEnum):
    """Where a decision came from."""

    SHELL = "shell"
    PREFECT = "prefect"


_FROM = {Door.SHELL: "a shell", Door.PREFECT: "Prefect"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A person's word on a proposal; `limit` and `without` narrow an approval (models.narrowing)."""

    approve: bool
    door: Door
    limit: int | None = None
    without: tuple[str, ...] = ()

    @property
    def terms(self) -> tuple[bool, int | None, tuple[str, ...]]:
        """What was decided, whichever door it came through."""
        return self.approve, self.limit, tuple(sorted(self.without))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan as the ledger keeps it until somebody decides. `sha256` seals manifest and tables together."""

    run: str
    pipeline: str
    state: ProposalState
    cause: Cause
    manifest: Manifest
    sha256: str
    expires_at: datetime
    flow_run: str | None = None
    verdict: Verdict | None = None
    decided_at: datetime | None = None


def repeated(known: Proposal, verdict: Verdict) -> Proposal:
    """Return a proposal that does not wait, if the same was said of it before.

    Raises:
        DecidedError: something else was said. StalePlanError: nobody said anything in time.
    """
    if known.verdict is not None and known.verdict.terms == verdict.terms:
        return known
    if known.verdict is not None:
        raise DecidedError(
            f"The plan of run {known.run} was {_said(known.verdict)} before, from {_FROM[known.verdict.door]}.",
            why="The first word counts, so that what is written is what one person approved.",
            fix=f"`recyclekit runs {known.run}` shows what became of it.",
        )
    if known.state is ProposalState.EXPIRED:
        raise StalePlanError(
            f"The plan of run {known.run} waited too long: it expired at {known.expires_at:%Y-%m-%d %H:%M} UTC.",
            why="Too much has changed for what it says (`approval_hours` of the pipeline sets how long a plan waits).",
            fix=PLAN_AGAIN,
        )
    raise StalePlanError(
        f"The plan of run {known.run} was replaced by a newer one of pipeline {known.pipeline}.",
        why="Only the newest plan of a pipeline can be approved.",
        fix="`recyclekit runs` shows which one waits.",
    )


def _said(verdict: Verdict) -> str:
    if not verdict.approve:
        return "rejected"
    limit = [f"at most {verdict.limit:,} deals"] if verdict.limit is not None else []
    without = [f"without {', '.join(verdict.without)}"] if verdict.without else []
    terms = ", ".join([*limit, *without])
    return f"approved ({terms})" if terms else "approved as it is"

"""A plan that waits for a person's word: what is known of it, and what was decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from recyclekit.models.plan import Manifest


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

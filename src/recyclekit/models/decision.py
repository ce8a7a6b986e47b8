"""The decision on a deal: status, reason, verdict, the rule that fired; and the buckets whose sums must close."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from polars._typing import PolarsDataType


class Status(StrEnum):
    """What a deal is today. `undated`: open, without any activity date, so the clock cannot judge it."""

    WON = "won"
    LOST = "lost"
    STALLED = "stalled"
    OPEN = "open"
    UNDATED = "undated"


class Verdict(StrEnum):
    """What the policy says of it. `none`: no rule concerns it (won, open, undated)."""

    RECYCLE = "recycle"
    WAIT = "wait"
    EXCLUDE = "exclude"
    REVIEW = "review"
    NONE = "none"


class Bucket(StrEnum):
    """Where an extracted deal ended up; every one is in exactly one."""

    SCHEDULED = "scheduled"
    WAITING = "waiting"
    EXCLUDED = "excluded"
    REVIEW = "review"
    NONE = "none"
    DEAD_LETTER = "dead_letter"


STATUS = pl.Enum(Status)
VERDICT = pl.Enum(Verdict)
BUCKET = pl.Enum(Bucket)
NAME = pl.Categorical()
"""Of columns in which few names stand in many rows: a number each, a quarter of what the texts would take."""

ERASED = "(erased)"
"""The rule of deals whose person was erased; no rule of a policy can be called so."""
MISSING_REASON = "missing"
"""Reported where a lost deal has no reason at all (`reason` is null and `reason_source` is `none`)."""
UNCLEAR_REASON = "unclear"
"""Reported where a reason is there but nobody can say which is meant (`reason` is null, `reason_source` `unclear`)."""

CLASSIFIED: dict[str, PolarsDataType] = {
    "deal_id": pl.String,
    "status": STATUS,
    "reason": NAME,  # canonical code; null where none is known
    "reason_source": NAME,  # picklist | text | unclear | none; null where the status needs no reason
    "verdict": VERDICT,
    "rule": NAME,  # name of the first rule that matched; null where none did
    "track": NAME,  # null unless the verdict is recycle or wait
    "wait_until": pl.Date,  # end of the cool-off, where the verdict is wait
    "inactive_days": pl.Int32,  # whole business-zone days since the last human contact
    "activity_source": NAME,  # which event set the clock: call, email, …, crm (the CRM's own field)
    "cycle": pl.Int16,  # the cycle that a recycle would be or is in, 1 for the first
    "fingerprint": pl.String,  # stable hash of the decision fields, for the drift check
}
"""Columns of stage 3's result, one row per deal, in the order of the deals. Columns that later stages need from the
deal itself (amount, owner, account_id, the three fields filled in by sales, our own fields) are joined by deal_id."""

SCHEDULED: dict[str, PolarsDataType] = {
    **CLASSIFIED,
    "bucket": BUCKET,
    "step": NAME,  # name of the track's step that the next touch is
    "next_approach_on": pl.Date,  # of the next touch; set only where the bucket is scheduled
    "owner": NAME,  # who makes it
    "channel": NAME,  # phone | mail | meeting | newsletter
    "hook": pl.String,  # what to come back with: sales' own text, else the track's
    "note": NAME,  # why a date was moved, a default used, or nothing could be placed
}
"""Columns of stage 4's decisions, one row per deal: what the decisions file shows."""

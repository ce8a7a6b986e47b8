"""The rules over a frame of facts: the first that matches decides, one that lacks a value abstains."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from recyclekit.models.decision import VERDICT, Status, Verdict
from recyclekit.policy.facts import REASON
from recyclekit.policy.loader import Policy

JUDGED = (Status.LOST, Status.STALLED)
"""The statuses that rules speak of; won, open and undated deals are left alone whatever a policy says."""


def judge(frame: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Return `verdict`, `rule`, `track` and `wait_until` per row of facts: the first rule that matches decides."""
    rules = policy.spec.rules
    matches = frame.lazy().select(c.expr.alias(str(at)) for at, c in enumerate(policy.conditions)).collect()
    winner = _first_match(matches.get_columns(), frame["status"].is_in([s.value for s in JUDGED]))
    verdicts = pl.Series([Verdict.NONE.value, *(rule.verdict for rule in rules)], dtype=VERDICT)
    names = pl.Series([None, *(rule.name for rule in rules)], dtype=pl.String)
    named_tracks = pl.Series([None, *(rule.track for rule in rules)], dtype=pl.String)
    reason_tracks = pl.Series([policy.spec.reason_tracks.get(code) for code in REASON.categories], dtype=pl.String)
    judged = pl.DataFrame(
        {
            "verdict": verdicts.gather(winner),
            "rule": names.gather(winner),
            "track": named_tracks.gather(winner),
            "by_reason": reason_tracks.gather(frame["reason"].to_physical()),
        }
    )
    recycle, wait = (pl.col("verdict") == v.value for v in (Verdict.RECYCLE, Verdict.WAIT))
    return judged.with_columns(
        track=pl.when(recycle | wait).then(pl.coalesce("track", "by_reason")),
        wait_until=_wait_until(frame, winner, [rule.until for rule in rules]),
    ).select(
        # Without a track there is nothing to plan: a person must look. `policy check` names the reason.
        verdict=pl.when(recycle & pl.col("track").is_null()).then(pl.lit("review", dtype=VERDICT)).otherwise("verdict"),
        rule="rule",
        track="track",
        wait_until="wait_until",
    )


def _first_match(matches: Sequence[pl.Series], judged: pl.Series) -> pl.Series:
    """Return the number of the first rule that matches, from 1; 0 where none does. Null abstains.

    The answer is put together bit by bit from whole bitmaps, so that two hundred rules cost little more than twenty.
    """
    width = max(len(matches).bit_length(), 1)
    bits = [pl.repeat(value=False, n=judged.len(), eager=True) for _ in range(width)]
    undecided = judged.fill_null(value=False)
    for number, match in enumerate(matches, start=1):
        hit = match.fill_null(value=False) & undecided
        undecided = undecided & ~hit
        bits = [bit | hit if number >> place & 1 else bit for place, bit in enumerate(bits)]
    total = bits[0].cast(pl.UInt16)
    for place, bit in enumerate(bits[1:], start=1):
        total = total + bit.cast(pl.UInt16) * (1 << place)
    return total


def _wait_until(frame: pl.DataFrame, winner: pl.Series, until: Sequence[str | None]) -> pl.Series:
    found = pl.lit(None, dtype=pl.Date)
    for number, name in enumerate(until, start=1):
        if name is not None:
            found = pl.when(pl.col("_winner") == number).then(pl.col(name)).otherwise(found)
    return frame.with_columns(_winner=winner).with_columns(wait_until=found)["wait_until"]

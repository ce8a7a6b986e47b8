"""The rules over a frame of facts: the first that matches decides, one that lacks a value abstains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from recyclekit.models.decision import NAME, VERDICT, Status, Verdict
from recyclekit.policy.facts import REASON
from recyclekit.policy.loader import Policy

JUDGED = (Status.LOST, Status.STALLED)
"""The statuses that rules speak of; won, open and undated deals are left alone whatever a policy says."""

AT_ONCE: Final = 32
"""Rules that are asked together; most policies have fewer."""


def judge(frame: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Return `verdict`, `rule`, `track` and `wait_until` per row of facts: the first rule that matches decides."""
    rules = policy.spec.rules
    winner = _winners(frame, policy, frame["status"].is_in([s.value for s in JUDGED]))
    verdicts = pl.Series([Verdict.NONE.value, *(rule.verdict for rule in rules)], dtype=VERDICT)
    names = pl.Series([None, *(rule.name for rule in rules)], dtype=NAME)
    named_tracks = pl.Series([None, *(rule.track for rule in rules)], dtype=NAME)
    reason_tracks = pl.Series([policy.spec.reason_tracks.get(code) for code in REASON.categories], dtype=NAME)
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


def _winners(frame: pl.DataFrame, policy: Policy, judged: pl.Series) -> pl.Series:
    """Return the number of the first rule that matches, from 1; 0 where none does. Null abstains.

    Rules are asked in parts, and each part only about the deals that are still undecided once those are fewer.
    """
    found = pl.Series([0], dtype=pl.UInt16).new_from_index(0, frame.height)
    many = len(policy.conditions) > AT_ONCE
    rows, undecided = None, judged.fill_null(value=False)
    asked = frame.select(policy.reads) if many else frame
    for start in range(0, len(policy.conditions), AT_ONCE):
        part = policy.conditions[start : start + AT_ONCE]
        if many and undecided.sum() < 0.8 * undecided.len():
            rows = undecided.arg_true() if rows is None else rows.filter(undecided)
            asked, undecided = asked.filter(undecided), undecided.filter(undecided)
        matches = asked.lazy().select(c.expr.alias(str(at)) for at, c in enumerate(part)).collect()
        first = _first_match(matches.get_columns(), undecided)
        hit = first > 0
        undecided = undecided & ~hit
        places = hit.arg_true() if rows is None else rows.filter(hit)
        found = found.scatter(places, first.filter(hit) + start)
    return found


def _first_match(matches: Sequence[pl.Series], undecided: pl.Series) -> pl.Series:
    """Return the number of the first bitmap that is true, from 1, put together bit by bit; 0 where none is.

    Whole bitmaps are combined, a fraction of a byte per deal and rule, where a chain of `when` copies a value for each.
    """
    bits = [pl.repeat(value=False, n=undecided.len(), eager=True) for _ in range(len(matches).bit_length())]
    for number, match in enumerate(matches, start=1):
        hit = match.fill_null(value=False) & undecided
        undecided = undecided & ~hit
        bits = [bit | hit if number >> place & 1 else bit for place, bit in enumerate(bits)]
    total = bits[0].cast(pl.UInt16)
    for place, bit in enumerate(bits[1:], start=1):
        total = total + bit.cast(pl.UInt16) * (1 << place)
    return total


def _wait_until(frame: pl.DataFrame, winner: pl.Series, until: Sequence[str | None]) -> pl.Series:
    found = pl.repeat(None, pl.len(), dtype=pl.Date)
    for number, name in enumerate(until, start=1):
        if name is not None:
            found = pl.when(pl.col("_winner") == number).then(pl.col(name)).otherwise(found)
    # Only what is read: a frame of parts that differ in length is copied as a whole.
    read = winner.to_frame("_winner").hstack([frame[name] for name in {*until} if name is not None])
    return read.select(found.alias("wait_until")).to_series()

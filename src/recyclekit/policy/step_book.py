"""All steps of all tracks as columns, one row per step, so that a million touches only gather from them."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from recyclekit.policy.spec import PolicySpec

_STEPS = {
    "track": pl.String,
    "number": pl.Int32,  # 0 for the track's first
    "count": pl.Int32,  # steps of the track
    "step": pl.String,
    "channel": pl.String,
    "after_days": pl.Int32,
    "subject": pl.String,  # in the policy's language, as is the hook
    "hook": pl.String,
    "confirm_by_mail": pl.Boolean,
    "list": pl.String,
    "role": pl.String,
    "later": pl.Int32,  # business days, as is earlier
    "earlier": pl.Int32,
}


@dataclass(frozen=True, slots=True)
class StepBook:
    """The steps, and where each track begins: `steps[first[track] + n]` is the track's step n."""

    steps: pl.DataFrame
    first: dict[str, int]

    @classmethod
    def of(cls, spec: PolicySpec) -> StepBook:
        """Lay a policy's tracks out as columns."""
        rows = [
            (
                name, number, len(track.steps), step.name, step.channel, step.after_days,
                step.subject.word(spec.language), step.hook.word(spec.language), step.confirm_by_mail, step.list,
                track.owner_role or spec.owner_role, track.window.later, track.window.earlier,
            )
            for name, track in spec.tracks.items()
            for number, step in enumerate(track.steps)
        ]  # fmt: skip
        steps = pl.DataFrame(rows, schema=_STEPS, orient="row")
        starts = steps.with_row_index("row").filter(pl.col("number") == 0)
        return cls(steps, dict(starts.select("track", "row").iter_rows()))

    def column(self, name: str, rows: pl.Series) -> pl.Series:
        """Return one column of the steps at these rows; null where the row is null."""
        return self.steps[name].gather(rows.cast(pl.UInt32)).alias(name)

    def first_row(self, track: pl.Expr) -> pl.Expr:
        """Return the row of a track's first step; null for a track that the policy does not have."""
        return track.replace_strict(
            list(self.first), list(self.first.values()), default=None, return_dtype=pl.Int32
        )  # fmt: skip

    def count(self, track: pl.Expr) -> pl.Expr:
        """Return the number of a track's steps; null for a track that the policy does not have."""
        counts = [self.steps["count"][row] for row in self.first.values()]
        return track.replace_strict(list(self.first), counts, default=None, return_dtype=pl.Int32)

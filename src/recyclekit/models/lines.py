"""The lines of a plan: planned values beside current ones become actions with keys and JSON payloads."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from recyclekit.errors import PlanError
from recyclekit.models.distinct import surely_distinct
from recyclekit.models.payloads import json_objects, row_codes
from recyclekit.models.plan import ACTIONS, ActionKind, Change
from recyclekit.models.standing import ASK
from recyclekit.models.tables import OWN_FIELDS

OVERTAKEN = "overtaken"
"""Payload entry of a remove_task: nothing else of the run hangs on it."""
NEWSLETTER = "newsletter"
"""The channel that is an enrolment, not a task."""

_SCHEMA = pl.Schema(ACTIONS)  # type: ignore[arg-type]  # to mypy, a dict of types of different kinds holds objects
_SAME = ("deal_id", "cycle", "step", "change", "rule", "track", "fingerprint")
_TASK = ("subject", "due_on", "channel", "owner", "step", "track", "reason", "rule", "hook", "hook_source")
_ENROL = ("track", "list", "from_on", "due_on", "channel", "owner", "step", "reason", "rule")
_BACK = (pl.col("task_key").alias("key"), "due_on", "channel", "owner", "step", "track")
CODED = ("step_row", "next_approach_on", "owner", "reason", "rule", "cycle", "by_sales")
"""What the payloads of a newly planned touch depend on: `code` is `row_codes` of these."""

_PLANNED = {
    "recycle_track": "track", "recycle_reason": "reason", "recycle_next_on": "next_approach_on",
    "recycle_owner": "owner", "recycle_channel": "channel", "recycle_hook": "policy_hook", "recycle_rule": "rule",
    "recycle_cycle": "cycle",
}  # fmt: skip

TOUCH_COLUMNS = (*_SAME, "reason", "next_approach_on", "owner", "channel", "step_row", "by_sales", "code")
"""The columns that `touch_lines` takes."""
FIELD_COLUMNS = (*TOUCH_COLUMNS, "keeps", "its_hook", "running_cycle", *(f"now_{name}" for name in OWN_FIELDS))
"""The columns that `own_field_lines` takes."""


def touch_lines(rows: pl.DataFrame, steps: pl.DataFrame, pipeline: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the tasks, and the enrolments, of new touches: columns ACTIONS.

    Sales' own hook is not copied: the payload says that there is one, and holds a hook only where it is the policy's.

    Args:
        rows: TOUCH_COLUMNS, one per touch.
        steps: the policy's steps; `step_row` counts in them.
        pipeline: part of the keys.
    """
    words = steps.select("subject", "hook", "list", "confirm_by_mail").with_row_index("step_row")
    words = words.with_columns(pl.col("step_row").cast(rows.schema["step_row"]))

    def filled(distinct: pl.DataFrame) -> pl.DataFrame:
        known = distinct.join(words, on="step_row", how="left", maintain_order="left")
        return known.with_columns(
            due_on="next_approach_on",
            from_on="next_approach_on",
            hook=pl.when(~pl.col("by_sales")).then("hook"),
            hook_source=pl.when("by_sales").then(pl.lit("sales")).otherwise(pl.lit("track")),
        )

    made = rows.with_columns(key=keys(pipeline, rows["deal_id"], rows["cycle"], rows["step"]))
    enrols = pl.col("channel") == NEWSLETTER
    tasks, enrolments = made.filter(~enrols), made.filter(enrols)
    nothing = pl.Series([None], dtype=pl.String)
    task = json_objects(tasks, lambda one: filled(one).select(*_TASK, "confirm_by_mail"), tasks["code"])
    enrol = json_objects(enrolments, lambda one: filled(one).select(_ENROL), enrolments["code"])
    return (
        _in_shape(tasks, ActionKind.CREATE_TASK, task, nothing.new_from_index(0, tasks.height)),
        _in_shape(enrolments, ActionKind.ENROL, enrol, nothing.new_from_index(0, enrolments.height)),
    )


def ask_lines(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the to-dos that ask for what is missing: rows with key, subject, due_on, owner, reason and `missing`."""
    if rows.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    nothing = pl.lit(None, dtype=pl.String)
    asked = rows.with_columns(step=pl.lit(ASK), channel=nothing, track=nothing, hook=nothing, hook_source=nothing)
    return _lines(asked, ActionKind.CREATE_TASK, (*_TASK, "missing"))


def taken_back(gone: pl.DataFrame, scheduled: pl.DataFrame, pipeline: str, run: str) -> pl.DataFrame:
    """Return what takes touches back; `~` where the deal is scheduled anew.

    Args:
        gone: columns TOUCHES, then track, rule and fingerprint.
        scheduled: deal_id, is_on: which deals are scheduled.
        pipeline: part of the keys.
        run: part of the keys, since a touch may have to be taken back twice.
    """
    if gone.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    anew = scheduled.filter("is_on").join(gone, on="deal_id", how="semi")["deal_id"]
    is_anew = pl.col("deal_id").is_in(anew.implode())
    what = gone.select(pl.format(f"{{}}:remove:{run}", "step")).to_series()
    rows = gone.with_columns(
        change=pl.when(is_anew).then(pl.lit(Change.CHANGE)).otherwise(pl.lit(Change.REMOVE)),
        task_key="key",
        key=keys(pipeline, gone["deal_id"], gone["cycle"], what),
    )
    enrolled = pl.col("channel") == NEWSLETTER
    return pl.concat([
        _lines(rows.filter(~enrolled), ActionKind.REMOVE_TASK, _BACK),
        _lines(rows.filter(enrolled), ActionKind.UNENROL, _BACK),
    ])  # fmt: skip


def overtaken_lines(rows: pl.DataFrame, pipeline: str, run: str) -> pl.DataFrame:
    """Return what removes tasks that a new touch overtakes; the payload says so, since an undo may go on without them.

    Args:
        rows: columns TOUCHES, then change, track, rule and fingerprint.
        pipeline: part of the keys.
        run: part of the keys.
    """
    if rows.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    what = rows.select(pl.format(f"{{}}:remove:{run}", "step")).to_series()
    made = rows.with_columns(task_key="key", key=keys(pipeline, rows["deal_id"], rows["cycle"], what))
    return _lines(made, ActionKind.REMOVE_TASK, (*_BACK, pl.lit(value=True).alias(OVERTAKEN)))


def own_field_lines(
    rows: pl.DataFrame, pipeline: str, run: str, present: Collection[str]
) -> Mapping[int, pl.DataFrame]:
    """Return the set_fields of deals whose own fields differ from what is planned; cleared where a deal left.

    They come by which of the fields differ, in the order of writing.

    Args:
        rows: FIELD_COLUMNS of deals that are scheduled or hold our fields; `keeps` marks touches that stay as planned.
        pipeline: part of the keys.
        run: part of the keys.
        present: deal columns that the source shows; what it cannot show is written once, not in every plan.
    """
    is_on, keeps = pl.col("next_approach_on").is_not_null(), pl.col("keeps")
    kept = rows.with_columns(
        policy_hook=pl.when(~pl.col("by_sales")).then(
            pl.when(keeps & pl.col("step_row").is_null()).then("now_recycle_hook").otherwise("its_hook")
        )
    )
    kept = kept.with_columns(pl.when(is_on).then(value).alias(name) for name, value in _PLANNED.items())
    kept = kept.with_columns(
        pl.when(keeps).then(name).otherwise(f"now_{name}").alias(f"now_{name}")
        for name in OWN_FIELDS
        if name not in present
    )
    cycle = pl.when(is_on).then("cycle").otherwise(pl.coalesce("running_cycle", "now_recycle_cycle", "cycle"))
    kept = kept.with_columns(pl.col("change").fill_null(str(Change.REMOVE)), cycle=cycle.fill_null(0))
    return _field_changes(kept.with_columns(key=keys(pipeline, kept["deal_id"], kept["cycle"], f"fields:{run}")))


def _field_changes(rows: pl.DataFrame) -> Mapping[int, pl.DataFrame]:
    """Return one action per row whose own fields would change; it holds only what changes."""
    differs = [pl.col(name).ne_missing(pl.col(f"now_{name}")) for name in OWN_FIELDS]
    parts = enumerate([*differs, pl.col("keeps")])
    pattern = rows.select(pl.sum_horizontal(part.cast(pl.Int32) * (1 << n) for n, part in parts)).to_series()
    patterns = pattern.unique().sort()
    return {
        bits: _changed(
            rows if len(patterns) == 1 else rows.filter(pattern == bits), fields, is_kept=bool(bits >> len(differs))
        )
        for bits in patterns
        if (fields := [name for n, name in enumerate(OWN_FIELDS) if bits >> n & 1])
    }


def _changed(rows: pl.DataFrame, fields: list[str], *, is_kept: bool) -> pl.DataFrame:
    # What was planned earlier may differ from today's policy, so its code says too little.
    payload = json_objects(rows.select(fields), codes=None if is_kept else rows["code"])
    before = json_objects(rows.select(pl.col(f"now_{name}").alias(name) for name in fields))
    return _in_shape(rows, ActionKind.SET_FIELDS, payload, before)


def _lines(rows: pl.DataFrame, kind: ActionKind, payload: Sequence[str | pl.Expr]) -> pl.DataFrame:
    nothing = pl.repeat(None, rows.height, dtype=pl.String, eager=True)
    return _in_shape(rows, kind, json_objects(rows.select(payload)), nothing)


def _in_shape(rows: pl.DataFrame, kind: ActionKind, payload: pl.Series, before: pl.Series) -> pl.DataFrame:
    return rows.select(
        "key", pl.lit(str(kind)).alias("kind"), *_SAME, payload.alias("payload"), before.alias("before")
    ).select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items())


def keys(pipeline: str, deal_ids: pl.Series, cycles: pl.Series, what: pl.Series | str) -> pl.Series:
    """Return idempotency keys `{pipeline}:{deal}:{cycle}:{what}`."""
    tails = cycles.to_frame("cycle").with_columns(what=pl.lit(what) if isinstance(what, str) else what)
    if tails.is_empty():
        return pl.Series([], dtype=pl.String)
    codes = row_codes(tails)
    firsts = codes.arg_unique()
    endings = tails[firsts].select(pl.format(":{}:{}", "cycle", "what")).to_series()
    tail = codes.replace_strict(codes.gather(firsts), endings)
    return pl.select(pl.concat_str(pl.lit(f"{pipeline}:"), deal_ids, tail)).to_series()


def check_keys(actions: pl.DataFrame) -> None:
    """Make sure that no key stands twice.

    Raises:
        PlanError: one does; names it.
    """
    if surely_distinct(actions["key"]):
        return
    if actions["key"].n_unique() != actions.height:
        twice = actions["key"].filter(actions["key"].is_duplicated())[0]
        raise PlanError(
            f"Two planned writes have the key {twice!r}.",
            why="A key names one effect for ever; written twice, one of the two would be lost.",
            fix="Look for a deal id that the source delivers twice, or a step name that a track uses twice.",
        )

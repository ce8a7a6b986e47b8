"""Runs in the terminal: the outcome of one attempt, the list of runs, one run with all that it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
from rich.console import Group, RenderableType
from rich.text import Text

from recyclekit.cli.render_hand_backs import known_view, told_view
from recyclekit.cli.render_lists import dead_letters_view
from recyclekit.cli.render_parts import (
    BAD,
    DOUBTFUL,
    GOOD,
    QUIET,
    day,
    equation,
    heading,
    indent,
    minute,
    next_step,
    particulars,
    policy_line,
    stack,
    table,
    words,
)
from recyclekit.models.hand_back import HandBack
from recyclekit.models.run import Outcome, ReceiptState, Run, RunKind, RunState, taken_back
from recyclekit.reports.figures import Equation

_STATES = {
    RunState.RUNNING: DOUBTFUL,
    RunState.SUCCESS: GOOD,
    RunState.PARTIAL: DOUBTFUL,
    RunState.ABORTED: BAD,
    RunState.FAILED: BAD,
}
_SAID = {
    RunState.RUNNING: "not finished",
    RunState.SUCCESS: "everything was written",
    RunState.PARTIAL: "written, but for what stands below",
    RunState.ABORTED: "stopped before the end",
    RunState.FAILED: "failed",
}
_BACK = "everything was taken back"
_NOTHING_BACK = "nothing was left to take back; the run is closed"
_UNSAID = {
    ReceiptState.SKIPPED.value: "left as it is; the connector gave no reason",
    ReceiptState.FAILED.value: "refused; the connector gave no reason",
    ReceiptState.IN_DOUBT.value: "sent, and no proof of its effect came back",
    ReceiptState.SENT.value: "sent, and the answer was never recorded; retry looks it up",
}
_ITEMS = 10
_SHORT = 8  # of a flow run's id: enough to name it by
_DECIDABLE = (ReceiptState.FAILED, ReceiptState.IN_DOUBT, ReceiptState.SENT)


# -- the outcome of an attempt ----------------------------------------------------------------------------------------


def outcome_view(outcome: Outcome) -> RenderableType:
    """Return what apply, retry or undo did: sums that close, and each deal that was left with the reason."""
    undo = outcome.kind is RunKind.UNDO
    return stack(
        Text.assemble(
            ("Undo " if undo else "Run ", "bold"),
            (outcome.run, "bold"),
            "  ",
            _state(outcome.state),
            f"  {_said(outcome)}",
        ),
        equation(outcome_equation(outcome), "planned"),
        words(f"{outcome.already:,} of the applied were already done by an earlier attempt.", QUIET)
        if outcome.already
        else None,
        told_view(outcome.handed_back, undone=undo),
        _items(
            "Skipped",
            "left as they are" if undo else "not sent; the next plan takes up what still qualifies",
            outcome.skipped,
        ),
        _items("Failed", "refused by the other side; nothing of it was written", outcome.failed),
        _items("In doubt", "sent, without proof of the effect; never repeated blindly", outcome.in_doubt),
        Group(*(Text.assemble(("Remark: ", f"bold {DOUBTFUL}"), words(said)) for said in outcome.remarks))
        if outcome.remarks
        else None,
        _after(outcome),
    )


def _said(outcome: Outcome) -> str:
    if outcome.kind is RunKind.UNDO and outcome.state is RunState.SUCCESS:
        return _BACK if outcome.planned else _NOTHING_BACK
    return _SAID[outcome.state]


def outcome_equation(outcome: Outcome) -> Equation:
    """Return planned = applied + skipped + failed + in doubt + unsent."""
    parts = {
        "applied": outcome.applied,
        "skipped": len(outcome.skipped),
        "failed": len(outcome.failed),
        "in doubt": len(outcome.in_doubt),
        "unsent": outcome.unsent,
    }
    return Equation(total=outcome.planned, parts=tuple(parts.items()))


def _state(state: RunState) -> Text:
    return Text(str(state), f"bold {_STATES[state]}")


def _items(title: str, meaning: str, items: Sequence[tuple[str, str]]) -> RenderableType | None:
    """Group by why, so that a thousand deals with one cause take one line."""
    if not items:
        return None
    by_why: dict[str, list[str]] = {}
    for deal, why in items:
        by_why.setdefault(why, []).append(deal)
    ranked = sorted(by_why.items(), key=lambda item: -len(item[1]))
    rows = ((len(deals), words(why), words(_some(deals))) for why, deals in ranked[:_ITEMS])
    parts: list[RenderableType] = [heading(f"{title}: {len(items):,}", meaning)]
    parts.append(indent(table((">writes", "why", "deals"), rows, flexible=("why", "deals"))))
    if len(ranked) > _ITEMS:
        parts.append(words(f"  … and {len(ranked) - _ITEMS:,} more causes", QUIET))
    return Group(*parts)


def _some(deals: Sequence[str], at_most: int = 8) -> str:
    once = list(dict.fromkeys(deals))
    return ", ".join(once[:at_most]) + (f", … ({len(once):,} deals)" if len(once) > at_most else "")


def _after(outcome: Outcome) -> RenderableType | None:
    if outcome.in_doubt or outcome.failed or outcome.unsent:
        return next_step(f"recyclekit retry {outcome.run}", "sends only what is not done")
    if outcome.kind is RunKind.UNDO:
        return next_step("recyclekit plan", "plans these deals again")
    if outcome.applied:
        return next_step(f"recyclekit undo {outcome.run}", "takes it back, except what a person changed since")
    return None


# -- the ledger's runs ------------------------------------------------------------------------------------------------


def _fate(run: Run, undo: Run | None) -> Text:
    """Return a run's state; of one that was taken back, that it was."""
    if undo is None:
        return _state(run.state)
    if undo.state is RunState.SUCCESS:
        return Text("undone", f"bold {QUIET}")
    return Text("partly undone" if undo.state is RunState.PARTIAL else "undo unfinished", f"bold {DOUBTFUL}")


def runs_view(runs: Sequence[Run]) -> RenderableType:
    """Return runs as a table, in the order given (newest first)."""
    if not runs:
        return Text("No runs yet.", QUIET)
    undone, in_prefect = taken_back(runs), any(r.flow_run for r in runs)
    rows = (
        (
            words(r.run, "bold"),
            _what(r),
            _fate(r, undone.get(r.run)),
            str(r.as_of or ""),
            *([(r.flow_run or "")[:_SHORT]] if in_prefect else []),
            words(_counts(r.counts) + (f", undone by …{undone[r.run].run[-4:]}" if r.run in undone else "")),
        )
        for r in runs
    )
    columns = ("run", "kind", "state", "as of", *(["flow run"] if in_prefect else []), "writes")
    listed = table(columns, rows, flexible=("writes",))
    return stack(listed, *(_unfinished(r) for r in runs if r.state is RunState.RUNNING and r.run not in undone))


def _unfinished(run: Run) -> RenderableType:
    why = "takes it up, if no process works on it any more"
    return next_step(f"recyclekit retry {run.run}", why)


def _what(run: Run) -> str:
    # The end of an id is enough to find its row a few lines below; the whole would break the table.
    return f"{run.kind} of …{run.of_run[-4:]}" if run.of_run and run.kind is RunKind.UNDO else str(run.kind)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {state.replace('_', ' ')}" for state, count in counts.items() if count) or "none"


def run_view(
    run: Run,
    actions: pl.DataFrame,
    letters: pl.DataFrame,
    *,
    undo: Run | None = None,
    only_failed: bool = False,
    handed_back: Sequence[HandBack] = (),
) -> RenderableType:
    """Return one run: its stamp, what became of its writes, and what it set aside.

    Args:
        run: as the ledger knows it.
        actions: as LedgerReader.actions gives them.
        letters: columns DEAD_LETTERS.
        undo: the run that took it back.
        only_failed: whether `actions` are only those that were not written.
        handed_back: what it hands back to sales.
    """
    unread = letters.filter(pl.col("stage") != "write_back")  # what was refused stands among the writes
    return stack(
        Text.assemble(("Run ", "bold"), (run.run, "bold"), f"  {_what(run)}  ", _fate(run, undo)),
        particulars(_stamp(run, undo), run.flow_run),
        _by_state(actions, "No write failed, was skipped or is in doubt." if only_failed else "It has no writes."),
        known_view(handed_back),
        _left(actions),
        *(_choices(run, actions) if undo is None else ()),
        dead_letters_view(unread) if unread.height else None,
    )


def _choices(run: Run, actions: pl.DataFrame) -> Sequence[RenderableType]:
    """What a person can do with what was refused or is in doubt, named by one of its deals."""
    left = actions.filter(pl.col("state").cast(pl.String).is_in([str(state) for state in _DECIDABLE]))
    if left.is_empty():
        return ()
    deal, doubtful = left["deal_id"][0], left.filter(pl.col("state").cast(pl.String) != str(ReceiptState.FAILED))
    return (
        next_step(f"recyclekit retry {run.run} --only {deal}", "sends it again, once its cause is mended"),
        next_step(f"recyclekit retry {run.run} --drop {deal}", "gives it up; the next plan may take the deal up anew"),
        *(
            next_step(f"recyclekit retry {run.run} --written {one}", "counts it as done: you saw it in the CRM")
            for one in doubtful["deal_id"].head(1)
        ),
    )


def _stamp(run: Run, undo: Run | None) -> dict[str, str]:
    return {
        "pipeline": run.pipeline,
        "as of": day(run.as_of),
        "policy": policy_line(run.policy),
        "started": minute(run.started_at) and f"{minute(run.started_at)} UTC",
        "ended": minute(run.ended_at) and f"{minute(run.ended_at)} UTC",
        "plan sealed": run.plan_sha256[:16],
        "undo of": run.of_run or "",
        "undone by": undo.run if undo else "",
    }


def _by_state(actions: pl.DataFrame, none: str) -> RenderableType:
    if actions.is_empty():
        return Text(none, QUIET)
    states = [str(s) for s in ReceiptState if s in set(actions["state"].cast(pl.String))]
    counts = actions.group_by(pl.col("kind").cast(pl.String), pl.col("state").cast(pl.String)).len("n")
    found = {(kind, state): n for kind, state, n in counts.iter_rows()}
    kinds = sorted({kind for kind, _ in found})
    rows = ((kind, *(found.get((kind, state)) for state in states)) for kind in kinds)
    return table(("writes", *(f">{s.replace('_', ' ')}" for s in states)), rows)


def _left(actions: pl.DataFrame) -> RenderableType | None:
    left = actions.filter(pl.col("state").cast(pl.String).is_in(list(_UNSAID)))
    if left.is_empty():
        return None
    why = pl.concat_str(
        pl.col("reason"), pl.col("code"), pl.col("field"), separator=" ", ignore_nulls=True
    ).str.strip_chars()
    why = pl.when(why == "").then(pl.col("state").cast(pl.String).replace(_UNSAID)).otherwise(why).alias("why")
    rows = left.head(2 * _ITEMS).select("deal_id", pl.col("kind").cast(pl.String), pl.col("state").cast(pl.String), why)
    parts: list[RenderableType] = [heading(f"Not written: {left.height:,}")]
    parts.append(indent(table(("deal", "write", "state", "why"), rows.iter_rows(), flexible=("why",))))
    if left.height > rows.height:
        parts.append(words(f"  … and {left.height - rows.height:,} more", QUIET))
    return Group(*parts)

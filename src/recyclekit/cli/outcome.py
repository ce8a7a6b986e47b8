"""An outcome of apply, retry, run or undo, as text or JSON, and the exit code that it means."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from recyclekit.errors import ExitCode
from recyclekit.models.hand_back import packet
from recyclekit.models.run import Outcome, exit_code

if TYPE_CHECKING:
    from recyclekit.project import Project


def report_outcome(outcome: Outcome, *, as_json: bool, set_aside: int = 0) -> int:
    """Print an outcome and return its exit code; `set_aside` counts the records that never became actions."""
    from recyclekit.cli.terminal import emit, say, show
    from recyclekit.models.wording import counted

    code = exit_code(outcome, set_aside=set_aside)
    if as_json:
        emit({**as_document(outcome), "set_aside": set_aside})
    else:
        from recyclekit.cli.render import outcome_view

        show(outcome_view(outcome))
        if set_aside:
            was = "was" if set_aside == 1 else "were"
            aside = f"{counted(set_aside, 'record')} {was} set aside when the plan was made"
            # Another exit code says more than this one would.
            say(f"{aside}, so this ends with exit code 4." if code is ExitCode.SET_ASIDE else f"{aside}.")
    return code


def set_aside_by(project: Project, run: str) -> int:
    """Return how many records a run's plan had set aside: as the plan says that lies here, else as the ledger does."""
    import polars as pl

    from recyclekit.errors import PlanError
    from recyclekit.plans import plan_file

    try:
        return plan_file.kept(project.state, run).manifest.dead_letters
    except PlanError:  # another machine made it, or it was tidied away
        # What the sink refused is among the letters as well; the outcome tells of it.
        return project.ledger().dead_letters(run).filter(pl.col("stage") != "write_back").height


def as_document(outcome: Outcome) -> dict[str, object]:
    """Return the JSON document of an outcome; its keys are part of the command line's contract."""

    def by_deal(items: tuple[tuple[str, str], ...]) -> list[dict[str, object]]:
        counted = Counter(items)
        return [{"deal": deal, "why": why, "actions": n} for (deal, why), n in counted.items()]

    return {
        "run": outcome.run,
        "state": str(outcome.state),
        "planned": outcome.planned,
        "applied": outcome.applied,
        "already": outcome.already,
        "skipped": by_deal(outcome.skipped),
        "failed": by_deal(outcome.failed),
        "in_doubt": by_deal(outcome.in_doubt),
        "unsent": outcome.unsent,
        "handed_back": [packet(one) for one in outcome.handed_back],
        "why": outcome.why,
        "remarks": list(outcome.remarks),
        "sums_close": outcome.sums_close,
    }

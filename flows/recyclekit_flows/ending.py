"""How a flow ends: as a state with one sentence, and as artifacts that hold counts, never people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from recyclekit.errors import ExitCode, LeaseError, RecyclekitError
from recyclekit.models.plan import Manifest
from recyclekit.models.run import Outcome, exit_code
from recyclekit_flows.held import Held

LOCKED = "Locked"
"""The state's name where another run works on the pipeline; the message says which, where and since when."""


def ended(outcome: Outcome, *, set_aside: int = 0) -> State[Any]:
    """Return the state of an outcome; `set_aside` counts the records that could not be read.

    Completed where all was written; completed under the name Set aside where single records were unreadable, skipped or
    refused; failed where something is left that another attempt can do.
    """
    said = sentence(outcome, set_aside=set_aside)
    publish(f"outcome-{outcome.run}", f"# Run {outcome.run}: {outcome.state}\n\n{_table(figures(outcome))}")
    match exit_code(outcome, set_aside=set_aside):
        case ExitCode.DONE:
            return Completed(message=said, data=Held(outcome))
        case ExitCode.SET_ASIDE:
            return Completed(name="Set aside", message=said, data=Held(outcome))
        case _:
            return Failed(message=said, data=Held(outcome))


def refused(error: RecyclekitError) -> State[Any]:
    """Return the state of a run that stopped with a message for a person; the message says what to do next."""
    name = LOCKED if isinstance(error, LeaseError) else None
    return Failed(name=name, message=str(error), data=error)


def sentence(outcome: Outcome, *, set_aside: int = 0) -> str:
    """Return an outcome in one sentence, with the next step where there is one."""
    counts = ", ".join(f"{n:,} {what}" for what, n in figures(outcome).items() if n or what in {"planned", "applied"})
    aside = f" {set_aside:,} records could not be read and were set aside." if set_aside else ""
    why = f" {outcome.why}" if outcome.why else ""
    todo = outcome.failed or outcome.in_doubt or outcome.unsent
    after = f" Take it up again: retry this flow run, or `recyclekit retry {outcome.run}`." if todo else ""
    return f"Run {outcome.run}: {counts}.{aside}{why}{after}"


def figures(outcome: Outcome) -> dict[str, int]:
    """Return an outcome's counts; the first is the sum of the next five."""
    return {
        "planned": outcome.planned,
        "applied": outcome.applied,
        "skipped": len(outcome.skipped),
        "failed": len(outcome.failed),
        "in doubt": len(outcome.in_doubt),
        "unsent": outcome.unsent,
        "done before": outcome.already,
    }


def publish_plan(manifest: Manifest) -> None:
    """Show a plan's counts on the flow run's page."""
    parts = {
        "Deals by bucket": manifest.by_bucket,
        "Status": manifest.by_status,
        "Reason": manifest.by_reason,
        "Rule": manifest.by_rule,
        "Track": manifest.by_track,
        "Intended writes": manifest.actions,
    }
    policy = f"{manifest.policy.name} {manifest.policy.version} ({manifest.policy.hash})"
    head = f"# Plan {manifest.run}\n\n{manifest.deals:,} deals as of {manifest.as_of}, policy {policy}.\n\n"
    warning = "".join(f"> **Guard:** {guard}\n\n" for guard in manifest.guards)
    body = "\n\n".join(f"## {title}\n\n{_table(counts)}" for title, counts in parts.items() if counts)
    publish(f"plan-{manifest.run}", head + warning + body)


def publish(key: str, markdown: str) -> None:
    """Save a markdown artifact; keys may hold small letters, digits and dashes only."""
    create_markdown_artifact(markdown, key=f"recyclekit-{key.lower()}")


def _table(counts: Mapping[str, int]) -> str:
    rows = "\n".join(f"| {name} | {n:,} |" for name, n in counts.items())
    return f"| | |\n|---|---:|\n{rows}"

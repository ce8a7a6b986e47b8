"""How a flow ends: as a state with one sentence, and as artifacts that hold counts, never people."""

from __future__ import annotations

from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed

from recyclekit.errors import ExitCode, LeaseError, RecyclekitError, WaitingError
from recyclekit.models.proposal import Proposal, ProposalState
from recyclekit.models.run import Outcome, exit_code
from recyclekit.models.wording import counted
from recyclekit.observing.redaction import redact
from recyclekit.pipeline import Job
from recyclekit_flows.held import Held
from recyclekit_flows.measured import show_metrics
from recyclekit_flows.politely import politely
from recyclekit_flows.shown import parts, show_receipts

WAITING = "Waiting"
"""The state's name where a plan waits in the ledger, and no worker could wake the run."""
LOCKED = "Locked"
"""The state's name where another run works on the pipeline; the message says which, where and since when."""


def ended(outcome: Outcome, *, set_aside: int = 0, job: Job | None = None) -> State[Any]:
    """Return the state of an outcome; `set_aside` counts the records that could not be read.

    With a `job`, the run's receipts are shown on the flow run's page.

    Completed where all was written; completed under the name Set aside where single records were unreadable, skipped or
    refused; failed where something is left that another attempt can do.
    """
    said = redact(sentence(outcome, set_aside=set_aside))
    if job is not None:
        with politely():
            show_receipts(job, outcome)
            show_metrics(outcome.run, job.metrics)
    match exit_code(outcome, set_aside=set_aside):
        case ExitCode.DONE:
            return Completed(message=said, data=Held(outcome))
        case ExitCode.SET_ASIDE:
            return Completed(name="Set aside", message=said, data=Held(outcome))
        case _:
            return Failed(message=said, data=Held(outcome))


def refused(error: RecyclekitError) -> State[Any]:
    """Return the state of a run that stopped with a message for a person; the message says what to do next."""
    said = redact(str(error))  # vendors quote what they refuse, and Prefect keeps a state's message in clear
    if isinstance(error, WaitingError):
        return Completed(name=WAITING, message=said, data=error)
    name = LOCKED if isinstance(error, LeaseError) else None
    return Failed(name=name, message=said, data=error)


def turned_down(proposal: Proposal) -> State[Any]:
    """Return the state of a run whose plan is not written, since nobody approved it."""
    plan = f"the plan of run {proposal.run}"
    match proposal.state:
        case ProposalState.REJECTED:
            return Completed(name="Rejected", message=f"Somebody rejected {plan}; nothing was written.", data=None)
        case ProposalState.SUPERSEDED:
            said = f"A newer plan took the place of {plan}; nothing was written."
            return Cancelled(name="Replaced", message=said)
        case _:
            until = f"{proposal.expires_at:%Y-%m-%d %H:%M} UTC"
            return Failed(name="Expired", message=f"Until {until}, nobody approved {plan}. Start a new run.")


def sentence(outcome: Outcome, *, set_aside: int = 0) -> str:
    """Return an outcome in one sentence, with the next step where there is one."""
    counts = ", ".join(f"{n:,} {what}" for what, n in figures(outcome).items() if n or what in {"planned", "applied"})
    were = "was" if set_aside == 1 else "were"
    aside = f" {counted(set_aside, 'record')} could not be read and {were} set aside." if set_aside else ""
    why = f" {outcome.why}" if outcome.why else ""
    todo = outcome.failed or outcome.in_doubt or outcome.unsent
    after = f" Take it up again: retry this flow run, or `recyclekit retry {outcome.run}`." if todo else ""
    return f"Run {outcome.run}: {counts}.{aside}{why}{after}"


def figures(outcome: Outcome) -> dict[str, int]:
    """Return an outcome's counts; the first is the sum of the next five."""
    return {"planned": outcome.planned, **parts(outcome), "done before": outcome.already}

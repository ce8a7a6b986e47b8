"""The five stages composed; the only module that knows all five.

A Job is one pipeline at one business date with its parts at hand. Command line, flow and tests take the same steps:

    extract → normalize → classify → schedule → write back
    └──────────── plan: writes nothing ────────────┘
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import finalize
from zoneinfo import ZoneInfo

from recyclekit import clock, scratch
from recyclekit.errors import ConfigError
from recyclekit.events import Listen, Observer, StageEnded, StageStarted, silence
from recyclekit.ledger.holding import beating, held
from recyclekit.models.choice import EVERYTHING, Choice, chosen
from recyclekit.models.drift import late
from recyclekit.models.field_map import Mapped
from recyclekit.models.patience import Patience
from recyclekit.models.plan import Manifest, Plan
from recyclekit.models.run import Outcome, ReceiptState, Run, RunKind, RunState
from recyclekit.models.shard import Shard, Ticket, ticket
from recyclekit.models.shelf import Shelf
from recyclekit.models.snapshot import Extracted, Snapshot
from recyclekit.models.tables import Table
from recyclekit.observing.hearing import everyone
from recyclekit.observing.metrics import Metrics
from recyclekit.observing.records import log_set_aside, log_unwritten
from recyclekit.observing.telling import tell_ended, telling
from recyclekit.plans import admission, taking_up
from recyclekit.plans.manifest import assemble
from recyclekit.plans.rereading import Reread, checked_as_of, rereading
from recyclekit.stages import write_back as stage_5
from recyclekit.stages.classify import Classified, ClassifiedInSlices, classify
from recyclekit.stages.extract import extract
from recyclekit.stages.normalize import normalize
from recyclekit.stages.schedule import SCHEDULE_READS, schedule
from recyclekit.stopping import Stop

if TYPE_CHECKING:
    from recyclekit.connectors.protocols import Sink, Source
    from recyclekit.ledger.protocol import Lease, Ledger
    from recyclekit.models.calendar.settings import CalendarSettings
    from recyclekit.models.memory import Memory
    from recyclekit.models.roster import Roster
    from recyclekit.policy.loader import Policy

Readings = Mapping[str, Mapping[str, tuple[str, ...]]]
STAGES = ("extract", "normalize", "classify", "schedule", "write_back")


def new_run_id() -> str:
    """Return an id that sorts by time and does not repeat."""
    return f"r{clock.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One pipeline at one business date, with everything that its stages need; doors open on first use.

    `in_memory`: so many deals are planned in memory; more are taken through the stages `at_once` by `at_once`.
    """

    pipeline: str
    as_of: date
    timezone: ZoneInfo
    policy: Policy
    connection: str
    mapped: Mapped
    open_source: Callable[[], Source]
    open_sink: Callable[[], Sink]
    open_ledger: Callable[[], Ledger]
    recall: Callable[[date], Memory]
    calendar: CalendarSettings
    roster: Roster
    state: Path
    listen: Listen = silence
    observers: tuple[Observer, ...] = ()
    metrics: Metrics = field(default_factory=Metrics)
    flow_run: str | None = None
    lease: Lease | None = None
    share: Callable[[Ticket], None] | None = None
    should_stop: Stop = field(default_factory=Stop)
    run: str = field(default_factory=new_run_id)
    in_memory: int = 1_500_000
    at_once: int = 1_000_000

    def listening(self, listen: Listen) -> Job:
        """Return the same job, heard by somebody else; its observers go on hearing it."""
        return replace(self, listen=everyone(listen, self.observers))

    def stopping(self, should_stop: Callable[[], bool]) -> Job:
        """Let this job and the doors of its project ask, before every call and while they wait, whether to stop.

        What is unsent then can be resumed.
        """
        self.should_stop.answered_by(should_stop)
        return self

    def of_flow_run(self, flow_run: str) -> Job:
        """Return the same job, stamped with the id of the Prefect run that carries it out."""
        return replace(self, flow_run=flow_run)

    def sharing(self, share: Callable[[Ticket], None]) -> Job:
        """Return the same job, which lets `share` hand parts of a run to other processes; the rest is done here."""
        return replace(self, share=share)

    # -- the steps -------------------------------------------------------------------------------------------------

    def extract(self) -> Extracted:
        """Stage 1. Read the records, only the columns that are needed."""
        with self._stage("extract"):
            source, wanted = self.open_source(), self._vendor_columns()
            return extract(source, tables=wanted, scratch=self._shelf.folder, listen=self.listen, run=self.run)

    @cached_property
    def _shelf(self) -> Shelf:
        """Where lies what is too much for memory; gone with this job and its plan."""
        scratch.sweep()
        folder = scratch.own_folder(needed=False)
        shelf = Shelf(size=self.at_once, folder=folder)
        finalize(shelf, scratch.give_back, folder)
        return shelf

    def normalize(self, extracted: Extracted) -> Snapshot:
        """Stage 2. Bring the records into the canonical tables; what cannot be read is set aside.

        More deals than `in_memory` are taken through this and the next stages slice by slice.
        """
        with self._stage("normalize") as figures:
            needed, many = self.policy.columns_needed(), extracted.counts.get(Table.DEALS, 0) > self.in_memory
            shelf = self._shelf if many else None
            found = normalize(extracted, self.mapped, timezone=self.timezone, needed=needed, shelf=shelf)
            aside = found.dead_letters.height
            figures.update(deals=found.extracted_deals - found.deal_letters, dead_letters=aside)
            log_set_aside(found.dead_letters)
            return found

    def classify(self, snapshot: Snapshot, memory: Memory | None = None) -> Classified:
        """Stage 3. Decide on every deal by the policy; `memory` where it was recalled already."""
        with self._stage("classify") as figures:
            found = classify(
                snapshot,
                self.policy,
                memory or self.recall(self.as_of),
                as_of=self.as_of,
                timezone=self.timezone,
                reasons=self.mapped.reasons,
                shelf=self._shelf,
            )
            figures.update(deals=snapshot.extracted_deals - snapshot.deal_letters)
            return found

    def schedule(self, snapshot: Snapshot, classified: Classified, memory: Memory | None = None) -> Plan:
        """Stage 4. Turn decisions into a plan whose sums close; `memory` as in `classify`."""
        with self._stage("schedule") as figures:
            remembered = memory or self.recall(self.as_of)
            made = schedule(
                classified.slices if isinstance(classified, ClassifiedInSlices) else classified.decisions,
                snapshot,
                self.policy,
                remembered,
                run=self.run,
                pipeline=self.pipeline,
                as_of=self.as_of,
                calendar=self.calendar,
                roster=self.roster,
                shelf=self._shelf,
            )
            figures.update(actions=sum(made.by_kind.values()))
            return assemble(
                snapshot,
                classified,
                made,
                run=self.run,
                pipeline=self.pipeline,
                as_of=self.as_of,
                made_at=clock.now(),
                policy=self.policy.stamp,
                calls=self.open_sink().calls,
                unfinished=remembered.unfinished,
            )

    def plan(self) -> Plan:
        """Take the first four steps."""
        snapshot, memory = self.normalize(self.extract()), self.recall(self.as_of)
        classified = self.classify(snapshot, memory)
        snapshot = self.narrowed(snapshot)
        return self.schedule(snapshot, classified, memory)

    def narrowed(self, snapshot: Snapshot) -> Snapshot:
        """Let go what only decisions rest on: texts and joins are half of what a million deals take."""
        reads = (*SCHEDULE_READS, *(("contact_id",) if self.policy.spec.caps.contact else ()))
        return snapshot.narrowed_to(*reads)

    def admit(self, plan: Plan | Manifest, *, approve_guards: bool = False) -> None:
        """Make sure that a plan may be written: errors as in `admission.admit` and `admission.refuse_beyond_sink`."""
        manifest = plan.manifest if isinstance(plan, Plan) else plan
        run = manifest.run
        with telling(self.listen, run, self.pipeline, manifest.guards):
            admission.admit(manifest, self.policy.stamp, approve_guards=approve_guards)
            if isinstance(plan, Plan) and plan.writes:
                admission.refuse_beyond_sink(self.open_sink(), plan.scan_actions())

    def write_back(self, plan: Plan, *, approve_guards: bool = False) -> Outcome:
        """Stage 5. Write a plan, deal by deal, after checking that nobody changed the deal meanwhile."""
        self.admit(plan, approve_guards=approve_guards)
        if plan.does_nothing:
            # Nothing to prove and nothing to undo: a run that leaves no trace in the CRM leaves none in the ledger.
            return self._told(Outcome(run=plan.manifest.run, state=RunState.SUCCESS, planned=0, applied=0))
        admission.refuse_undone(self.open_ledger(), plan.manifest.run)
        run = admission.as_run(plan, self.pipeline, self.flow_run)
        day = checked_as_of(plan.manifest.made_at, plan.manifest.as_of, self.timezone)
        means = self._means(day, plan.manifest.readings)
        means["ended_cycles"], means["handed_back"] = plan.ended_cycles, plan.handed_back
        if day > plan.manifest.as_of:
            means["late"] = late(plan.actions, day)
        return self._told(stage_5.write_back(run, plan.scan_actions(), plan.dead_letters, **means))

    def resume(
        self, run: str | None = None, *, only: Sequence[str] = (), drop: Sequence[str] = (), written: Sequence[str] = ()
    ) -> Outcome:
        """Take a run up again; by default the newest that is not finished, with all that is left of it.

        Args:
            run: its id, or the beginning of it.
            only: send these and no others: deals, or the keys of single writes.
            drop: give these up.
            written: these were in doubt, and a person has seen that they stand in the CRM.

        Raises:
            ConfigError: nothing is unfinished, or the run is another pipeline's.
        """
        wanted = run or self.unfinished()
        if wanted is None:
            raise ConfigError("There is no unfinished run.", fix="`recyclekit runs` lists all of them.")
        ledger, known = self.open_ledger(), self._own(wanted)
        admission.refuse_undone(ledger, known.run)
        choice = chosen(lambda: ledger.actions(known.run), only=only, drop=drop, written=written)
        return self._taken_up(known, choice)

    def left_behind(self) -> Sequence[Run]:
        """Return the runs of this pipeline that ended before they were through, oldest first."""
        return taking_up.left_behind(self.open_ledger(), self.pipeline)

    def finish(self, known: Run) -> Outcome:
        """Finish a run that was left behind: no new plan, so nothing new to approve.

        Where the policy has changed since, what is unsent is given up: the plan that follows is made under today's.
        """
        if known.kind is RunKind.UNDO or known.policy is None or known.policy.hash == self.policy.stamp.hash:
            return self._taken_up(known, Choice(failed=False))
        self._taken_up(known, Choice(failed=False, send=False))
        unsent = self.open_ledger().actions(known.run, [ReceiptState.PLANNED])["key"]
        return self._taken_up(known, Choice(failed=False, send=False, drop=frozenset(unsent)))

    def _taken_up(self, known: Run, choice: Choice = EVERYTHING) -> Outcome:
        means = self._means(checked_as_of(taking_up.made_at(known), known.as_of or self.as_of, self.timezone))
        means["choice"] = choice
        return self._told(replace(stage_5.resume(known.run, **means), kind=known.kind))

    def undo(self, run: str) -> Outcome:
        """Take back what a run wrote, where it still stands; errors as in `stages.write_back` and `resume`."""
        outcome = stage_5.undo(self._own(run).run, self.run, **self._means(self.as_of))
        return self._told(replace(outcome, kind=RunKind.UNDO))

    def unfinished(self) -> str | None:
        """Return the newest run of this pipeline in which something is left to do."""
        return next((r.run for r in taking_up.unfinished(self.open_ledger(), self.pipeline)), None)

    def begun(self) -> str | None:
        """Return the run that an earlier attempt of this job's flow run began; None where there is none that stands."""
        return taking_up.begun_by(self.open_ledger(), self.pipeline, self.flow_run)

    @contextmanager
    def holding(self) -> Iterator[Job]:
        """Yield the same job, which holds the pipeline's lease over several steps.

        Raises:
            LeaseError: another run works on this pipeline; it is named.
        """
        ledger, seconds = self.open_ledger(), Patience().lease
        with held(ledger, self.pipeline, self.run, seconds) as lease, beating(ledger, lease, seconds):
            yield replace(self, lease=lease)

    # -- what the steps need ---------------------------------------------------------------------------------------

    def reread(self, as_of: date, readings: Readings | None = None) -> Reread | None:
        """Return what reads deals again just before they are written, or None where the sink cannot.

        Args:
            as_of: later events are not seen, just as when the plan was made.
            readings: what undeclared columns are written in; None finds it out from the whole, since a few records
                alone could be read differently.
        """
        from recyclekit.connectors.protocols import ReadsBack

        def mapped() -> Mapped:
            found = self.normalize(self.extract()).readings if readings is None else readings
            return self.mapped.declaring({Table(table): formats for table, formats in found.items()})

        sink, columns = self.open_sink(), self._vendor_columns()
        if not isinstance(sink, ReadsBack):
            return None
        return rereading(sink, columns, mapped, self.policy, as_of=as_of, timezone=self.timezone)

    def write_shard(self, ticket: Ticket, shard: Shard) -> None:
        """Write one part of a run that another process began, under its lease; errors as in `stages.write_back`."""
        from recyclekit.ledger.holder import Holder
        from recyclekit.ledger.protocol import Lease

        means = self._means(ticket.day, ticket.readings)
        means["lease"] = Lease(pipeline=ticket.pipeline, token=ticket.token, holder=Holder.parse(ticket.holder))
        means["shard"] = shard
        known = self._own(ticket.run)
        if known.as_of is not None and ticket.day > known.as_of:
            means["late"] = late(self.open_ledger().actions(ticket.run), ticket.day)
        stage_5.write_shard(ticket.run, **means)

    def _own(self, run: str) -> Run:
        known = self.open_ledger().run(run)
        admission.refuse_foreign(known, self.pipeline)
        return known

    def _means(self, as_of: date, readings: Readings | None = None) -> stage_5.Means:
        share = self.share
        means: stage_5.Means = {
            "sink": self.open_sink(),
            "ledger": self.open_ledger(),
            "reread": self.reread(as_of, readings),
            "listen": self.listen,
            "should_stop": self.should_stop,
        }
        if share is not None:
            means["share"] = lambda run, lease: share(ticket(run.run, lease, as_of, readings))
        if self.lease is not None:
            means["lease"] = self.lease
        return means

    def _vendor_columns(self) -> Mapping[Table, Collection[str]]:
        return self.mapped.columns_for(self.policy.columns_needed())

    @contextmanager
    def _stage(self, stage: str) -> Iterator[dict[str, int]]:
        began, figures = time.monotonic(), dict[str, int]()
        self.listen(StageStarted(run=self.run, stage=stage))
        with telling(self.listen, self.run, self.pipeline):
            yield figures
        seconds = time.monotonic() - began
        self.listen(StageEnded(run=self.run, stage=stage, seconds=seconds, figures=figures))

    def _told(self, outcome: Outcome) -> Outcome:
        log_unwritten(outcome)
        tell_ended(self.listen, self.pipeline, outcome)
        return outcome

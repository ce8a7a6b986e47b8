"""One connector on its bench: what every test of the suite works with."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from recyclekit.connectors.protocols import FindsByKey, Page, ReadsBack, Sink, Source, Undoes
from recyclekit.models.field_map import Mapped, columns_of
from recyclekit.models.patience import Patience
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.proof import proven
from recyclekit.models.run import Outcome, Receipt, ReceiptState
from recyclekit.models.tables import Table
from recyclekit.testing import runs
from recyclekit.testing.bench import Bench, CountsCalls, Edits, Hurts, Lacks, Looks, LooksAtTasks, Record, Refuses
from recyclekit.testing.factories import OWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    from recyclekit.connectors.manifest import ConnectorManifest, Opening
    from recyclekit.models.snapshot import Snapshot
    from recyclekit.pipeline import Job

MOST_PAGES = 2_000
"""A source that yields more pages than this of a bench's few records does not end."""
MOST_TRIES = 8
"""How often a call that says "later" is taken up again: stage 5 does the same."""


@dataclass(frozen=True)
class Stand:
    """Opens doors, seeds records, reads and writes; what reads or writes opens a new door unless given one.

    Attributes:
        waits: seconds that anything in this process slept since the test began; nothing really sleeps.
        chance: seeded by the test's name; a failure prints the seed.
    """

    manifest: ConnectorManifest[Any]
    config: BaseModel
    opening: Opening
    anything: object
    waits: list[float]
    seed: str
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "chance", random.Random(self.seed))  # noqa: S311  # test data, not secrets

    # -- the bench: asked for only by tests that say in `proves` that they need it ---------------------------------

    @property
    def bench(self) -> Bench:
        return cast("Bench", self.anything)

    @property
    def people(self) -> Edits:
        return cast("Edits", self.anything)

    @property
    def view(self) -> Looks:
        return cast("Looks", self.anything)

    @property
    def closely(self) -> LooksAtTasks:
        return cast("LooksAtTasks", self.anything)

    @property
    def meter(self) -> CountsCalls:
        return cast("CountsCalls", self.anything)

    @property
    def accidents(self) -> Hurts:
        return cast("Hurts", self.anything)

    @property
    def refusing(self) -> Refuses:
        return cast("Refuses", self.anything)

    @property
    def thief(self) -> Lacks:
        return cast("Lacks", self.anything)

    # -- doors -----------------------------------------------------------------------------------------------------

    def source(self) -> Source:
        assert self.manifest.open_source is not None, "the manifest has no open_source"
        return self.manifest.open_source(self.config, self.opening)

    def sink(self) -> Sink:
        assert self.manifest.open_sink is not None, "the manifest has no open_sink"
        return self.manifest.open_sink(self.config, self.opening)

    def reads_back(self) -> ReadsBack:
        sink = self.sink()
        assert isinstance(sink, ReadsBack), "the sink has no method `read_back` (protocol ReadsBack)"
        return sink

    def finds(self) -> FindsByKey:
        sink = self.sink()
        assert isinstance(sink, FindsByKey), "the sink has no method `find` (protocol FindsByKey)"
        return sink

    def undoes(self) -> Undoes:
        sink = self.sink()
        assert isinstance(sink, Undoes), "the sink has no method `undo` (protocol Undoes)"
        return sink

    # -- what is mapped --------------------------------------------------------------------------------------------

    @cached_property
    def mapped(self) -> Mapped:
        return self.source().mapped()

    def columns(self, table: Table) -> list[str]:
        """Return the system's columns that the connector's field map reads of a table."""
        return list(columns_of(self.mapped.fields.get(table, {})))

    def column(self, table: Table, name: str) -> str:
        """Return the system's column behind one of ours."""
        spec = self.mapped.fields.get(table, {}).get(name)
        assert spec is not None, f"`mapped()` has nothing for {table}.{name}"
        assert spec.column is not None, f"`mapped()` has a constant, not a column, for {table}.{name}"
        return spec.column

    def maps(self, table: Table, name: str) -> bool:
        return name in self.mapped.fields.get(table, {})

    # -- seeding ---------------------------------------------------------------------------------------------------

    def seed_deals(self, count: int, **values: object) -> list[str]:
        """Put deals into the system, each with a company and a contact of its own where those can be seeded."""
        tables = self.bench.seedable()
        some: list[dict[str, object]] = [{} for _ in range(count)]
        if Table.ACCOUNTS in tables:
            ids = self.bench.seed(Table.ACCOUNTS, [{"country": "JP"}] * count)
            some = [{**one, "account_id": account} for one, account in zip(some, ids, strict=True)]
        if Table.CONTACTS in tables:
            people = self.bench.seed(Table.CONTACTS, [{**one, "opted_out": False} for one in some])
            some = [{**one, "contact_id": person} for one, person in zip(some, people, strict=True)]
        return list(self.bench.seed(Table.DEALS, [{**lost_deal(n), **one, **values} for n, one in enumerate(some)]))

    def seed_one(self, **values: object) -> str:
        return self.seed_deals(1, **values)[0]

    # -- reading ---------------------------------------------------------------------------------------------------

    def pages(
        self,
        table: Table,
        after: str | None = None,
        *,
        source: Source | None = None,
        columns: Sequence[str] = (),
        empty: bool = False,
    ) -> Iterator[Page]:
        """Yield pages, and stop a source that never ends; of a table that may be `empty`, there may be none."""
        wanted = list(columns) or self.columns(table)
        count = -1
        for count, page in enumerate((source or self.source()).pages(table, after, wanted)):
            assert count < MOST_PAGES, f"`pages` of {table} did not end after {MOST_PAGES} pages"
            yield page
        assert empty or after is not None or count >= 0, f"`pages` of {table} gave no page at all, from the beginning"

    def ids(self, table: Table, pages: Sequence[Page] | Iterator[Page]) -> list[str]:
        """Return the ids of the records on these pages, in order."""
        column = self.column(table, ID[table])
        return [str(value) for page in pages for value in page.records[column]]

    def snapshot(self, *tables: Table) -> Snapshot:
        """Read tables as a run does: stage 1 and stage 2 of the product itself."""
        from recyclekit.stages.extract import extract
        from recyclekit.stages.normalize import normalize

        wanted = {table: self.columns(table) for table in (Table.DEALS, *tables)}
        return normalize(extract(self.source(), tables=wanted), self.mapped, timezone=self.opening.timezone)

    def deals(self, ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """Return the deals with these ids as stage 2 reads them, by id."""
        frame = self.snapshot().deals.filter(pl.col("deal_id").is_in(list(ids)))
        return {row["deal_id"]: row for row in frame.iter_rows(named=True)}

    # -- writing ---------------------------------------------------------------------------------------------------

    def own(self, **values: object) -> dict[str, object]:
        """Return values for all own fields."""
        return {**OWN, "recycle_owner": self.bench.owner, **values}

    def kinds(self) -> list[ActionKind]:
        """Return the kinds of action that the connector declares in full."""
        from recyclekit.connectors.manifest import Capability, Level

        needs = {
            ActionKind.SET_FIELDS: Capability.WRITE_FIELDS,
            ActionKind.CREATE_TASK: Capability.WRITE_TASKS,
            ActionKind.ENROL: Capability.ENROL,
        }
        declared = self.manifest.capabilities
        return [kind for kind, need in needs.items() if need in declared and declared[need].level is Level.FULL]

    def write(self, actions: Sequence[Action], sink: Sink | None = None) -> dict[str, Receipt]:
        """Write as stage 5 does (again where the connector says "later"); return what the answer proves, by key."""
        door = sink or self.sink()
        return self._by_key(actions, lambda: door.write(actions))

    def undo(self, actions: Sequence[Action]) -> dict[str, Receipt]:
        door = self.undoes()
        return self._by_key(actions, lambda: door.undo(actions))

    def patiently(self, call: Callable[[], Any]) -> Any:
        """Call until it no longer says "later", noting the waits that it asks for."""
        return Patience(attempts=MOST_TRIES, longest_wait=10_000).ask(call, self.waits.append, lambda: False)

    def done(self, actions: Sequence[Action], sink: Sink | None = None) -> dict[str, Receipt]:
        """Write, and insist that every action is proven done."""
        receipts = self.write(actions, sink)
        not_done = [r for r in receipts.values() if r.state is not ReceiptState.DONE]
        told = [f"{r.key} is {r.state} ({r.code}: {r.reason})" for r in not_done]
        assert not not_done, f"not proven done: {'; '.join(told)}"
        return receipts

    # -- the product's own runs --------------------------------------------------------------------------------------

    def run(
        self,
        actions: Sequence[Action],
        planned: Mapping[str, str] | None = None,
        *,
        run: str = "r1",
        sink: Sink | None = None,
    ) -> Outcome:
        """Carry actions out as stage 5 does, with a ledger; `planned`: fingerprints for the drift check."""
        return runs.write_back(self, actions, planned, run, sink)

    def resume(self, run: str = "r1") -> Outcome:
        return runs.resume(self, run)

    def failures(self, actions: Sequence[Action], run: str = "r1") -> list[dict[str, Any]]:
        """Carry actions out and return what the ledger holds of those that were refused."""
        self.run(actions, run=run)
        return runs.failed_rows(self, run)

    def read_back(
        self, deals: Collection[str], sink: ReadsBack | None = None, tables: Collection[Table] = (Table.DEALS,)
    ) -> Snapshot:
        return runs.read_back(self, deals, sink, tables)

    def prints(self, snapshot: Snapshot) -> dict[str, str]:
        return runs.prints(snapshot)

    def job(self, as_of: date) -> Job:
        return runs.job(self, as_of)

    def _by_key(self, actions: Sequence[Action], call: Callable[[], Sequence[Receipt]]) -> dict[str, Receipt]:
        return {receipt.key: receipt for receipt in proven(actions, self.patiently(call))}


ID: Mapping[Table, str] = {
    Table.DEALS: "deal_id",
    Table.CONTACTS: "contact_id",
    Table.ACCOUNTS: "account_id",
    Table.ACTIVITIES: "deal_id",
    Table.SIGNALS: "contact_id",
    Table.HISTORY: "deal_id",
}
"""The column by which the kit knows its own records again."""


def lost_deal(number: int) -> Record:
    """Return a lost deal that any CRM can hold."""
    return {
        "name": f"Deal {number}",
        "crm_state": "lost",
        "amount": 1000.0 + number,
        "created_on": date(2026, 1, 15),
        "closed_on": date(2026, 3, 31),
        "lost_reason": "予算がない",
    }

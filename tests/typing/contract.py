"""Never run, only type-checked: every protocol with its exact types, as authors write and the core calls them.

A change here is a change of the contract: see recyclekit.connectors.manifest.API_VERSION.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, assert_type
from zoneinfo import ZoneInfo

import polars as pl
from pydantic import BaseModel

from recyclekit.connectors import (
    FULL,
    Calls,
    Capability,
    ConnectorManifest,
    CountsRecords,
    Erases,
    FindsByKey,
    KnowsQuota,
    KnowsTidiness,
    Level,
    Opening,
    Page,
    ReadsBack,
    ScansColumns,
    SetsUp,
    Sink,
    Source,
    SplitsBatches,
    Support,
    TellsCalls,
    Undoes,
    hookimpl,
)
from recyclekit.models.field_map import Mapped
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.snapshot import Finding
from recyclekit.models.tables import Table


class MySettings(BaseModel):
    url: str


class MySource:
    """A source with the fast path; its methods take no more and give no less than the protocols say."""

    def tables(self) -> Collection[Table]:
        return (Table.DEALS,)

    def mapped(self) -> Mapped:
        return Mapped()

    def columns(self, table: Table) -> Collection[str]:
        return ()

    def pages(self, table: Table, after: str | None, columns: Collection[str]) -> Iterator[Page]:
        yield Page(table=table, records=pl.DataFrame(), cursor=after or "start")

    def scan(self, table: Table, columns: Collection[str]) -> tuple[pl.LazyFrame, pl.DataFrame]:
        return pl.LazyFrame(), pl.DataFrame()

    def count(self, table: Table) -> int:
        return 1

    def tidy(self, table: Table) -> Collection[str]:
        return ()


class MySink:
    """A sink that can do everything."""

    @property
    def batch_size(self) -> int:
        return 1

    def preflight(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        return ()

    def write(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        return [Receipt(key=a.key, state=ReceiptState.DONE, remote_id="1", proof="id echoed") for a in actions]

    def calls(self, kinds: Mapping[ActionKind, int]) -> int:
        return sum(kinds.values())

    def read_back(
        self, deal_ids: Sequence[str], columns: Mapping[Table, Collection[str]]
    ) -> Mapping[Table, pl.DataFrame]:
        return {}

    def find(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        return ()

    def undo(self, actions: Sequence[Action]) -> Sequence[Receipt]:
        return ()

    def parts(self, actions: Sequence[Action]) -> Sequence[Sequence[Action]]:
        return [actions]

    def calls_left(self) -> int | None:
        return None

    def missing(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        return ()

    def set_up(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        return ()

    def erase(self, deals: Collection[str]) -> int:
        return 0


def open_source(settings: MySettings, opening: Opening) -> MySource:
    return MySource()


def open_sink(settings: MySettings, opening: Opening) -> MySink:
    return MySink()


MANIFEST = ConnectorManifest(
    name="mine",
    summary="Mine.",
    version="1",
    settings=MySettings,
    open_source=open_source,
    open_sink=open_sink,
    capabilities={Capability.READ_DEALS: FULL, Capability.ERASE: Support(Level.NEVER, "no people")},
)


@hookimpl
def recyclekit_connectors() -> Sequence[ConnectorManifest[Any]]:
    return (MANIFEST,)


def every_protocol_is_met_by_what_the_docs_say() -> None:
    source: tuple[Source, ScansColumns, KnowsTidiness, CountsRecords] = (MySource(), MySource(), MySource(), MySource())
    sink: tuple[Sink, ReadsBack, FindsByKey, Undoes, SplitsBatches, KnowsQuota, SetsUp, Erases] = (
        MySink(), MySink(), MySink(), MySink(), MySink(), MySink(), MySink(), MySink(),
    )  # fmt: skip
    assert_type(MANIFEST, ConnectorManifest[MySettings])
    assert source
    assert sink


def what_the_core_is_given(source: Source, action: Action) -> None:
    assert_type(source.tables(), Collection[Table])
    assert_type(source.mapped(), Mapped)
    assert_type(source.columns(table=Table.DEALS), Collection[str])
    assert_type(source.pages(table=Table.DEALS, after=None, columns=["id"]), Iterator[Page])
    if isinstance(source, ScansColumns):
        assert_type(source.scan(table=Table.DEALS, columns=["id"]), tuple[pl.LazyFrame, pl.DataFrame])
    if isinstance(source, KnowsTidiness):
        assert_type(source.tidy(table=Table.DEALS), Collection[str])
    if isinstance(source, CountsRecords):
        assert_type(source.count(table=Table.DEALS), int)


def what_the_core_is_told(sink: Sink, action: Action) -> None:
    assert_type(sink.batch_size, int)
    assert_type(sink.preflight(kinds=[ActionKind.ENROL]), Sequence[Finding])
    assert_type(sink.write(actions=[action]), Sequence[Receipt])
    assert_type(sink.calls(kinds={ActionKind.ENROL: 1}), int)
    if isinstance(sink, ReadsBack):
        assert_type(sink.read_back(deal_ids=["1"], columns={Table.DEALS: ["id"]}), Mapping[Table, pl.DataFrame])
    if isinstance(sink, FindsByKey):
        assert_type(sink.find(actions=[action]), Sequence[Receipt])
    if isinstance(sink, Undoes):
        assert_type(sink.undo(actions=[action]), Sequence[Receipt])
    if isinstance(sink, SplitsBatches):
        assert_type(sink.parts(actions=[action]), Sequence[Sequence[Action]])
    if isinstance(sink, KnowsQuota):
        assert_type(sink.calls_left(), int | None)
    if isinstance(sink, SetsUp):
        assert_type(sink.missing(kinds=[ActionKind.ENROL]), Sequence[Finding])
        assert_type(sink.set_up(kinds=[ActionKind.ENROL]), Sequence[Finding])
    if isinstance(sink, TellsCalls):
        assert_type(sink.told_calls(), Calls)
    if isinstance(sink, Erases):
        assert_type(sink.erase(deals=["1"]), int)


def what_passes_through_the_doors(page: Page, action: Action, receipt: Receipt, opening: Opening) -> None:
    assert_type((page.table, page.records, page.cursor, page.set_aside), tuple[Table, pl.DataFrame, str, pl.DataFrame])
    assert_type((action.key, action.kind, action.deal_id), tuple[str, ActionKind, str])
    assert_type((action.cycle, action.step, action.payload), tuple[int, str | None, Mapping[str, object]])
    assert_type((action.before, action.remote_id), tuple[Mapping[str, object] | None, str | None])
    assert_type((receipt.key, receipt.state, receipt.remote_id), tuple[str, ReceiptState, str | None])
    assert_type((receipt.proof, receipt.code, receipt.reason), tuple[str, str, str])
    assert_type((receipt.field, receipt.correlation), tuple[str, str])
    assert_type((opening.folder, opening.timezone), tuple[Path, ZoneInfo])


class Mute:
    """A sink without `write`."""

    @property
    def batch_size(self) -> int:
        return 1

    def preflight(self, kinds: Collection[ActionKind]) -> Sequence[Finding]:
        return ()

    def calls(self, kinds: Mapping[ActionKind, int]) -> int:
        return 0


class Vague(MySink):
    """A sink that answers a batch with whether it went well."""

    def write(self, actions: Sequence[Action]) -> bool:  # type: ignore[override]  # that is the mistake
        return True


def what_is_not_the_contract_is_refused(page: Page) -> None:
    mute: Sink = Mute()  # type: ignore[assignment]  # no `write`
    vague: Sink = Vague()  # type: ignore[assignment]  # receipts, not a bool
    page.cursor = "0"  # type: ignore[misc]  # frozen
    assert mute
    assert vague

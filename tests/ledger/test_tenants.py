"""Tenants on one ledger: whatever one does, in any order, the other sees and suffers nothing of it.

Each tenant's deeds are done a second time in a ledger that nobody shares: the answers must be the same, word for word.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recyclekit.errors import ConfigError, LedgerError, RecyclekitError
from recyclekit.ledger import open_ledger, recall
from recyclekit.ledger.protocol import Ledger, LedgerReader
from recyclekit.ledger.sql import SqlLedger
from recyclekit.models.inverse import inverse
from recyclekit.models.plan import Plan
from recyclekit.models.proposal import Cause, Door, Verdict
from recyclekit.models.run import ReceiptState, RunKind, RunState
from recyclekit.models.snapshot import dead_letters
from recyclekit.project_file.spec import ledger_of
from tests.ledger.deeds import a_plan, a_run, receipts, task
from tests.ledger.deeds import fields as own_fields
from tests.ledger.test_proposals import WEEK, a_whole_plan
from tests.postgres_server import MISSING, server
from tests.stores import STORES, postgres_template, quick_folder, sqlite_template

TENANTS = ("acme", "globex")
PIPELINES, RUNS, DEALS = ("main", "other"), ("r1", "r2", "r12"), ("D1", "D2", "D3")
_NEWS = {"ended_at", "started_at", "made_at", "decided_at", "expires_at", "holder"}  # moments: no two are the same


@dataclass
class Twin:
    """A tenant's ledger beside others, and the same told to one of its own."""

    shared: SqlLedger
    alone: SqlLedger
    leases: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def both(self, deed: Callable[[SqlLedger, int], object]) -> None:
        answers = [_answer(lambda n=n, ledger=ledger: deed(ledger, n)) for n, ledger in enumerate(self.ledgers)]  # type: ignore[misc]  # bound now
        assert _plain(answers[0]) == _plain(answers[1])

    @property
    def ledgers(self) -> tuple[SqlLedger, SqlLedger]:
        return self.shared, self.alone

    def acquire(self, pipeline: str, run: str) -> None:
        found = [_answer(lambda ledger=ledger: ledger.acquire(pipeline, run)) for ledger in self.ledgers]  # type: ignore[misc]  # bound now
        assert _plain(found[0]) == _plain(found[1])
        if not isinstance(found[0], Exception):
            self.leases[pipeline] = (found[0], found[1])

    def close(self) -> None:
        for ledger in self.ledgers:
            ledger.close()


Step = tuple[str, str, str, str, ReceiptState]
_DEEDS: dict[str, Callable[[Twin, str, str, str, ReceiptState], None]] = {}


def deed(function: Callable[[Twin, str, str, str, ReceiptState], None]) -> None:
    """Note a deed under the name of the ledger's method."""
    _DEEDS[function.__name__] = function


@deed
def acquire(twin: Twin, pipeline: str, run: str, deal: str, state: ReceiptState) -> None:
    twin.acquire(pipeline, run)


@deed
def release(twin: Twin, pipeline: str, run: str, deal: str, state: ReceiptState) -> None:
    _with_lease(twin, pipeline, lambda ledger, lease: ledger.release(lease))


@deed
def renew(twin: Twin, pipeline: str, run: str, deal: str, state: ReceiptState) -> None:
    _with_lease(twin, pipeline, lambda ledger, lease: ledger.renew(lease))


@deed
def begin(twin: Twin, pipeline: str, run: str, deal: str, state: ReceiptState) -> None:
    plan = a_plan(*(task(one, pipeline=pipeline) for one in DEALS[: 1 + len(run) % 3]), own_fields(deal, run))
    aside = dead_letters([{"stage": "normalize", "table": "deals", "record_id": deal, "code": "ambiguous_date"}])
    _with_lease(twin, pipeline, lambda ledger, lease: ledger.begin(lease, a_run(run, pipeline), plan, aside))


@deed
def mark_sent(twin: Twin, pipeline: str, run: str, deal: str, state: ReceiptState) -> None:
    key = f"{pipeline}:{deal}:1:first"
    _with_lease(twin, pipeline, lambda ledger, lease: ledger.mark_sent(lease, run, [key]))


@deed
def settle(twin: Twin, pipeline: str, run: str, deal: str, state: ReceiptState) -> None:
    key = f"{pipeline}:{deal}:1:first"
    _with_lease(twin, pipeline, lambda ledger, lease: ledger.settle(lease, run, receipts([key], state)))


@deed
def reopen(twin: Twin, pipeline: str, run: str, deal: str, state: ReceiptState) -> None:
    _with_lease(twin, pipeline, lambda ledger, lease: ledger.reopen(lease, run))


@deed
def give_up(twin: Twin, pipeline: str, run: str, deal: str, state: ReceiptState) -> None:
    key = f"{pipeline}:{deal}:1:first"
    _with_lease(twin, pipeline, lambda ledger, lease: ledger.give_up(lease, run, [key]))


@deed
def end(twin: Twin, pipeline: str, run: str, deal: str, state: ReceiptState) -> None:
    _with_lease(twin, pipeline, lambda ledger, lease: ledger.end(lease, run, RunState.SUCCESS))


@deed
def end_cycles(twin: Twin, pipeline: str, run: str, deal: str, state: ReceiptState) -> None:
    ended = pl.DataFrame([(deal, 1, date(2026, 2, 1), "track_done")],
                         schema={"deal_id": pl.String, "cycle": pl.Int16, "ended_on": pl.Date, "ended_why": pl.String},
                         orient="row")  # fmt: skip
    _with_lease(twin, pipeline, lambda ledger, lease: ledger.end_cycles(lease, ended))


@deed
def undo_settle(twin: Twin, pipeline: str, run: str, deal: str, state: ReceiptState) -> None:
    """A whole undo: its intents, sent, and what became of them."""
    undo = f"u-{run}"

    def work(ledger: SqlLedger, lease: Any) -> object:
        done = ledger.actions(run, [ReceiptState.DONE]).filter(pl.col("undone_by").is_null())
        planned = inverse(undo, done)
        story = a_run(undo, pipeline)
        ledger.begin(lease, replace(story, kind=RunKind.UNDO, of_run=run), planned, dead_letters())
        keys = planned["key"].to_list()
        ledger.mark_sent(lease, undo, keys)
        return ledger.undo_settle(lease, undo, receipts(keys))

    _with_lease(twin, pipeline, work)


@deed
def propose(twin: Twin, pipeline: str, run: str, deal: str, state: ReceiptState) -> None:
    plan = proposed_plan(run, pipeline)
    twin.both(lambda ledger, n: ledger.propose(plan, Cause.APPROVAL, WEEK, f"flow-{deal}"))


@deed
def decide(twin: Twin, pipeline: str, run: str, deal: str, state: ReceiptState) -> None:
    verdict = Verdict(approve=state is ReceiptState.DONE, door=Door.SHELL)
    twin.both(lambda ledger, n: ledger.decide(run, verdict))


@functools.cache
def proposed_plan(run: str, pipeline: str) -> Plan:
    return a_whole_plan(run, pipeline=pipeline)


def _with_lease(twin: Twin, pipeline: str, work: Callable[[SqlLedger, Any], object]) -> None:
    if pipeline in twin.leases:
        twin.both(lambda ledger, n: work(ledger, twin.leases[pipeline][n]))


def _proposed(ledger: SqlLedger, run: str) -> object:
    plan = ledger.proposed(run)
    return [plan.manifest, plan.actions, plan.dead_letters, plan.ended_cycles]


LOOKS: dict[str, Callable[[SqlLedger], object]] = {
    "leases": lambda ledger: [(one.pipeline, one.holder.run) for one in ledger.leases()],
    "proposals": lambda ledger: [ledger.proposals(), *(ledger.proposals(pipeline) for pipeline in PIPELINES)],
    "proposal": lambda ledger: [ledger.proposal(name) for name in (*RUNS, "r", "flow-D1", "flow-D2")],
    "proposed": lambda ledger: [_answer(lambda run=run: _proposed(ledger, run)) for run in RUNS],  # type: ignore[misc]  # bound now
    "memory": lambda ledger: [ledger.memory(pipeline) for pipeline in PIPELINES],
    "runs": lambda ledger: [ledger.runs(), *(ledger.runs(pipeline) for pipeline in PIPELINES)],
    "hand_backs": lambda ledger: [ledger.hand_backs(name) for name in (*RUNS, "u-r1")],
    "hand_backs_of": lambda ledger: [ledger.hand_backs_of(pipeline, deal) for pipeline in PIPELINES for deal in DEALS],
    "known": lambda ledger: [ledger.known(name) for name in (*RUNS, "r", "u-r1")],
    "undos": lambda ledger: [ledger.undos(name) for name in (*RUNS, "u-r1")],
    "unfinished": lambda ledger: [ledger.unfinished(pipeline) for pipeline in PIPELINES],
    "begun_by": lambda ledger: [ledger.begun_by(pipeline, name) for pipeline in PIPELINES for name in ("flow-D1", "f")],
    "run": lambda ledger: [_answer(lambda name=name: ledger.run(name)) for name in (*RUNS, "r", "u", "u-r1")],  # type: ignore[misc]  # bound now
    "actions": lambda ledger: [_answer(lambda run=run: ledger.actions(run)) for run in (*RUNS, "u-r1")],  # type: ignore[misc]  # bound now
    "dead_letters": lambda ledger: [_answer(lambda run=run: ledger.dead_letters(run)) for run in RUNS],  # type: ignore[misc]  # bound now
    "pending": lambda ledger: [_answer(lambda run=run: list(ledger.pending(run, 2))) for run in RUNS],  # type: ignore[misc]  # bound now
    "unsettled": lambda ledger: [_answer(lambda run=run: list(ledger.unsettled(run, 2))) for run in RUNS],  # type: ignore[misc]  # bound now
}


@pytest.fixture(params=STORES)
def twins(request: pytest.FixtureRequest) -> Iterator[Callable[[], list[Twin]]]:
    """Make two tenants on one empty ledger, each with a ledger of its own that is told the same; again and again."""
    folders: list[Path] = []
    if request.param == "postgres" and server() is None:
        pytest.skip(MISSING)
    url = _postgres() if request.param == "postgres" else "sqlite:///ledger.db"
    made: list[Twin] = []

    def make() -> list[Twin]:
        _let_go(made, folders)
        folders.extend(quick_folder() for _ in range(3))
        if url.startswith("postgresql"):
            _emptied(url)
        else:
            for tenant in TENANTS:
                shutil.copy(sqlite_template(), folders[0] / f"ledger.{tenant}.db")
        for tenant, folder in zip(TENANTS, folders[1:], strict=True):
            shutil.copy(sqlite_template(), folder / "ledger.db")
            alone = open_ledger("sqlite:///ledger.db", folder)
            made.append(Twin(open_ledger(ledger_of(url, tenant), folders[0]), alone))
        return made

    yield make
    _let_go(made, folders)


def _let_go(made: list[Twin], folders: list[Path]) -> None:
    for twin in made:
        twin.close()
    for folder in folders:
        shutil.rmtree(folder)
    made.clear()
    folders.clear()


def _postgres() -> str:
    """Return a database in which both tenants have their schema."""
    one = server()
    assert one is not None
    url = one.copy_of(postgres_template())
    for tenant in TENANTS:
        ledger = open_ledger(ledger_of(url, tenant), Path())
        ledger.release(ledger.acquire("template", "template"))
        ledger.close()
    return url


def _emptied(url: str) -> None:
    from recyclekit.ledger.schema import metadata

    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        for tenant in TENANTS:
            gone = "; ".join(f"DELETE FROM tenant_{tenant}.{table.name}" for table in reversed(metadata.sorted_tables))
            connection.execute(f"{gone}; SELECT setval('tenant_{tenant}.runs_run_no_seq', 1, false)")  # type: ignore[call-overload]  # psycopg wants a literal


STEPS = st.tuples(
    st.sampled_from(["begin", "begin", "mark_sent", "mark_sent", "settle", "settle", *sorted(_DEEDS)]),
    st.sampled_from(PIPELINES),
    st.sampled_from(RUNS),
    st.sampled_from(DEALS),
    st.sampled_from([ReceiptState.DONE, ReceiptState.DONE, ReceiptState.FAILED, ReceiptState.IN_DOUBT]),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(st.tuples(st.integers(0, 1), STEPS), min_size=20, max_size=60))
def test_what_one_tenant_does_the_other_neither_sees_nor_suffers(
    twins: Callable[[], list[Twin]], story: list[tuple[int, Step]]
) -> None:
    pair = twins()
    for twin in pair:
        twin.acquire("main", "r1")
    for who, (name, *rest) in story:
        _DEEDS[name](pair[who], *rest)
    for twin in pair:
        for look in LOOKS.values():
            twin.both(lambda ledger, _n, look=look: look(ledger))  # type: ignore[misc]  # bound now


def test_every_method_of_the_protocol_is_tried() -> None:
    said = {name for protocol in (Ledger, LedgerReader) for name in vars(protocol) if not name.startswith("_")}
    assert said == {*_DEEDS, *LOOKS}


def test_planning_remembers_its_own_tenant_only(twins: Callable[[], list[Twin]], tmp_path: Path) -> None:
    acme, globex = (twin.shared for twin in twins())
    lease = acme.acquire("main", "r1")
    acme.begin(lease, a_run(), a_plan(task("D1")), dead_letters())
    acme.mark_sent(lease, "r1", ["main:D1:1:first"])
    acme.settle(lease, "r1", receipts(["main:D1:1:first"]))
    assert acme.memory("main").touches.height == 1
    assert globex.memory("main").touches.height == 0
    assert globex.runs() == []
    with pytest.raises(LedgerError, match="no run"):
        globex.run("r1")


def test_without_a_tenant_nothing_of_tenants_is_seen(tmp_path: Path) -> None:
    url = "sqlite:///ledger.db"
    acme = open_ledger(ledger_of(url, "acme"), tmp_path)
    acme.release(acme.acquire("main", "r1"))
    acme.close()
    assert (tmp_path / "ledger.acme.db").exists()
    assert not (tmp_path / "ledger.db").exists()
    assert recall(url, tmp_path, "main").touches.height == 0


@pytest.mark.postgres
def test_a_role_of_its_own_keeps_a_tenant_out_of_anothers_schema(empty_postgres_url: str) -> None:
    with psycopg.connect(empty_postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        for tenant in TENANTS:
            connection.execute(f"DROP ROLE IF EXISTS {tenant}; CREATE ROLE {tenant} LOGIN")  # type: ignore[call-overload]  # psycopg wants a literal
            connection.execute(f"CREATE SCHEMA tenant_{tenant} AUTHORIZATION {tenant}")  # type: ignore[call-overload]  # psycopg wants a literal
    try:
        host = empty_postgres_url.replace("recyclekit@", "{}@")
        acme = open_ledger(ledger_of(host.format("acme"), "acme"), Path())
        acme.release(acme.acquire("main", "r1"))
        acme.close()
        intruder = open_ledger(ledger_of(host.format("globex"), "acme"), Path())
        assert intruder.runs() == []
        with pytest.raises(LedgerError):
            intruder.acquire("main", "r2")
        intruder.close()
        with (
            psycopg.connect(host.format("globex").replace("+psycopg", "")) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("SELECT * FROM tenant_acme.leases")
    finally:
        with psycopg.connect(empty_postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
            for tenant in TENANTS:
                connection.execute(f"DROP OWNED BY {tenant} CASCADE; DROP ROLE {tenant}")  # type: ignore[call-overload]  # psycopg wants a literal


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("sqlite:///ledger.db", "sqlite:///ledger.acme.db"),
        ("sqlite:////var/lib/recyclekit/ledger.db", "sqlite:////var/lib/recyclekit/ledger.acme.db"),
        ("sqlite:///sub/ledger", "sqlite:///sub/ledger.acme"),
        ("postgresql+psycopg://u@h/db", "postgresql+psycopg://u@h/db?schema=tenant_acme"),
        ("postgresql://u@h/db?sslmode=require", "postgresql://u@h/db?sslmode=require&schema=tenant_acme"),
    ],
)
def test_a_tenant_has_an_address_of_its_own(url: str, own: str) -> None:
    assert ledger_of(url, "acme") == own


def test_a_schema_is_no_place_for_a_statement() -> None:
    with pytest.raises(ConfigError, match="schema"):
        open_ledger('postgresql://u@h/db?schema=x"; DROP TABLE runs; --', Path())


def _answer(ask: Callable[[], object]) -> object:
    try:
        return ask()
    except RecyclekitError as error:
        return error


def _shown(value: Any) -> dict[str, Any]:
    return {one.name: getattr(value, one.name) for one in fields(value)}


def _plain(value: Any) -> Any:
    """Return an answer without what no two ledgers have in common: moments, and the processes that hold a lease."""
    if isinstance(value, Exception):
        return type(value).__name__
    if isinstance(value, pl.DataFrame):
        return value.rows()
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(inner) for name, inner in _shown(value).items() if name not in _NEWS}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value


@pytest.mark.postgres
def test_two_companies_with_one_ledger_and_the_same_names_never_meet(empty_postgres_url: str, tmp_path: Path) -> None:
    from recyclekit.project import open_project
    from recyclekit.samples.generator import generate
    from recyclekit.samples.template import demo_project

    jobs = []
    for tenant in TENANTS:
        folder = tmp_path / tenant
        folder.mkdir()
        text = demo_project(generate(folder, deals=60, seed=7, as_of=date(2026, 11, 20)))
        lines = [line for line in text.splitlines() if not line.startswith("ledger:")]
        named = [*lines, f"ledger: {empty_postgres_url}", f"tenant: {tenant}"]
        (folder / "recyclekit.yaml").write_text("\n".join(named), encoding="utf-8")
        jobs.append(open_project(folder).job(as_of=date(2026, 11, 20)))
    acme, globex = jobs
    outcome = acme.write_back(acme.plan())
    assert outcome.applied > 0
    assert globex.open_ledger().runs() == []
    assert globex.recall(globex.as_of).touches.is_empty()
    with pytest.raises(LedgerError, match="no run"):
        globex.undo(outcome.run)
    other = globex.write_back(globex.plan())
    assert other.applied == outcome.applied  # the same deals under the same keys, for the first time here
    assert [run.run for run in acme.open_ledger().runs()] == [outcome.run]
    undone = replace(acme, run="u1").undo(outcome.run)
    assert undone.applied > 0
    assert {row[0] for row in globex.open_ledger().actions(other.run).select("state").iter_rows()} == {"done"}

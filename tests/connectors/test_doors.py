"""A bug ends with its connector's name; what is no receipt proves nothing; a guard changes nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from recyclekit.connectors import FindsByKey, ReadsBack, ScansColumns, Sink, Source, Undoes
from recyclekit.connectors.doors import Provider, guarded_sink, guarded_source, provider_of
from recyclekit.errors import BrokenConnectorError, InDoubtError, QuotaError, RefusedError
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.tables import Table

ACME = Provider(connection="crm", connector="acme", package="recyclekit-acme")
ACTION = Action(key="k", kind=ActionKind.CREATE_TASK, deal_id="D", cycle=1, step=None, payload={})


class Writes:
    """The least that a sink can be."""

    batch_size = 10

    def __init__(self, answer: object = None) -> None:
        self.answer = answer

    def preflight(self, kinds: object) -> list[Any]:
        return []

    def calls(self, kinds: object) -> int:
        return 1

    def write(self, actions: Sequence[Action]) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class WritesAndFinds(Writes):
    def find(self, actions: Sequence[Action]) -> Any:
        return self.write(actions)


class Reads:
    """A source of two pages, the second of which breaks."""

    def tables(self) -> list[Table]:
        return [Table.DEALS]

    def mapped(self) -> Any:
        raise KeyError("stages")

    def columns(self, table: Table) -> list[str]:
        return []

    def pages(self, table: Table, after: str | None, columns: object) -> Iterator[Any]:
        yield "no page" if after else {}["results"]


def test_a_bug_names_connector_package_call_and_line() -> None:
    with pytest.raises(BrokenConnectorError) as caught:
        guarded_sink(Writes(ZeroDivisionError("division by zero")), ACME).write([ACTION])
    said = str(caught.value)
    for part in ("connector acme", "package recyclekit-acme", "`write`", "ZeroDivisionError", "test_doors.py, line"):
        assert part in said
    assert caught.value.exit_code == 1


def test_errors_of_the_contract_pass_as_they_are() -> None:
    with pytest.raises(QuotaError, match="Spent"):
        guarded_sink(Writes(QuotaError("Spent.")), ACME).write([ACTION])


def test_an_error_names_nobody_whom_the_other_side_quotes() -> None:
    with pytest.raises(RefusedError) as caught, ACME.answering("pages"):
        raise RefusedError("It refuses the page.", why="hanako.yamada@example.co.jp, 03-1234-5678: there twice.")
    assert "hanako" not in str(caught.value)
    assert caught.value.why == "<address>, <number>: there twice."


@pytest.mark.parametrize("answer", [None, {"k": "done"}, ["done"], Receipt(key="k", state=ReceiptState.DONE)])
def test_an_answer_that_is_no_list_of_receipts_leaves_the_batch_in_doubt(answer: object) -> None:
    sink = guarded_sink(WritesAndFinds(answer), ACME)
    assert isinstance(sink, FindsByKey)
    for ask in (sink.write, sink.find):
        with pytest.raises(InDoubtError, match=r"acme .* instead of receipts"):
            ask([ACTION])


def test_a_guarded_sink_can_do_what_the_bare_one_can_and_nothing_else() -> None:
    bare, finds = guarded_sink(Writes([]), ACME), guarded_sink(WritesAndFinds([]), ACME)
    assert isinstance(bare, Sink)
    assert not isinstance(bare, FindsByKey)
    assert isinstance(finds, FindsByKey)
    assert not isinstance(finds, ReadsBack)
    assert not isinstance(finds, Undoes)
    assert bare.batch_size == 10
    assert provider_of(bare) == ACME
    assert provider_of(Writes()) is None


@pytest.mark.parametrize("size", [0, -1, None, "100"])
def test_a_batch_size_that_is_no_positive_number_is_refused_at_the_door(size: object) -> None:
    sink = Writes([])
    sink.batch_size = size  # type: ignore[assignment]  # what a careless connector does
    with pytest.raises(BrokenConnectorError, match="batch_size"):
        guarded_sink(sink, ACME)


def test_a_source_that_breaks_while_it_is_read_names_itself() -> None:
    source = guarded_source(Reads(), ACME)
    assert isinstance(source, Source)
    assert not isinstance(source, ScansColumns)
    with pytest.raises(BrokenConnectorError, match=r"acme .*`mapped`.*KeyError"):
        source.mapped()
    with pytest.raises(BrokenConnectorError, match=r"acme .*`pages`.*KeyError"):
        list(source.pages(Table.DEALS, None, []))
    with pytest.raises(BrokenConnectorError, match="a str, not a Page"):
        list(source.pages(Table.DEALS, "1", []))

"""Our reading of SOQL beside that of @jetstreamapp/soql-parser-js: both take a statement, or both refuse it.

The other parser is looser in a few places where the vendor, and so the sandbox, is strict; each is named here, and
ours must never be the looser one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from recyclekit.testing.sandbox.salesforce.soql import SoqlError, parse
from tests.clients.soql import Judge, judge
from tests.testing.sandbox.salesforce.statements import spoilt, statements

LOOSER_THERE = {
    "an alias for a plain field": re.compile(r"SELECT .*\S \[HERE\]\w"),
    "no AND between two conditions": re.compile(r"WHERE .*[\w')] \[HERE\][\w(]"),
    "AND before the first condition": re.compile(r"(WHERE|\() \[HERE\](AND|OR)"),
    "NOT NOT": re.compile(r"NOT \[HERE\]NOT"),
    "ORDER taken for an alias": re.compile(r"ORDER ?\[HERE\]"),
}


@pytest.fixture(scope="module")
def parser() -> Iterator[Judge]:
    with judge() as running:
        yield running


def _refusal(statement: str) -> SoqlError | None:
    try:
        parse(statement)
    except SoqlError as error:
        return error
    return None


def _marked(statement: str, error: SoqlError) -> str:
    """The statement with the place marked where we refuse it."""
    found = re.search(r"Column:(\d+)", error.message)
    place = int(found[1]) - 1 if found else 0
    return f"{statement[:place]}[HERE]{statement[place:]}"


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(statement=statements())
def test_both_take_every_right_statement(parser: Judge, statement: str) -> None:
    assert _refusal(statement) is None
    assert parser.accepts(statement)


@settings(max_examples=600, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(statement=spoilt())
def test_of_a_spoilt_statement_both_say_the_same_where_the_vendor_is_not_stricter(
    parser: Judge, statement: str
) -> None:
    error = _refusal(statement)
    if error is None:
        assert parser.accepts(statement)
    elif error.code == "MALFORMED_QUERY" and parser.accepts(statement):
        marked = _marked(statement, error)
        assert any(known.search(marked) for known in LOOSER_THERE.values()), marked


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT COUNT() FROM Opportunity",
        "SELECT StageName, COUNT(Id) deals FROM Opportunity GROUP BY StageName",
        "SELECT MAX(SystemModstamp) FROM Task",
        "SELECT Id FROM Contact WHERE Id IN (SELECT ContactId FROM OpportunityContactRole WHERE IsPrimary = true)",
        "select id from opportunity o where o.amount > 5 order by o.name",
        "SELECT toLabel(StageName) FROM Opportunity",
    ],
)
def test_both_take_what_is_rarer(parser: Judge, statement: str) -> None:
    assert _refusal(statement) is None
    assert parser.accepts(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT FROM Opportunity",
        "SELECT Id, FROM Opportunity",
        "SELECT Id Opportunity",
        "SELECT Id FROM Opportunity;",
        "SELECT Id FROM Opportunity WHERE Name = 'x",
        'SELECT Id FROM Opportunity WHERE Name = "x"',
        "SELECT Id FROM Opportunity WHERE Id IN ()",
        "SELECT Id FROM Opportunity WHERE Name NOT LIKE 'x'",
        "SELECT Id FROM Opportunity WHERE Amount = 1e5",
        "SELECT Id FROM Opportunity WHERE CloseDate = LAST_N_DAYS",
        "SELECT Id FROM Opportunity LIMIT -1",
        "SELECT Id FROM Opportunity LIMIT 5 ORDER BY Id",
        "SELECT Id FROM Opportunity WHERE 'x' = Name",
        "SELECT Id FROM Opportunity WHERE Name = Id",
    ],
)
def test_both_refuse_what_is_no_soql(parser: Judge, statement: str) -> None:
    assert _refusal(statement) is not None
    assert not parser.accepts(statement)

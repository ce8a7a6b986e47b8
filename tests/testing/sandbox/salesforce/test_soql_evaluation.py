"""What a condition lets pass: against a plain reading of the same rules, for drawn records and conditions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recyclekit.testing.sandbox import StillClock
from recyclekit.testing.sandbox.salesforce.org import Org
from recyclekit.testing.sandbox.salesforce.soql import parse
from recyclekit.testing.sandbox.salesforce.soql.relative import RELATIVE, days
from recyclekit.testing.sandbox.salesforce.soql.selection import selected, source_of
from recyclekit.testing.sandbox.salesforce.soql.syntax import Relative

NAMES = ("Acme", "acme", "Zürich 100%", "a_b", "失注")
AMOUNTS = (-1.0, 0.0, 5.0, 5.5)
DAYS = ("2026-11-01", "2026-11-22", "2026-12-31")
CALENDAR = st.dates(date(2000, 1, 1), date(2090, 1, 1))
Test = Callable[[dict[str, Any]], bool]


def _org(rows: list[dict[str, Any]]) -> Org:
    org = Org(StillClock())
    for row in rows:
        org.put("Opportunity", **row)
    return org


def _found(org: Org, statement: str, *, deleted: bool = False) -> list[str]:
    query = parse(statement)
    return [record.id for record in selected(org, query, source_of(org, query), deleted=deleted)]


def _all(org: Org) -> list[Any]:
    return list(org.store.records["Opportunity"].values())


ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "Name": st.sampled_from(NAMES),
            "Amount": st.sampled_from(AMOUNTS),
            "CloseDate": st.sampled_from(DAYS),
            "IsClosed": st.booleans(),
        },
    ),
    max_size=8,
)


@st.composite
def conditions(draw: st.DrawFn) -> tuple[str, Test]:
    """A condition as SOQL and as the plain reading of it."""
    return draw(st.recursive(_comparisons(), _combined, max_leaves=5))


def _combined(inner: st.SearchStrategy[tuple[str, Test]]) -> st.SearchStrategy[tuple[str, Test]]:
    def both(drawn: tuple[str, list[tuple[str, Test]]]) -> tuple[str, Test]:
        word, parts = drawn
        combine = all if word == "AND" else any
        return f" {word} ".join(f"({text})" for text, _ in parts), lambda row: combine(test(row) for _, test in parts)

    opposite = inner.map(lambda part: (f"NOT ({part[0]})", lambda row: not part[1](row)))
    pairs = st.tuples(st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3))
    return st.one_of(opposite, pairs.map(both))


@st.composite
def _comparisons(draw: st.DrawFn) -> tuple[str, Test]:
    field, values = draw(st.sampled_from([("Name", NAMES), ("Amount", AMOUNTS), ("CloseDate", DAYS)]))
    sign = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "IN", "NOT IN"]))
    if sign in {"IN", "NOT IN"}:
        wanted = draw(st.lists(st.sampled_from(values), min_size=1, max_size=3))
        text = f"{field} {sign} ({', '.join(_literal(field, value) for value in wanted)})"
        return text, lambda row: (_plain(row.get(field)) in [_plain(value) for value in wanted]) == (sign == "IN")
    value = draw(st.sampled_from([*values, None]))
    return f"{field} {sign} {_literal(field, value)}", lambda row: _holds(sign, _plain(row.get(field)), _plain(value))


def _literal(field: str, value: Any) -> str:
    if value is None:
        return "null"
    return f"'{value}'" if field == "Name" else str(value)


def _plain(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _holds(sign: str, value: Any, wanted: Any) -> bool:
    """Null equals null, differs from everything else, and is neither less nor more than anything."""
    if sign in {"=", "!="}:
        return (value == wanted) == (sign == "=")
    if value is None or wanted is None:
        return False
    return bool({"<": value < wanted, "<=": value <= wanted, ">": value > wanted, ">=": value >= wanted}[sign])


@given(rows=ROWS, condition=conditions())
def test_a_condition_lets_pass_what_a_plain_reading_lets_pass(rows: list[dict[str, Any]], condition: Any) -> None:
    text, test = condition
    org = _org(rows)
    wanted = [record.id for record in _all(org) if test(record.properties)]
    assert sorted(_found(org, f"SELECT Id FROM Opportunity WHERE {text}")) == wanted


@given(rows=ROWS, condition=conditions())
def test_a_condition_and_its_opposite_part_the_records(rows: list[dict[str, Any]], condition: Any) -> None:
    text, _ = condition
    org = _org(rows)
    for_, against = (_found(org, f"SELECT Id FROM Opportunity WHERE {way}") for way in (text, f"NOT ({text})"))
    assert sorted(for_ + against) == [record.id for record in _all(org)]


@given(rows=ROWS, field=st.sampled_from(["Name", "Amount", "CloseDate"]), descending=st.booleans(), last=st.booleans())
def test_order_puts_empty_values_first_unless_told_otherwise(
    rows: list[dict[str, Any]], field: str, descending: bool, last: bool
) -> None:
    org = _org(rows)
    way = (" DESC" if descending else "") + (" NULLS LAST" if last else "")
    found = _found(org, f"SELECT Id FROM Opportunity ORDER BY {field}{way}, Id")
    values = [_plain(org.store.find("Opportunity", each).get(field)) for each in found]  # type: ignore[union-attr]
    empty = [value for value in values if value is None]
    full = sorted((value for value in values if value is not None), reverse=descending)
    assert values == (full + empty if last else empty + full)


@given(rows=ROWS, limit=st.integers(0, 9), offset=st.integers(0, 9))
def test_limit_and_offset_cut_the_ordered_answer(rows: list[dict[str, Any]], limit: int, offset: int) -> None:
    org = _org(rows)
    whole = _found(org, "SELECT Id FROM Opportunity ORDER BY Id")
    assert (
        _found(org, f"SELECT Id FROM Opportunity ORDER BY Id LIMIT {limit} OFFSET {offset}") == whole[offset:][:limit]
    )


@given(rows=ROWS, ids=st.lists(st.integers(0, 9), max_size=4, min_size=1), hours=st.integers(-2, 12), data=st.data())
def test_an_index_finds_what_reading_everything_finds(
    rows: list[dict[str, Any]], ids: list[int], hours: int, data: st.DataObject
) -> None:
    clock = StillClock()
    org = Org(clock)
    for row in rows:
        clock.advance(data.draw(st.sampled_from([0, 1800, 3600])))
        org.put("Opportunity", OwnerId=org.person if row.get("IsClosed") else org.robot, **row)
    names = [record.id for record in _all(org)]
    wanted = ", ".join(f"'{names[n]}'" if n < len(names) else "'0065e00000000ZZ'" for n in ids)
    limit = (datetime(2026, 11, 22, 3, tzinfo=UTC) + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
    for condition in (
        f"Id IN ({wanted})",
        f"OwnerId = '{org.person}'",
        f"SystemModstamp >= {limit}",
        f"SystemModstamp > {limit} AND SystemModstamp <= {limit}",
        f"SystemModstamp < {limit} AND Amount > 0",
    ):
        by_index = _found(org, f"SELECT Id FROM Opportunity WHERE {condition} ORDER BY SystemModstamp, Id")
        by_reading = _found(
            org, f"SELECT Id FROM Opportunity WHERE NOT (NOT ({condition})) ORDER BY SystemModstamp ASC, Id"
        )
        assert by_index == by_reading, condition
        times = [org.store.find("Opportunity", each).get("SystemModstamp") for each in by_index]  # type: ignore[union-attr]
        assert list(zip(times, by_index, strict=True)) == sorted(zip(times, by_index, strict=True))


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("acme", ["Acme", "acme"]),
        ("A%", ["Acme", "acme", "a_b", "axb"]),
        ("a_b", ["a_b", "axb"]),
        (r"a\_b", ["a_b"]),
        (r"%100\%", ["Zürich 100%"]),
        ("失_", ["失注"]),
        ("%", ["Acme", "acme", "Zürich 100%", "a_b", "失注", "axb"]),
    ],
)
def test_like_knows_two_wildcards_and_no_difference_of_case(pattern: str, wanted: list[str]) -> None:
    org = _org([{"Name": name} for name in (*NAMES, "axb")] + [{}])
    found = _found(org, f"SELECT Id FROM Opportunity WHERE Name LIKE '{pattern}'")
    assert [org.store.find("Opportunity", each).get("Name") for each in found] == wanted  # type: ignore[union-attr]


def test_empty_text_is_null_and_a_checkbox_counts_null_as_false() -> None:
    org = _org([{"Name": "x", "IsClosed": True}, {}])
    first, second = (record.id for record in _all(org))
    assert _found(org, "SELECT Id FROM Opportunity WHERE Name = ''") == [second]
    assert _found(org, "SELECT Id FROM Opportunity WHERE IsClosed = null") == [second]
    assert _found(org, "SELECT Id FROM Opportunity WHERE IsClosed != null") == [first]


def test_a_parent_that_is_not_there_has_empty_fields() -> None:
    org = _org([{}])
    assert len(_found(org, "SELECT Id FROM Opportunity WHERE Account.Name = null")) == 1
    assert _found(org, "SELECT Id FROM Opportunity WHERE Account.Name LIKE '%'") == []


def test_deleted_records_are_found_only_by_query_all() -> None:
    org = _org([{"IsDeleted": True}, {}])
    assert len(_found(org, "SELECT Id FROM Opportunity")) == 1
    assert len(_found(org, "SELECT Id FROM Opportunity WHERE IsDeleted = true", deleted=True)) == 1


@given(today=CALENDAR, name=st.sampled_from(sorted(RELATIVE)), count=st.integers(1, 30))
def test_every_date_literal_is_a_span_of_days_in_order(today: date, name: str, count: int) -> None:
    first, after = days(Relative(name, count), today)
    assert first < after
    if name.startswith("THIS") or name == "TODAY":
        assert first <= today < after
    if name == "YESTERDAY" or (name.startswith("LAST") and not name.endswith("DAYS")):
        assert after <= today
    if name.startswith("NEXT") or name == "TOMORROW":
        assert first > today


@given(today=CALENDAR)
def test_date_literals_that_touch_leave_no_gap(today: date) -> None:
    for unit in ("WEEK", "MONTH", "QUARTER", "YEAR"):
        spans = [days(Relative(f"{when}_{unit}"), today) for when in ("LAST", "THIS", "NEXT")]
        assert spans[0][1] == spans[1][0]
        assert spans[1][1] == spans[2][0]
        assert days(Relative(f"N_{unit}S_AGO", 1), today) == spans[0]
        assert days(Relative(f"LAST_N_{unit}S", 1), today) == spans[0]


def test_today_is_the_users_day_for_dates_and_instants_alike() -> None:
    org = Org(StillClock(datetime(2026, 11, 22, 20, tzinfo=UTC)), "Asia/Tokyo")  # the 23rd there
    here = org.put("Opportunity", CloseDate="2026-11-23").id
    org.put("Opportunity", CloseDate="2026-11-22")
    assert _found(org, "SELECT Id FROM Opportunity WHERE CloseDate = TODAY") == [here]
    early = org.put("Opportunity", SystemModstamp="2026-11-22T15:00:00.000+0000").id
    late = org.put("Opportunity", SystemModstamp="2026-11-22T14:59:59.000+0000").id
    found = _found(org, "SELECT Id FROM Opportunity WHERE SystemModstamp = TODAY")
    assert (early in found, late in found) == (True, False)

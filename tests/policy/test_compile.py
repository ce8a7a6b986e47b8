from __future__ import annotations

import polars as pl
import pytest

from recyclekit.policy.compile import ConditionError, compile_condition
from recyclekit.policy.facts import FACTS, FACTS_SCHEMA
from recyclekit.policy.probe import probe


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("opted_out", ("opted_out",)),
        ("reason = 'price'", ("reason",)),
        ("status <> 'won' AND amount >= 100", ("amount", "status")),
        ("as_of < cool_off_until AND NOT cycle_running", ("as_of", "cycle_running", "cool_off_until")),
        ("closed_on + INTERVAL '30 days' < as_of", ("closed_on", "as_of")),
        ("closed_on > DATE '2024-01-01'", ("closed_on",)),
        ("product LIKE 'GTX%' OR lower(name) IN ('a', 'b')", ("name", "product")),
        ("CASE WHEN amount > 10 THEN inactive_days > 3 ELSE FALSE END", ("amount", "inactive_days")),
        ("reason IN ('price', 'timing') IS NOT TRUE", ("reason",)),
        ("(need_type = 3) OR (competitor IS NULL)", ("need_type", "competitor")),
        ("COALESCE(opted_out, FALSE)", ("opted_out",)),
        ("name = 'now and then (select)'", ("name",)),
        ("closed_on - as_of > 5", ("closed_on", "as_of")),
        ("opted_out = true AND 3 < amount", ("amount", "opted_out")),
        ("NOT (amount > 3) AND length(name) > 3", ("name", "amount")),
        ("amount * 2 > 5 + inactive_days", ("amount", "inactive_days")),
    ],
)
def test_a_yes_or_no_question_about_one_deal_is_compiled(sql: str, reads: tuple[str, ...]) -> None:
    condition = compile_condition(sql)
    assert condition.reads == reads
    assert probe().select(condition.expr.alias("answer"))["answer"].dtype == pl.Boolean


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("amount >", "not a condition"),
        ("amount > 1; DROP TABLE deals", "not a condition"),
        ("amuont > 1", "unknown column 'amuont'; did you mean 'amount'?"),
        ('status = "lost"', "unknown column 'lost'"),
        ('deal_id = "qqqq"', "unknown column 'qqqq'; a text stands in single quotes"),
        ("deals.amount > 1", "unknown column 'deals'"),
        ("amount", "its result is a number"),
        ("closed_on", "its result is a date"),
        ("name", "its result is a text"),
        ("amount > 'x'", "amount is a number and 'x' is a text"),
        ("need_type = '3'", "need_type is a number and '3' is a text; write 3"),
        ("reason = 5", "reason is a text and 5 is a number; write '5'"),
        ("5 <> status", "5 is a number and status is a text; write '5'"),
        ("closed_on > '2026-01-01'", "closed_on is a date and '2026-01-01' is a text; write DATE '2026-01-01'"),
        (
            "amount > 1 AND closed_on > 60",
            "closed_on is a date and 60 is a number; days are counted by",
        ),
        ("opted_out = 'yes'", "opted_out is yes or no and 'yes' is a text; write `opted_out` or `NOT opted_out`"),
        ("opted_out > closed_on", "opted_out is yes or no and closed_on is a date"),
        ("NOT amount", "amount is a number, and NOT is for yes or no"),
        ("length(amount) > 3", "it mixes values that do not fit together: amount is a number"),
        ("amount AND opted_out", "do not fit together: amount is a number, opted_out is yes or no"),
        ("1 = 1", "it names no column"),
        ("reason = 'prices'", "reason is never 'prices'; did you mean 'price'?"),
        ("status NOT IN ('won', 'opne')", "status is never 'opne'; did you mean 'open'?"),
        ("SUM(amount) > 1", "one deal, not of many"),
        ("amount > AVG(amount)", "one deal, not of many"),
        ("COUNT(*) > 1", "one deal, not of many"),
        ('"sum"(amount) > 1', "one deal, not of many"),
        ("SUM/**/(amount) > 1", "a comment is not allowed"),
        ("amount > 1 -- why not", "a comment is not allowed"),
        ("ROW_NUMBER() OVER (ORDER BY amount) > 1", "one deal, not of many"),
        ("amount > (SELECT 1)", "one deal, not of many"),
        ("EXISTS (SELECT 1)", "one deal, not of many"),
        ("closed_on < CURRENT_DATE", "the day of the decision is the column as_of"),
        ("last_activity_at < NOW()", "the day of the decision is the column as_of"),
        ("read_csv('/etc/passwd') = 1", "the function 'read_csv' is not allowed"),
        ("lowr(name) = 'a'", "did you mean 'lower'?"),
    ],
)
def test_everything_else_is_refused_in_words(sql: str, says: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition(sql)
    assert says in str(caught.value)


def test_a_missing_value_gives_no_answer_rather_than_yes_or_no() -> None:
    row = pl.DataFrame({name: [None] for name in FACTS}, schema=FACTS_SCHEMA)
    for sql in ("reason = 'price'", "NOT opted_out", "inactive_days >= 60", "reason NOT IN ('price')"):
        assert row.select(compile_condition(sql).expr.alias("_"))["_"].item() is None


def test_every_documented_column_can_be_asked_about_and_is_documented_in_both_languages() -> None:
    for name, fact in FACTS.items():
        assert compile_condition(f"{name} IS NOT NULL").reads == (name,)
        assert fact.en
        assert fact.ja != name

from __future__ import annotations

import dataclasses

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from recyclekit.policy.cases import cases
from recyclekit.policy.compile import compile_condition
from recyclekit.policy.judge import judge
from recyclekit.policy.loader import Policy, load_policy
from recyclekit.policy.spec import Label, Rule

STANDARD = load_policy("standard")


def with_rules(conditions: list[str]) -> Policy:
    verdicts = ("exclude", "review", "wait", "none")
    rules = tuple(
        Rule(name=f"r{n}", when=sql, verdict=verdicts[n % 4], labels=Label(ja="規則", en="rule"))
        for n, sql in enumerate(conditions)
    )
    spec = STANDARD.spec.model_copy(update={"rules": rules})
    return dataclasses.replace(STANDARD, spec=spec, conditions=tuple(compile_condition(sql) for sql in conditions))


def first_by_loop(frame: pl.DataFrame, policy: Policy) -> list[str | None]:
    answers = frame.select(c.expr.alias(rule.name) for rule, c in policy.rules)
    return [next((name for name, yes in row.items() if yes), None) for row in answers.iter_rows(named=True)]


CONDITIONS = st.sampled_from(
    ["opted_out", "amount > 50", "reason = 'price'", "NOT bounced", "status = 'stalled'", "inactive_days >= 60"]
)


@settings(max_examples=30)
@given(st.lists(CONDITIONS, min_size=1, max_size=40))
def test_the_first_matching_rule_wins_as_a_plain_loop_would_have_it(conditions: list[str]) -> None:
    policy = with_rules(conditions)
    frame = cases(policy.conditions).head(400)
    assert judge(frame, policy)["rule"].to_list() == first_by_loop(frame, policy)


def test_two_hundred_rules_are_judged_like_a_loop_would() -> None:
    policy = with_rules([f"amount = {n % 120} AND inactive_days > {n}" for n in range(200)])
    frame = cases(policy.conditions)
    assert judge(frame, policy)["rule"].to_list() == first_by_loop(frame, policy)


def test_rules_are_not_asked_about_deals_that_are_won_open_or_undated() -> None:
    policy = with_rules(["amount IS NOT NULL OR amount IS NULL"])
    frame = cases(policy.conditions).head(3).with_columns(status=pl.Series(["won", "open", "undated"]))
    assert judge(frame, policy)["verdict"].to_list() == ["none"] * 3
    assert judge(frame, policy)["rule"].to_list() == [None] * 3


def test_a_rule_that_lacks_a_value_abstains_and_the_next_is_asked() -> None:
    policy = with_rules(["opted_out", "NOT opted_out", "amount IS NULL"])
    frame = (
        cases(policy.conditions)
        .head(1)
        .with_columns(opted_out=pl.lit(None, pl.Boolean), amount=pl.lit(None, pl.Float64))
    )
    assert judge(frame, policy)["rule"].to_list() == ["r2"]

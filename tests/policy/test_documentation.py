"""docs/policy.md says what the code does: its tables are made from the facts, and its example loads."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from recyclekit.policy.compile import FUNCTIONS
from recyclekit.policy.facts import FACTS, Fact
from recyclekit.policy.loader import load_policy

PAGE = Path(__file__).parents[2] / "docs" / "policy.md"


def kind(fact: Fact) -> str:
    if fact.values:
        return "one of its words"
    if fact.dtype == pl.Boolean:
        return "yes or no"
    if fact.dtype.is_numeric():
        return "number"
    return {pl.Date: "date", pl.String: "text"}.get(type(fact.dtype), "time (UTC)")


def columns_table() -> str:
    rows = [f"| `{name}` | {kind(fact)} | {fact.en} | {fact.ja} |" for name, fact in FACTS.items()]
    return "\n".join(["| column | holds | meaning | 意味 |", "|---|---|---|---|", *rows])


def test_the_page_lists_every_column_that_a_condition_may_name() -> None:
    between = PAGE.read_text(encoding="utf-8").split("<!-- columns -->\n")[1].split("\n<!-- /columns -->")[0]
    assert between == columns_table(), "paste what columns_table() returns between the marks"


def test_the_page_lists_every_function_that_a_condition_may_call() -> None:
    between = PAGE.read_text(encoding="utf-8").split("<!-- functions -->")[1].split("<!-- /functions -->")[0]
    assert set(re.findall(r"\w+", between)) == FUNCTIONS


def test_the_example_on_the_page_is_a_policy_that_loads(tmp_path: Path) -> None:
    first = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)[0]
    path = tmp_path / "policy.yaml"
    path.write_text(first, encoding="utf-8")
    policy = load_policy(str(path))
    assert policy.spec.rules[0].name == "small_deals"
    assert policy.spec.language == "ja"

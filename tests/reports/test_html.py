"""The page can be opened anywhere, shows what was planned, and obeys nothing that the data says."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from recyclekit.errors import InputError
from recyclekit.models.decision import SCHEDULED
from recyclekit.models.memory import UNFINISHED
from recyclekit.models.run import Outcome, RunState
from recyclekit.models.snapshot import Finding, dead_letters
from recyclekit.policy.loader import load_policy
from recyclekit.reports.html import render_report, write_report
from tests.reports.plans import REOPENED, RUN, decision, hand_backs, large_plan, make_plan, small_plan, task

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egnp.\x00\x1b[31m"
VOID = {"meta", "input", "line", "rect", "br", "link", "img", "hr"}


class Outline(HTMLParser):
    """Tags, attributes and text of a page; unbalanced tags are an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag
        if tag in ("td", "th", "li", "p"):
            self.text += " "

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data


@pytest.fixture(scope="module")
def page() -> str:
    return render_report(small_plan(), policy=load_policy("standard"))


def evil_page() -> str:
    row = decision(EVIL, reason=EVIL, rule=EVIL, track=EVIL, owner=EVIL, channel=EVIL, hook=EVIL, step=EVIL, note=EVIL)
    looked_at = decision(EVIL + "2", verdict="review", bucket="review", reason=None, reason_source="none", note=EVIL)
    aside = dict.fromkeys(("stage", "table", "record_id", "column", "code", "reason"), EVIL) | {"line": 3}
    plan = make_plan([row, looked_at], [task(row)], dead_letters([aside]), guards=[EVIL])
    plan = type(plan)(
        manifest=plan.manifest.model_copy(update={"pipeline": EVIL, "run": EVIL}),
        actions=plan.actions,
        decisions=plan.decisions,
        dead_letters=plan.dead_letters,
        findings=(Finding(level="note", where=EVIL, what=EVIL, fix=EVIL),),
        unmapped=pl.DataFrame({"value": [EVIL], "deals": [3], "amount": [None]}),
    )
    outcome = Outcome(run=RUN, state=RunState.PARTIAL, planned=2, applied=1, failed=((EVIL, EVIL),))
    return render_report(plan, outcome=outcome)


def test_the_page_is_well_formed(page: str) -> None:
    Outline(page)
    Outline(render_report(large_plan()))


def test_nothing_that_the_data_says_becomes_markup() -> None:
    found = Outline(evil_page())
    assert "script" not in found.tags
    assert "img" not in found.tags
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in found.text


def test_control_and_direction_characters_are_left_out() -> None:
    assert not set(evil_page()) & {"\x00", "\x1b", "\u202e"}


def test_the_page_needs_no_network_and_runs_no_script(page: str) -> None:
    found = Outline(page)
    assert not {"script", "link", "img", "iframe", "object"} & set(found.tags)
    assert not [value for name, value in found.attributes if name in ("src", "href", "action")]
    assert not re.findall(r"https?://|@import|url\(", page)
    assert "default-src 'none'" in page


def test_the_headline_says_how_many_deals_would_be_forgotten_and_what_they_are_worth(page: str) -> None:
    text = " ".join(Outline(page).text.split())
    assert "4 deals worth ¥3.6M + €5.6k would be forgotten." in text
    assert "4件" in text


def test_the_sums_on_the_page_close(page: str) -> None:
    text = " ".join(Outline(page).text.split())
    assert "✓ the sums close" in text
    broken = small_plan()
    wrong = broken.manifest.model_copy(update={"sums_close": False})
    other = type(broken)(
        manifest=wrong, actions=broken.actions, decisions=broken.decisions, dead_letters=broken.dead_letters
    )
    assert "the sums do not close" in render_report(other)


def test_reasons_and_tracks_stand_in_both_languages(page: str) -> None:
    text = Outline(page).text
    for words in ("No budget", "予算なし", "No reason given", "理由なし", "次の予算期の前に接触"):
        assert words in text


def test_dead_letters_show_line_column_and_why(page: str) -> None:
    text = " ".join(Outline(page).text.split())
    assert "deals 10 Closed D-9 bad_date '2026/02/30' is not a day of the calendar" in text


def test_a_hook_that_sales_wrote_is_not_on_the_page() -> None:
    row = decision("D-1", hook="ask Mrs Example about her move")
    page = render_report(make_plan([row], [task(row, hook=None, hook_source="sales")]))
    assert "Mrs Example" not in page
    assert "as sales wrote it" in page


def test_the_page_tells_how_to_get_the_same_again(page: str) -> None:
    text = " ".join(Outline(page).text.split())
    for fact in (RUN, "standard 1.0 · 0123456789abcdef", "recyclekit plan --pipeline main --as-of 2026-11-22"):
        assert fact in text


def test_without_an_outcome_the_page_says_that_nothing_was_written(page: str) -> None:
    assert "Nothing has been written to the CRM" in page
    outcome = Outcome(run=RUN, state=RunState.SUCCESS, planned=8, applied=7, skipped=(("D-2", "changed since"),))
    text = " ".join(Outline(render_report(small_plan(), outcome=outcome)).text.split())
    assert "Nothing has been written" not in text
    assert "D-2 skipped changed since" in text
    assert "would have been forgotten" in text


def test_unmapped_reasons_show_deals_and_money_and_are_not_repeated_as_findings() -> None:
    plan = replace(
        small_plan(),
        unmapped=pl.DataFrame({"value": ["Code 47", "区分X"], "deals": [12, 9], "amount": [2e6, 1e6]}),
        findings=(Finding(level="warning", where="reasons", what="'Code 47' is in no picklist"),),
    )
    text = " ".join(Outline(render_report(plan)).text.split())
    assert "Code 47 12 2,000,000 区分X 9 1,000,000" in text
    assert "is in no picklist" not in text


def test_a_plan_of_nothing_makes_a_page_too() -> None:
    assert "No deal is waiting to be picked up." in render_report(make_plan([], []))


def test_decisions_without_amounts_make_a_page_without_money() -> None:
    plan = large_plan(40)
    bare = type(plan)(
        manifest=plan.manifest,
        actions=plan.actions,
        decisions=plan.decisions.select(*SCHEDULED),
        dead_letters=plan.dead_letters,
    )
    assert "¥" not in Outline(render_report(bare)).text


def test_a_page_of_many_deals_stays_below_a_megabyte(tmp_path: Path) -> None:
    path = write_report(tmp_path / "new" / "report.html", large_plan(5000))
    assert path.stat().st_size < 1_000_000
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


def test_the_same_plan_gives_the_same_page() -> None:
    assert render_report(small_plan()) == render_report(small_plan())


def test_a_failed_attempt_leaves_the_old_page_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_report(tmp_path / "report.html", small_plan())
    before = path.read_bytes()

    def full(self: Path, *_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match=r"cannot be saved to .*No space"):
        write_report(path, large_plan(10))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_that_stopped_early_is_named_with_the_way_to_take_it_up() -> None:
    row = {"run": "r-stopped", "kind": "apply", "unsent": 1322, "in_doubt": 5, "waiting": 4}
    stopped = pl.DataFrame([row], schema=UNFINISHED, orient="row")
    shown = render_report(replace(small_plan(), unfinished=stopped))
    assert "recyclekit retry r-stopped" in shown
    assert "1,322" in shown
    assert "Not finished" not in render_report(small_plan())


def test_the_page_opens_in_the_language_of_the_policy() -> None:
    english = load_policy("standard")
    japanese = replace(english, spec=english.spec.model_copy(update={"language": "ja"}))
    assert 'id="in-en" checked' in render_report(small_plan(), policy=english)
    assert 'id="in-ja" checked' in render_report(small_plan(), policy=japanese)


def test_deals_that_are_handed_back_stand_with_what_was_tried_and_what_moved() -> None:
    returned = hand_backs(REOPENED, {"deal_id": EVIL, "track": EVIL, "source": EVIL, "steps": [EVIL]})
    shown = render_report(replace(small_plan(), handed_back=returned))
    assert "2 in all" in shown
    assert "open again in the CRM" in shown
    assert "2026-11-21" in shown
    assert EVIL not in shown
    assert "Handed back to sales" not in render_report(small_plan())

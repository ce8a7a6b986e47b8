from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from recyclekit.errors import ExitCode, PolicyError
from recyclekit.models.tables import Table
from recyclekit.policy.loader import Policy, load_policy, packaged_names
from tests.policy.conftest import SMALL, Write

Refusal = Callable[[str], str]
Loads = Callable[[str], Policy]

CHILD = """\
name: ours
version: "2"
labels: {ja: 自社, en: ours}
extends: standard
"""


def test_a_packaged_policy_is_loaded_by_its_name() -> None:
    assert "standard" in packaged_names()
    assert load_policy("standard").stamp.name == "standard"


def test_an_unknown_policy_is_refused_with_the_names_that_are_known() -> None:
    with pytest.raises(PolicyError, match=r"no policy 'standart'; did you mean 'standard'\?") as caught:
        load_policy("standart")
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_path_starts_at_the_given_folder(write: Write, tmp_path: Path) -> None:
    write()
    assert load_policy("p.yaml", folder=tmp_path).stamp.name == "small"


def test_the_hash_depends_on_the_content_and_not_on_layout_or_comments(policy: Loads) -> None:
    first = policy(SMALL).stamp.hash
    assert re.fullmatch("[0-9a-f]{16}", first)
    assert policy("# a comment\n" + SMALL.replace("{ja: 小, en: small}", '{en: "small", ja: 小}')).stamp.hash == first
    assert policy(SMALL.replace('version: "1"', 'version: "2"')).stamp.hash != first
    assert policy(SMALL.replace("same_day", "{after: {days: 1}}")).stamp.hash != first


def test_every_error_of_a_file_is_named_at_once_with_line_and_column(refusal: Refusal) -> None:
    text = SMALL.replace("verdict: recycle", "verdict: recycel").replace("timing: same_day", "timing: {afterr: {}}")
    text += "owner_role: marketting\nreason_tracks: {no_budgett: call}\nstatus: {stalled_after: {days: soon}}\n"
    message = refusal(text)
    assert "p.yaml:5:56: rules.0.verdict: " in message
    assert "did you mean 'recycle'?" in message
    assert "p.yaml:9:14: tracks.call.timing.afterr: unknown key; did you mean 'after'?" in message
    assert "p.yaml:11:13: owner_role: " in message
    assert "did you mean 'marketing'?" in message
    assert "p.yaml:12:17: reason_tracks.no_budgett: " in message
    assert "p.yaml:13:32: status.stalled_after.days: a valid integer" in message


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("status = 'stalled'", "statuss = 'stalled'", "5:27: rule 'stalled', when: unknown column 'statuss'; did"),
        ("status = 'stalled'", "status = 'stale'", "status is never 'stale'; did you mean 'stalled'?"),
        ("status = 'stalled'", "inactive_days", "its result is a number; yes or no is expected"),
        ("status = 'stalled'", "status =", "not a condition"),
        ("track: call,", "track: cal,", "no track 'cal'; did you mean 'call'?"),
        ("timing: same_day", "timing: {same_day: true, after: {days: 1}}", "exactly one of same_day, after"),
        ("timing: same_day", "timing: {after: {days: 1, months: 1}}", "either `days` or `months` is expected"),
        ("timing: same_day", "timing: someday", "9:13: tracks.call.timing"),
        ("channel: phone", "channel: fax", "'phone', 'mail', 'meeting' or 'newsletter' is expected"),
        ("labels: {ja: 小, en: small}", "labels: {ja: 小}", "labels: the key 'en' is missing"),
        ('version: "1"\n', "", "the key 'version' is missing"),
        ("name: small\n", "name: small\nname: twice\n", "2:1: the key 'name' stands here twice"),
        ("name: stalled,", "name: Stalled!,", "rules.0.name"),
    ],
)  # fmt: skip
def test_a_mistake_is_answered_with_its_place_and_what_was_expected(
    refusal: Refusal, old: str, new: str, says: str
) -> None:
    assert old in SMALL
    assert says in refusal(SMALL.replace(old, new, 1))


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ("status: {stalled_after: {days: 60, average_lead_time: {}}}", "either `days` or `average_lead_time`"),
        ("clock: {counts: [call, fax]}", "one of the kinds of activity is expected"),
        ("reasons: {values: {Price: prise}}", "one of the reasons is expected"),
        ("reason_tracks: {price: nowhere}", "no track 'nowhere'"),
        ("guards: {maximum_share: 1.5}", "guards.maximum_share"),
        ('calendar: {fiscal_years: {JP: "13"}}', "the first month (4), its quarters (quarter:4)"),
        ("calendar: {quiet: [{first: 12-32, last: 01-03}]}", "a day of the year as MM-DD"),
        ("cool_off: {by_reason: {price: -1}}", "cool_off.by_reason.price"),
        ("without: [x]", "p.yaml: extends: a packaged policy's name or a path is expected"),
    ],
)
def test_a_mistake_in_any_part_is_found(refusal: Refusal, extra: str, says: str) -> None:
    assert says.replace("p.yaml: ", "") in refusal(SMALL + extra + "\n")


def test_fiscal_years_may_be_months_quarters_or_weeks(policy: Loads) -> None:
    text = 'calendar: {fiscal_years: {JP: 4, DE: quarter:1, US: "52/53:last-sat:1"}}\n'
    assert policy(SMALL + text).spec.calendar.fiscal_years == {"JP": "4", "DE": "quarter:1", "US": "52/53:last-sat:1"}


def test_own_rules_come_before_inherited_ones_and_the_same_name_replaces_in_place(policy: Loads) -> None:
    standard = [rule.name for rule in load_policy("standard").spec.rules]
    text = (
        CHILD
        + """\
rules:
  - {name: small_deals, when: amount < 100, verdict: exclude, labels: {ja: 小口, en: small deals}}
  - {name: lost_on_price, when: reason = 'price', verdict: review, labels: {ja: 価格, en: price}}
without: [other_open_deal]
"""
    )
    rules = policy(text).spec.rules
    expected = ["small_deals", *(name for name in standard if name != "other_open_deal")]
    assert [rule.name for rule in rules] == expected
    assert next(rule for rule in rules if rule.name == "lost_on_price").verdict == "review"


def test_mappings_are_laid_over_key_by_key_and_timings_as_a_whole(policy: Loads) -> None:
    text = (
        CHILD
        + """\
tracks:
  next_budget: {window: {later: 3}, timing: {after: {days: 9}}}
reasons: {values: {うちの値: timing}}
status: {stalled_after: {average_lead_time: {minimum_sample: 5}}}
"""
    )
    spec, base = policy(text).spec, load_policy("standard").spec
    track = spec.tracks["next_budget"]
    assert track.timing.kind == "after"
    assert track.window.later == 3
    assert track.window.earlier == base.tracks["next_budget"].window.earlier
    assert track.steps == base.tracks["next_budget"].steps
    assert spec.reasons.values["うちの値"] == "timing"
    assert spec.reasons.values["Price"] == "price"
    assert spec.status.stalled_after.days is None


def test_an_error_in_an_inherited_file_names_that_file(write: Write, refusal: Refusal) -> None:
    write(SMALL.replace("status = 'stalled'", "nope > 1"), "base.yaml")
    message = refusal(CHILD.replace("standard", "base.yaml") + "owner_role: nobody\n")
    assert "p.yaml:5:13: owner_role" in message
    message = refusal(CHILD.replace("standard", "base.yaml"))
    assert "base.yaml:5:27: rule 'stalled', when: unknown column 'nope'" in message


def test_files_that_extend_one_another_in_a_circle_are_refused_with_the_circle(write: Write) -> None:
    for name, base in (("a.yaml", "b.yaml"), ("b.yaml", "c.yaml"), ("c.yaml", "a.yaml")):
        path = write(CHILD.replace("standard", base), name)
    with pytest.raises(PolicyError, match=r"circle: c\.yaml → a\.yaml → b\.yaml → c\.yaml"):
        load_policy(str(path))


def test_leaving_out_a_rule_that_is_not_there_is_a_mistake(refusal: Refusal) -> None:
    assert "p.yaml:5:11: no inherited rule 'opted_uot'; did you mean 'opted_out'?" in refusal(
        CHILD + "without: [opted_uot]\n"
    )


def test_extending_what_is_not_there_is_a_mistake_with_its_place(refusal: Refusal) -> None:
    assert "p.yaml:4:10: extends: There is no policy 'standrad'" in refusal(CHILD.replace("standard", "standrad"))


@pytest.mark.parametrize("text", ["", "- a list\n", "just words\n", "rules: 3\nextends: standard\n"])
def test_a_file_that_is_no_policy_at_all_is_refused(refusal: Refusal, text: str) -> None:
    assert "expected" in refusal(text)


def test_extraction_reads_only_what_the_policy_needs(policy: Loads) -> None:
    small = policy(SMALL).columns_needed()
    assert "created_on" not in small[Table.DEALS]
    assert "product" not in small[Table.DEALS]
    assert {"deal_id", "crm_state", "lost_reason", "recycle_track"} <= small[Table.DEALS]
    text = SMALL.replace("status = 'stalled'", "product = 'x' AND age_days > 3")
    assert {"product", "created_on"} <= policy(text).columns_needed()[Table.DEALS]
    text = SMALL + "status: {stalled_after: {average_lead_time: {}}}\n"
    assert {"deal_pipeline", "created_on"} <= policy(text).columns_needed()[Table.DEALS]


def test_no_error_hides_another_of_another_kind(refusal: Refusal) -> None:
    message = refusal(
        CHILD.replace("labels: ", "lables: ")
        + "without: [opted_uot]\nrules:\n  - {name: ours, when: amuont > 1, verdict: exclude}\n"
    )
    assert "lables: unknown key; did you mean 'labels'?" in message
    assert "no inherited rule 'opted_uot'; did you mean 'opted_out'?" in message
    assert "rule 'ours', when: unknown column 'amuont'; did you mean 'amount'?" in message
    assert "rules.0: the key 'labels' is missing" in message
    assert "has 4 errors" in message

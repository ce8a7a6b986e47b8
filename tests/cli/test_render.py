"""What else the terminal shows: outcomes, runs, findings, connectors, policies, explanations."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from recyclekit.cli.render import (
    connectors_view,
    dead_letters_view,
    findings_view,
    outcome_view,
    policy_view,
    run_view,
    runs_view,
    trace_view,
)
from recyclekit.connectors.manifest import FULL, Capability, ConnectorManifest, Level, Support
from recyclekit.connectors.registry import BrokenPlugin
from recyclekit.models.plan import ACTIONS
from recyclekit.models.run import Outcome, Run, RunKind, RunState
from recyclekit.models.snapshot import Finding, dead_letters
from recyclekit.policy.loader import load_policy
from recyclekit.reports.inputs import Input
from recyclekit.reports.trace import Flip, RuleTrace, Trace
from tests.cli.shown import text
from tests.reports.plans import AS_OF, RUN, STAMP, decision, fields, small_plan, task

# -- outcomes and runs ------------------------------------------------------------------------------------------------


def test_an_outcome_groups_what_was_left_by_its_cause_and_says_what_to_run_next() -> None:
    outcome = Outcome(
        run=RUN,
        state=RunState.PARTIAL,
        planned=412,
        applied=400,
        already=12,
        skipped=(("D-1", "lost_reason changed"), ("D-2", "lost_reason changed")),
        failed=tuple((f"D-{n}", "is-09 is no owner (INVALID_OPTION)") for n in range(9)),
        in_doubt=(("D-77", "no answer within 30 s"),),
    )
    assert text(outcome_view(outcome)) == OUTCOME


OUTCOME = """\
Run r20261122-003000-ab12  partial  written, but for what stands below

412 planned = 400 applied + 2 skipped + 9 failed + 1 in doubt  ✓

12 of the applied were already done by an earlier attempt.

Skipped: 2  not sent; the next plan takes up what still qualifies
  writes  why                  deals
       2  lost_reason changed  D-1, D-2

Failed: 9  refused by the other side; nothing of it was written
  writes  why                                deals
       9  is-09 is no owner                  D-0, D-1, D-2, D-3, D-4, D-5, D-6,
          (INVALID_OPTION)                   D-7, … (9 deals)

In doubt: 1  sent, without proof of the effect; never repeated blindly
  writes  why                    deals
       1  no answer within 30 s  D-77

Next: recyclekit retry r20261122-003000-ab12   sends only what is not done"""


def test_a_clean_outcome_offers_the_way_back() -> None:
    shown = text(outcome_view(Outcome(run=RUN, state=RunState.SUCCESS, planned=3, applied=3)))
    assert "3 planned = 3 applied  ✓" in shown
    assert f"Next: recyclekit undo {RUN}" in shown


def test_an_outcome_whose_sums_do_not_close_says_so() -> None:
    shown = text(outcome_view(Outcome(run=RUN, state=RunState.FAILED, planned=3, applied=1)))
    assert "3 planned = 1 applied  does not add up" in shown


def a_run(**given: object) -> Run:
    facts: dict[str, object] = {
        "run": RUN,
        "pipeline": "main",
        "kind": RunKind.APPLY,
        "state": RunState.SUCCESS,
        "as_of": AS_OF,
        "policy": STAMP,
        "started_at": datetime(2026, 11, 22, 0, 30, tzinfo=UTC),
        "counts": {"done": 400, "in_doubt": 2, "failed": 0},
    }
    return Run(**(facts | given))  # type: ignore[arg-type]  # a test's shorthand


def test_runs_are_listed_with_state_and_writes() -> None:
    undo = a_run(run="r20261122-010000-cd34", kind=RunKind.UNDO, of_run=RUN, counts={})
    shown = text(runs_view([undo, a_run()]), 120)
    assert f"undo of …{RUN[-4:]}" in shown
    assert "400 done, 2 in doubt" in shown
    assert "retry" not in shown
    assert text(runs_view([])) == "No runs yet."


def test_runs_that_prefect_carried_out_show_the_beginning_of_its_id() -> None:
    shown = text(runs_view([a_run(flow_run="60f19b05-fba4-4f8f-b6f1-05c1f5bd2a1c"), a_run(run="r1")]), 120)
    assert "flow run" in shown
    assert "60f19b05 " in shown
    assert "fba4" not in shown


def test_a_run_that_never_ended_says_how_to_take_it_up_unless_it_was_taken_back() -> None:
    killed = a_run(state=RunState.RUNNING)
    assert f"recyclekit retry {RUN}" in text(runs_view([killed]), 140)
    undo = a_run(run="r20261122-010000-cd34", kind=RunKind.UNDO, of_run=RUN, counts={})
    assert "retry" not in text(runs_view([undo, killed]), 140)


def test_one_run_shows_its_stamp_its_writes_and_what_was_left() -> None:
    row = decision("D-1")
    extra = {"state": pl.String, "attempts": pl.Int32, "remote_id": pl.String, "code": pl.String, "reason": pl.String}
    actions = pl.DataFrame(
        [
            fields(row) | {"state": "done", "attempts": 1},
            task(row)
            | {"state": "failed", "attempts": 2, "code": "INVALID_OWNER", "reason": "no such owner", "field": "owner"},
        ],
        schema={**ACTIONS, **extra, "field": pl.String},
        orient="row",
    )
    refused = dead_letters([{"stage": "write_back", "table": "deals", "record_id": "D-1", "code": "INVALID_OWNER"}])
    letters = pl.concat([small_plan().dead_letters, refused])
    shown = text(run_view(a_run(), actions, letters), 120)
    assert "policy    standard@1.0#0123456789abcdef" in shown
    assert "writes       done  failed" in shown
    assert "D-1   create_task  failed  no such owner INVALID_OWNER owner" in shown
    assert "deals:10" in shown
    assert shown.count("INVALID_OWNER") == 1, "a refused write is listed among the writes, not set aside as well"


# -- lists ------------------------------------------------------------------------------------------------------------


def test_findings_come_gravest_first_each_with_its_fix() -> None:
    findings = [
        Finding(level="note", where="reasons", what="2 values are not mapped.", fix="Add them to `reasons`."),
        Finding(level="error", where="recyclekit.yaml:12:9", what="no column 'Stge'", fix="Did you mean 'Stage'?"),
    ]
    assert text(findings_view(findings)) == (
        "Error recyclekit.yaml:12:9\n  no column 'Stge'\n  fix: Did you mean 'Stage'?\n\n"
        "Note reasons\n  2 values are not mapped.\n  fix: Add them to `reasons`.\n\n"
        "1 error, 1 note. Errors stop a run."
    )
    assert text(findings_view([])) == "All is well: nothing was found."


def test_dead_letters_past_the_limit_are_counted() -> None:
    row = {"stage": "normalize", "table": "deals", "line": 4, "code": "ragged", "reason": "27 cells, 26 headings"}
    shown = text(dead_letters_view(dead_letters([dict(row) for _ in range(15)]), lines=10))
    assert shown.count("deals:4") == 10
    assert "… and 5 more" in shown
    assert text(dead_letters_view(dead_letters())) == "Nothing was set aside."


def test_connectors_show_what_they_can_do_and_the_broken_ones_why_not() -> None:
    able = {Capability.READ_DEALS: FULL, Capability.ENROL: Support(Level.NEVER, "no lists")}
    manifest = ConnectorManifest(name="csv", summary="Files", version="0.1.0", settings=Finding, capabilities=able)  # type: ignore[type-var]
    broken = BrokenPlugin(name="acme", distribution="recyclekit-acme", reason="needs API 2, this is 1")
    shown = text(connectors_view([manifest], [broken]))
    assert "csv        0.1.0    not tested  read_deals  Files" in shown
    assert "not tested: the kit was not run on it on this machine" in shown
    tested = text(connectors_view([manifest], [], {"csv": "gold"}))
    assert ("csv        0.1.0    gold" in tested, "not tested" in tested) == (True, False)
    assert "csv        0.1.0    no tier" in text(connectors_view([manifest], [], {"csv": "none"}))
    assert "acme (recyclekit-acme) needs API 2, this is 1" in shown


def test_a_policy_is_shown_rule_by_rule_in_order() -> None:
    shown = text(policy_view(load_policy("standard")), 120)
    assert shown.index("opted_out") < shown.index("lost_on_price") < shown.index("recycle_no_budget")
    assert "phone → mail → meeting" in shown


# -- explanations -----------------------------------------------------------------------------------------------------


def rule(name: str, outcome: str, why: str, *inputs: Input) -> RuleTrace:
    labels = {"ja": "規則", "en": "a rule"}
    return RuleTrace(
        name=name, verdict="exclude", outcome=outcome, when="x", labels=labels, inputs=inputs, missing=(), why=why
    )


def test_an_explanation_shows_answer_flip_point_inputs_and_every_rule() -> None:
    silent = Input(name="inactive_days", value=49, source="activities (call)", at=datetime(2026, 10, 4, 5, tzinfo=UTC))
    opted_out = Input(name="opted_out", value=None, source="contacts.opted_out")
    trace = Trace(
        deal_id="D-17",
        as_of=AS_OF,
        policy=STAMP,
        decision={"status": "open", "verdict": "none", "inactive_days": 49, "activity_source": "call", "reason": None},
        because="The deal is open; rules are not asked.",
        status_inputs=(silent,),
        rules=(
            rule("opted_out", "abstained", "It cannot judge, since it lacks opted_out.", opted_out),
            rule("stalled", "unmatched", "It does not match: inactive_days is 49.", silent),
        ),
        flip=Flip(
            on=date(2026, 12, 3),
            what="becomes stalled on 2026-12-03 if nobody makes contact",
            status="stalled",
            verdict="recycle",
            rule="stalled",
            track="stalled",
        ),
    )
    shown = text(trace_view(trace))
    assert shown == TRACE


TRACE = """\
Deal D-17 · as of 2026-11-22 Sun
policy standard@1.0#0123456789abcdef

  status           open
  verdict          none
  inactive days    49
  activity source  call

Because  The deal is open; rules are not asked.
Flips    becomes stalled on 2026-12-03 if nobody makes contact

What the rules saw
  fact           value      from                at (UTC)
  inactive_days  49         activities (call)   2026-10-04 05:00
  opted_out      not known  contacts.opted_out

Rules, in the order in which they are asked
✓ fired   + matches, but later   - does not match   ? lacks a value and abstains
     rule       verdict  what it said
  ?  opted_out  exclude  It cannot judge, since it lacks opted_out.
  -  stalled    exclude  inactive_days is 49."""


def test_a_write_that_failed_without_a_reason_says_that_none_was_given() -> None:
    rows = [
        {**row, "state": state, "reason": reason, "code": "", "field": None}
        for row, state, reason in zip(
            [fields(decision(deal)) for deal in ("D1", "D2", "D3")],
            ["failed", "skipped", "in_doubt"],
            [None, "", None],
            strict=True,
        )
    ]
    actions = pl.DataFrame(
        rows, schema={**ACTIONS, **dict.fromkeys(("state", "reason", "code", "field"), pl.String)}, orient="row"
    )
    shown = text(run_view(a_run(), actions, dead_letters()), 120)
    for words in ("refused; the connector gave no reason", "left as it is", "no proof of its effect came back"):
        assert words in shown


def test_what_is_said_of_several_rules_alike_is_said_once() -> None:
    alike = [Finding(level="note", where=f"rule {name}", what="matches none.") for name in ("a", "b", "c")]
    other = Finding(level="note", where="rule d", what="matches all.")
    shown = text(findings_view([*alike, other]))
    assert "Note rules a, b, c\n  matches none." in shown
    assert "Note rule d\n  matches all." in shown
    assert "4 notes" in shown


def test_of_a_deal_that_no_rule_was_asked_about_the_rules_are_not_listed() -> None:
    silent = Input(name="inactive_days", value=49, source="activities (call)", at=datetime(2026, 10, 4, 5, tzinfo=UTC))
    trace = Trace(
        deal_id="D-17", as_of=AS_OF, policy=STAMP, decision={"status": "won", "verdict": "none"},
        because="The deal is won; rules are not asked.", status_inputs=(silent,),
        rules=(rule("stalled", "not_asked", "Rules are not asked about deals that are won.", silent),), flip=None,
    )  # fmt: skip
    shown = text(trace_view(trace))
    assert "What the status rests on" in shown
    assert "Rules, in the order" not in shown

"""Writing: what is said to be done stands in the system, once; what stands in the way is said before."""

from __future__ import annotations

from recyclekit.connectors.manifest import Capability
from recyclekit.connectors.protocols import KnowsQuota, SetsUp
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import ReceiptState
from recyclekit.models.tables import OWN_FIELDS, Table
from recyclekit.testing.bench import CountsCalls, Lacks, Looks, LooksAtTasks, Refuses
from recyclekit.testing.factories import DUE_ON, create_task, enrol, set_fields
from recyclekit.testing.proving import Tier, proves
from recyclekit.testing.stand import Stand, lost_deal
from recyclekit.testing.suite.room import Room

FIELDS, TASKS, ENROL = Capability.WRITE_FIELDS, Capability.WRITE_TASKS, Capability.ENROL
_LONG = 400  # times five characters
_MANY = 230  # more than any vendor's batch of which we know
_STATES = {ReceiptState.DONE, ReceiptState.SKIPPED, ReceiptState.FAILED, ReceiptState.PLANNED, ReceiptState.IN_DOUBT}


class Writing(Room):
    """Tests of the sink."""

    # -- before ----------------------------------------------------------------------------------------------------

    @proves(Tier.SILVER, FIELDS)
    def test_nothing_stands_in_the_way_on_a_fit_system(self, stand: Stand) -> None:
        stand.seed_deals(1)
        errors = [f for f in stand.sink().preflight(stand.kinds()) if f.level == "error"]
        assert not errors, f"the bench must be fit for writing: {errors}"

    @proves(Tier.SILVER, FIELDS, needs=(Lacks,))
    def test_preflight_names_what_is_missing_and_what_to_do(self, stand: Stand) -> None:
        stand.seed_deals(1)
        name = stand.thief.lack()
        found = stand.sink().preflight(stand.kinds())
        named = [f for f in found if f.level == "error" and name in f"{f.where} {f.what} {f.fix}"]
        assert named, f"'{name}' is missing in the system, and preflight says only: {list(found)}"
        assert all(f.fix.strip() for f in named), "a finding says what to do"

    @proves(Tier.SILVER, FIELDS, needs=(Lacks,))
    def test_setting_up_creates_what_is_missing_and_nothing_twice(self, stand: Stand) -> None:
        stand.seed_deals(1)
        stand.thief.lack()
        sink = stand.sink()
        if not isinstance(sink, SetsUp):
            return  # optional: `check --fix` is not offered then
        missing = sink.missing(stand.kinds())
        assert missing, "something is missing, and `missing` lists nothing"
        made = sink.set_up(stand.kinds())
        assert made, "`set_up` notes what it made"
        again = stand.sink()
        assert isinstance(again, SetsUp)
        assert not again.missing(stand.kinds()), "`set_up` left something out"
        assert not again.set_up(stand.kinds()), "the second time, nothing is left to make"
        assert not [f for f in again.preflight(stand.kinds()) if f.level == "error"]

    # -- receipts --------------------------------------------------------------------------------------------------

    @proves(Tier.SILVER, FIELDS)
    def test_the_batch_size_is_a_positive_number(self, stand: Stand) -> None:
        size = stand.sink().batch_size
        assert isinstance(size, int)
        assert size > 0

    @proves(Tier.SILVER, FIELDS)
    def test_an_empty_batch_is_no_call_and_no_error(self, stand: Stand) -> None:
        before = stand.meter.calls() if isinstance(stand.anything, CountsCalls) else 0
        assert list(stand.sink().write([])) == []
        if isinstance(stand.anything, CountsCalls):
            assert stand.meter.calls() == before, "an empty batch took a call"

    @proves(Tier.SILVER, FIELDS)
    def test_every_action_has_one_receipt_with_proof(self, stand: Stand) -> None:
        actions = [set_fields(deal, stand.own()) for deal in stand.seed_deals(5)]
        receipts = list(stand.patiently(lambda: stand.sink().write(actions)))
        assert sorted(r.key for r in receipts) == sorted(a.key for a in actions), "one receipt for each, no other"
        assert {r.state for r in receipts} <= _STATES, f"not an answer: {receipts}"
        bare = [r for r in receipts if r.state == ReceiptState.DONE and not (r.proof.strip() and r.remote_id)]
        assert not bare, f"done without a proof and the id that the system gave: {bare}"
        assert all(r.state == ReceiptState.DONE for r in receipts), f"not done: {receipts}"

    @proves(Tier.SILVER, FIELDS)
    def test_a_batch_larger_than_any_vendor_takes_is_written_whole(self, stand: Stand) -> None:
        sink = stand.sink()
        deals = stand.seed_deals(min(_MANY, sink.batch_size))
        stand.done([set_fields(deal, stand.own()) for deal in deals], sink)
        read = stand.deals(deals)
        unwritten = [deal for deal in deals if read[deal].get("recycle_track") != "timing"]
        assert not unwritten, f"{len(unwritten)} of {len(deals)} are said to be done, and nothing stands there"

    # -- fields ----------------------------------------------------------------------------------------------------

    @proves(Tier.SILVER, Capability.READ_DEALS, witness=FIELDS)
    def test_own_fields_come_back_on_reading_again(self, stand: Stand) -> None:
        deal, own = stand.seed_one(), stand.own()
        stand.done([set_fields(deal, own)])
        unmapped = [name for name in OWN_FIELDS if not stand.maps(Table.DEALS, name)]
        assert not unmapped, f"`mapped()` must read back what we write: {unmapped}"
        read = stand.deals([deal])[deal]
        wrong = {name: (value, read.get(name)) for name, value in own.items() if str(read.get(name)) != str(value)}
        assert not wrong, f"written, read: {wrong}"

    @proves(Tier.SILVER, FIELDS, needs=(Looks,))
    def test_what_is_said_to_be_written_stands_in_the_system(self, stand: Stand) -> None:
        deal, own = stand.seed_one(), stand.own()
        stand.done([set_fields(deal, own)])
        there = stand.view.fields(deal)
        assert {name: there.get(name) for name in own} == {name: str(value) for name, value in own.items()}

    @proves(Tier.SILVER, FIELDS, needs=(Looks,))
    def test_none_clears_a_field_and_what_is_not_named_stays(self, stand: Stand) -> None:
        deal = stand.seed_one()
        stand.done([set_fields(deal, stand.own())])
        stand.done([set_fields(deal, {"recycle_hook": None, "recycle_next_on": None, "recycle_cycle": 2}, run="r2")])
        there = stand.view.fields(deal)
        left = {name: there[name] for name in ("recycle_hook", "recycle_next_on") if there[name] is not None}
        assert not left, f"None was to clear these fields, and they still hold: {left}"
        assert (there["recycle_cycle"], there["recycle_track"]) == ("2", "timing")

    @proves(Tier.SILVER, Capability.READ_DEALS, FIELDS)
    def test_only_our_own_fields_are_touched(self, stand: Stand) -> None:
        deal, other = stand.seed_deals(2)
        before = stand.deals([deal, other])
        stand.done([set_fields(deal, stand.own())])
        after = stand.deals([deal, other])
        mine = {*OWN_FIELDS, "last_activity_at"}
        moved = [name for name, value in before[deal].items() if name not in mine and after[deal][name] != value]
        assert not moved, f"writing our fields changed theirs: {moved}"
        assert before[other] == after[other], "another deal was changed"

    @proves(Tier.SILVER, FIELDS, needs=(Looks,))
    def test_fields_written_twice_under_one_key_stand_once(self, stand: Stand) -> None:
        deal = stand.seed_one()
        action = set_fields(deal, stand.own())
        first, again = stand.done([action]), stand.done([action])
        assert first[action.key].remote_id == again[action.key].remote_id
        assert stand.view.fields(deal)["recycle_track"] == "timing"

    # -- tasks and enrolments --------------------------------------------------------------------------------------

    @proves(Tier.SILVER, witness=TASKS, needs=(Looks,))
    def test_a_task_stands_at_its_deal(self, stand: Stand) -> None:
        deal, other = stand.seed_deals(2)
        action = create_task(deal, stand.bench.owner)
        stand.done([action])
        assert list(stand.view.tasks(deal)) == [action.key]
        assert not stand.view.tasks(other), "a task was put at another deal"

    @proves(Tier.SILVER, TASKS, needs=(LooksAtTasks,))
    def test_a_task_is_due_on_its_day_and_belongs_to_its_owner(self, stand: Stand) -> None:
        deal, wanted = stand.seed_one(), {"due_on": DUE_ON, "owner": stand.bench.owner}
        action = create_task(deal, stand.bench.owner)
        stand.done([action])
        stands = stand.closely.task(deal, action.key)
        wrong = {
            name: (wanted[name], stands[name]) for name in wanted if name in stands and stands[name] != wanted[name]
        }
        assert not wrong, f"planned, stands: {wrong} (a day is the business zone's, not UTC's)"

    @proves(Tier.SILVER, TASKS, needs=(Looks,))
    def test_a_task_written_twice_under_one_key_stands_once(self, stand: Stand) -> None:
        deal = stand.seed_one()
        action = create_task(deal, stand.bench.owner)
        first, again = stand.done([action]), stand.done([action])
        assert list(stand.view.tasks(deal)) == [action.key], "the same key twice has two effects"
        assert first[action.key].remote_id == again[action.key].remote_id

    @proves(Tier.SILVER, TASKS, needs=(Looks,))
    def test_two_keys_are_two_tasks(self, stand: Stand) -> None:
        deal = stand.seed_one()
        actions = [create_task(deal, stand.bench.owner, step) for step in ("first", "second")]
        stand.done(actions)
        assert sorted(stand.view.tasks(deal)) == sorted(a.key for a in actions)

    @proves(Tier.SILVER, TASKS, Capability.READ_ACTIVITIES)
    def test_our_own_task_does_not_count_as_contact(self, stand: Stand) -> None:
        deal = stand.seed_one(crm_state="open")
        action = create_task(deal, stand.bench.owner)
        stand.done([action])
        activities = stand.snapshot(Table.ACTIVITIES).activities
        rows = activities.rows(named=True) if "deal_id" in activities.columns else []
        mine = [row for row in rows if row["deal_id"] == deal]
        counted = [row for row in mine if row.get("key") != action.key and row.get("done") is not False]
        assert not counted, f"our task would end the deal's silence; give `key` or `done`: {counted}"

    @proves(Tier.SILVER, witness=ENROL, needs=(Looks,))
    def test_an_enrolment_stands_once_however_often_it_is_written(self, stand: Stand) -> None:
        deal = stand.seed_one()
        action = enrol(deal, stand.bench.track, stand.bench.owner)
        stand.done([action])
        assert stand.view.enrolments(deal) == 1
        stand.done([action])
        assert stand.view.enrolments(deal) == 1, "the same key twice has two effects"

    @proves(Tier.SILVER, ENROL, needs=(Looks,))
    def test_enrolling_a_deal_without_a_contact_is_told_not_broken_off(self, stand: Stand) -> None:
        (lonely,) = stand.bench.seed(Table.DEALS, [lost_deal(0)])
        other = stand.seed_one()
        receipts = stand.write([enrol(deal, stand.bench.track, stand.bench.owner) for deal in (lonely, other)])
        for deal, receipt in zip((lonely, other), receipts.values(), strict=True):
            stands = stand.view.enrolments(deal) == 1
            assert stands == (receipt.state is ReceiptState.DONE), f"enrolled: {stands}, said: {receipt}"
            assert stands or receipt.reason, "say why it was not enrolled"
        assert stand.view.enrolments(other) == 1, "a deal without a contact kept another from being enrolled"

    @proves(Tier.SILVER, FIELDS, needs=(Looks,))
    def test_text_that_is_too_long_is_refused_not_cut(self, stand: Stand) -> None:
        deal, hook = stand.seed_one(), "長い約束 " * _LONG
        (receipt,) = stand.write([set_fields(deal, {"recycle_hook": hook.strip()})]).values()
        there = stand.view.fields(deal)["recycle_hook"]
        if receipt.state is ReceiptState.DONE:
            assert there == hook.strip(), f"of {len(hook)} characters {len(there or '')} stand there, said to be done"
        else:
            assert there is None
            assert receipt.code

    @proves(Tier.SILVER, FIELDS, needs=(Looks,))
    def test_kinds_may_come_mixed_in_one_batch(self, stand: Stand) -> None:
        deal = stand.seed_one()
        actions = one_of_each(stand, deal)
        stand.done(actions)
        kinds = {a.kind for a in actions}
        assert stand.view.fields(deal)["recycle_track"] == "timing"
        assert len(stand.view.tasks(deal)) == (ActionKind.CREATE_TASK in kinds)
        assert stand.view.enrolments(deal) == (ActionKind.ENROL in kinds)

    # -- refusals --------------------------------------------------------------------------------------------------

    @proves(Tier.SILVER, FIELDS, needs=(Refuses, Looks))
    def test_one_refused_record_does_not_sink_the_others(self, stand: Stand) -> None:
        deals = stand.seed_deals(5)
        actions = [set_fields(deal, stand.own()) for deal in deals]
        # Not the middle one: whoever goes by the order of answers shall blame another.
        actions[1] = stand.refusing.refused(actions[1])
        outcome = stand.run(actions)
        assert (outcome.applied, len(outcome.failed)) == (4, 1), outcome
        assert outcome.failed[0][0] == deals[1], f"the wrong one is to blame: {outcome.failed}"
        written = [deal for deal in deals if stand.view.fields(deal)["recycle_track"] == "timing"]
        assert set(written) >= set(deals) - {deals[1]}
        assert deals[1] not in written, "the refused one stands in the system all the same"

    @proves(Tier.SILVER, FIELDS, needs=(Refuses,))
    def test_a_refusal_says_code_and_reason(self, stand: Stand) -> None:
        action = stand.refusing.refused(set_fields(stand.seed_one(), stand.own()))
        failed = stand.failures([action])
        assert [row["key"] for row in failed] == [action.key], f"it was not refused: {failed}"
        assert failed[0]["code"], "give the vendor's code: a dead letter without one helps nobody"
        assert failed[0]["reason"]

    # -- calls -----------------------------------------------------------------------------------------------------

    @proves(Tier.SILVER, FIELDS)
    def test_forecasts_of_calls_grow_with_what_is_planned(self, stand: Stand) -> None:
        sink = stand.sink()
        assert sink.calls({}) == 0
        for kind in stand.kinds():
            few, many = sink.calls({kind: 1}), sink.calls({kind: 100_000})
            assert 1 <= few <= many, f"{kind}: 1 action takes {few} calls, 100,000 take {many}"

    @proves(Tier.GOLD, FIELDS, needs=(CountsCalls,))
    def test_forecasts_of_calls_hold(self, stand: Stand) -> None:
        deals, sink = stand.seed_deals(30), stand.sink()
        actions = [action for deal in deals for action in one_of_each(stand, deal)]
        kinds = {kind: sum(a.kind is kind for a in actions) for kind in stand.kinds()}
        before = stand.meter.calls()
        for start in range(0, len(actions), sink.batch_size):
            stand.done(actions[start : start + sink.batch_size], sink)
        taken, forecast = stand.meter.calls() - before, sink.calls(kinds)
        assert taken <= forecast, (
            f"{taken} calls were taken, only {forecast} forecast: a quota would run out in mid-run"
        )
        assert forecast <= 4 * taken + 5, (
            f"{taken} calls were taken, {forecast} forecast: plans would be refused for nothing"
        )

    @proves(Tier.SILVER, FIELDS)
    def test_what_is_left_of_a_quota_is_a_number_or_unknown(self, stand: Stand) -> None:
        sink = stand.sink()
        if isinstance(sink, KnowsQuota):
            left = sink.calls_left()
            assert left is None or left >= 0

    @proves(Tier.SILVER, FIELDS)
    def test_a_batch_may_split_into_parts_that_leave_nothing_out(self, stand: Stand) -> None:
        from recyclekit.connectors.protocols import SplitsBatches

        sink, actions = stand.sink(), one_of_each(stand, stand.seed_one())
        if isinstance(sink, SplitsBatches):
            parts = [action for part in sink.parts(actions) for action in part]
            assert sorted(a.key for a in parts) == sorted(a.key for a in actions)


def one_of_each(stand: Stand, deal: str) -> list[Action]:
    """Return an action of each kind that the connector can write."""
    made = {
        ActionKind.SET_FIELDS: set_fields(deal, stand.own()),
        ActionKind.CREATE_TASK: create_task(deal, stand.bench.owner),
        ActionKind.ENROL: enrol(deal, stand.bench.track, stand.bench.owner),
    }
    return [made[kind] for kind in stand.kinds()]

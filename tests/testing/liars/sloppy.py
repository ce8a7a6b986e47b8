"""Sinks that are sloppy rather than cunning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from recyclekit.connectors import ConnectorManifest
from recyclekit.connectors.retrying import Retrying
from recyclekit.errors import RefusedError, RetryableError, SignInError
from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.snapshot import Finding
from recyclekit.models.tables import Table
from tests.testing.liars.honest import Honest
from tests.testing.liars.liar import Liar
from tests.testing.liars.writing import finds_everything, says_done_without_writing, undoes_nothing

Manifest = ConnectorManifest[Any]


def _done(action: Action) -> Receipt:
    return Receipt(key=action.key, state=ReceiptState.DONE, remote_id="x-1", proof="it is done")


def leaves_something_out_of_its_parts(h: Honest) -> Manifest:
    return h.writing(parts=lambda self, actions: [actions[:1]])


def reads_back_what_it_expects(h: Honest) -> Manifest:
    def read_back(self: Any, deal_ids: Sequence[str], columns: Mapping[Table, Any]) -> Any:
        frames = h.sink.HonestSink.read_back(self, deal_ids, columns)
        return {
            t: f.with_columns(loss_reason=f["loss_reason"].replace("Price", "予算がない")) for t, f in frames.items()
        }

    return h.writing(read_back=read_back)


def _reading_back(h: Honest, missing: Any) -> Manifest:
    def read_back(self: Any, deal_ids: Sequence[str], columns: Mapping[Table, Any]) -> Any:
        frames = dict(h.sink.HonestSink.read_back(self, deal_ids, columns))
        deals = frames[Table.DEALS]
        gone = [deal for deal in deal_ids if deal not in set(deals["id"])]
        return {**frames, Table.DEALS: missing(deals, gone)} if gone else frames

    return h.writing(read_back=read_back)


def raises_the_dead(h: Honest) -> Manifest:
    def missing(deals: Any, gone: list[str]) -> Any:
        return deals.vstack(deals.head(1).with_columns(id=deals["id"].head(1).replace(deals["id"][0], gone[0])))

    return _reading_back(h, missing)


def breaks_off_where_a_deal_is_gone(h: Honest) -> Manifest:
    def missing(deals: Any, gone: list[str]) -> Any:
        raise RefusedError(f"There is no deal {gone[0]}.")

    return _reading_back(h, missing)


def reads_back_everything(h: Honest) -> Manifest:
    def read_back(self: Any, deal_ids: Sequence[str], columns: Mapping[Table, Any]) -> Any:
        there = [deal["id"] for deal in self._transport.read("GET", "/records/deals?limit=100")["records"]]
        return h.sink.HonestSink.read_back(self, there, columns)

    return h.writing(read_back=read_back)


def keeps_the_hint_to_itself(h: Honest) -> Manifest:
    def write(self: Any, actions: Sequence[Action]) -> Sequence[Receipt]:
        try:
            return h.sink.HonestSink.write(self, actions)
        except RetryableError as error:
            raise RetryableError(error.what) from None

    return h.writing(write=write)


def sends_on_when_asked_to_stop(h: Honest) -> Manifest:
    def write(self: Any, actions: Sequence[Action]) -> Sequence[Receipt]:
        return Retrying(total=1_000).call(lambda: h.sink.HonestSink.write(self, actions), repeatable=True)

    return h.writing(write=write)


def takes_later_for_never(h: Honest) -> Manifest:
    def write(self: Any, actions: Sequence[Action]) -> Sequence[Receipt]:
        try:
            return h.sink.HonestSink.write(self, actions)
        except RetryableError as error:
            return [Receipt(key=a.key, state=ReceiptState.FAILED, code="503", reason=error.what) for a in actions]

    return h.writing(write=write)


def does_not_name_what_is_forbidden(h: Honest) -> Manifest:
    def write(self: Any, actions: Sequence[Action]) -> Sequence[Receipt]:
        try:
            return h.sink.HonestSink.write(self, actions)
        except SignInError:
            raise SignInError("Forbidden.") from None

    return h.writing(write=write)


def asks_before_it_looks(h: Honest) -> Manifest:
    def write(self: Any, actions: Sequence[Action]) -> Sequence[Receipt]:
        self.calls_left()
        return h.sink.HonestSink.write(self, actions)

    return h.writing(write=write)


def writes_one_kind_of_a_batch(h: Honest) -> Manifest:
    def write(self: Any, actions: Sequence[Action]) -> Sequence[Receipt]:
        first = [a for a in actions if a.kind is actions[0].kind] if actions else []
        return [*h.sink.HonestSink.write(self, first), *(_done(a) for a in actions if a not in first)]

    return h.writing(write=write)


def refuses_what_it_did_already(h: Honest) -> Manifest:
    known = set[str]()

    def write(self: Any, actions: Sequence[Action]) -> Sequence[Receipt]:
        again = [a for a in actions if a.key in known]
        known.update(a.key for a in actions)
        refused = [Receipt(key=a.key, state=ReceiptState.FAILED, code="409", reason="exists") for a in again]
        return [*refused, *h.sink.HonestSink.write(self, [a for a in actions if a not in again])]

    return h.writing(write=write)


def puts_tasks_at_another_deal(h: Honest) -> Manifest:
    def create(self: Any, actions: Sequence[Action]) -> list[Receipt]:
        return h.sink.HonestSink._create_tasks(self, [replace(a, deal_id="d000002") for a in actions])

    return h.writing(_create_tasks=create)


def is_a_day_early(h: Honest) -> Manifest:
    def create(self: Any, actions: Sequence[Action]) -> list[Receipt]:
        # Midnight in Tokyo, written down in UTC, is the day before.
        early = [replace(a, payload={**a.payload, "due_on": "2027-03-31"}) for a in actions]
        return h.sink.HonestSink._create_tasks(self, early)

    return h.writing(_create_tasks=create)


def enrols_anew_each_time(h: Honest) -> Manifest:
    turns = count()

    def enrol(self: Any, actions: Sequence[Action]) -> list[Receipt]:
        receipts = h.sink.HonestSink._enrol(self, [replace(a, key=f"{a.key}-{next(turns)}") for a in actions])
        return [replace(r, key=a.key) for r, a in zip(receipts, actions, strict=True)]

    return h.writing(_enrol=enrol)


def removes_all_tasks_of_a_deal(h: Honest) -> Manifest:
    def remove(self: Any, actions: Sequence[Action], path: str) -> list[Receipt]:
        steps = [replace(a, payload={"key": f"kit:{a.deal_id}:1:{s}"}) for a in actions for s in ("first", "second")]
        return h.sink.HonestSink._remove(self, steps, path)[:1]

    return h.writing(_remove=remove)


def says_that_a_finished_task_is_removed(h: Honest) -> Manifest:
    def undo(self: Any, actions: Sequence[Action]) -> Sequence[Receipt]:
        h.sink.HonestSink.undo(self, actions)
        return [_done(a) for a in actions]

    return h.writing(undo=undo)


def puts_a_dash_back_for_nothing(h: Honest) -> Manifest:
    def restore(self: Any, actions: Sequence[Action]) -> list[Receipt]:
        dashed = [replace(a, payload={n: "-" if v is None else v for n, v in a.payload.items()}) for a in actions]
        return h.sink.HonestSink._restore(self, dashed)

    return h.writing(_restore=restore)


def forecasts_zero(h: Honest) -> Manifest:
    return h.writing(calls=lambda self, kinds: 0)


def cries_wolf(h: Honest) -> Manifest:
    wolf = Finding(level="error", where="deals", what="Something may be wrong.", fix="Look.")
    return h.writing(preflight=lambda self, kinds: [wolf])


def takes_nothing(h: Honest) -> Manifest:
    return h.writing(batch_size=0)


def owes_calls(h: Honest) -> Manifest:
    return h.writing(calls_left=lambda self: -1)


LIARS = (
    Liar("leaves something out of its parts", "test_a_batch_may_split_into_parts_that_leave_nothing_out", "",
         leaves_something_out_of_its_parts),
    Liar("reads back what it expects", "test_a_deal_that_a_person_changed_is_not_written", "",
         reads_back_what_it_expects),
    Liar("raises the dead", "test_a_deal_that_is_gone_is_absent", "", raises_the_dead),
    Liar("breaks off where a deal is gone", "test_a_deal_that_is_gone_since_the_plan_is_skipped_and_harms_no_other", "",
         breaks_off_where_a_deal_is_gone),
    Liar("reads back everything", "test_exactly_the_deals_asked_for_are_read_back", "", reads_back_everything),
    Liar("keeps the hint to itself", "test_a_hint_to_wait_is_honoured_when_writing", "asked for 7 seconds",
         keeps_the_hint_to_itself),
    Liar("sends on when asked to stop", "test_a_stop_ends_a_wait_when_writing", "asked to stop, it still waited",
         sends_on_when_asked_to_stop),
    Liar("takes later for never", "test_a_server_that_fails_once_is_no_reason_to_lose_a_write", "failed=",
         takes_later_for_never),
    Liar("takes away for refused", "test_a_server_that_stays_down_ends_the_run_to_be_resumed", "nothing was refused",
         takes_later_for_never),
    Liar("gives up all for one call", "test_trouble_with_one_of_many_calls_speaks_for_that_call_alone", "failed=",
         takes_later_for_never),
    Liar("does not name what is forbidden", "test_a_missing_permission_is_named", "name the permission",
         does_not_name_what_is_forbidden),
    Liar("asks before it looks", "test_an_empty_batch_is_no_call_and_no_error", "took a call", asks_before_it_looks),
    Liar("writes one kind of a batch", "test_kinds_may_come_mixed_in_one_batch", "", writes_one_kind_of_a_batch),
    Liar("refuses what it did already", "test_fields_written_twice_under_one_key_stand_once", "not proven done",
         refuses_what_it_did_already),
    Liar("puts tasks at another deal", "test_a_task_stands_at_its_deal", "", puts_tasks_at_another_deal),
    Liar("is a day early", "test_a_task_is_due_on_its_day_and_belongs_to_its_owner", "not UTC's", is_a_day_early),
    Liar("enrols anew each time", "test_an_enrolment_stands_once_however_often_it_is_written", "two effects",
         enrols_anew_each_time),
    Liar("removes all tasks of a deal", "test_a_task_that_nobody_touched_is_removed_and_no_other", "",
         removes_all_tasks_of_a_deal),
    Liar("says that a finished task is removed", "test_a_task_that_somebody_finished_stays", "",
         says_that_a_finished_task_is_removed),
    Liar("puts a dash back for nothing", "test_fields_that_were_empty_are_empty_again", "",
         puts_a_dash_back_for_nothing),
    Liar("keeps people enrolled", "test_an_enrolment_is_taken_back", "", undoes_nothing),
    Liar("says a run is undone", "test_a_run_is_undone_as_if_it_had_not_been", "", undoes_nothing),
    Liar("finds fields by their names", "test_fields_with_other_values_are_not_taken_for_ours", "other values",
         finds_everything),
    Liar("applies no plan", "test_a_plan_is_applied_and_the_next_one_is_empty", "", says_done_without_writing),
    Liar("says done under fire", "test_under_fire_nothing_is_lost_doubled_or_falsely_claimed", "lost or doubled",
         says_done_without_writing),
    Liar("forecasts zero", "test_forecasts_of_calls_grow_with_what_is_planned", "", forecasts_zero),
    Liar("cries wolf", "test_nothing_stands_in_the_way_on_a_fit_system", "must be fit", cries_wolf),
    Liar("takes nothing", "test_the_batch_size_is_a_positive_number", "", takes_nothing),
    Liar("owes calls", "test_what_is_left_of_a_quota_is_a_number_or_unknown", "", owes_calls),
)  # fmt: skip

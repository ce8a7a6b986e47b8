"""Sinks that lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from recyclekit.connectors import ConnectorManifest
from recyclekit.errors import InDoubtError, QuotaError, RefusedError, RetryableError
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.tables import Table
from tests.testing.liars.honest import Honest
from tests.testing.liars.liar import Liar

Manifest = ConnectorManifest[Any]
Write = Callable[[Any, Sequence[Action]], Sequence[Receipt]]


def _done(action: Action) -> Receipt:
    return Receipt(key=action.key, state=ReceiptState.DONE, remote_id="x-1", proof="it is done")


def _spoilt(h: Honest, change: Callable[[Any, Sequence[Action], Write], Sequence[Receipt]]) -> Manifest:
    write: Write = h.sink.HonestSink.write
    return h.writing(write=lambda self, actions: change(self, actions, write))


def says_done_without_writing(h: Honest) -> Manifest:
    return _spoilt(h, lambda self, actions, write: [_done(a) for a in actions])


def drops_a_receipt(h: Honest) -> Manifest:
    return _spoilt(h, lambda self, actions, write: list(write(self, actions))[:-1])


def gives_no_proof(h: Honest) -> Manifest:
    return _spoilt(h, lambda self, actions, write: [replace(r, proof="") for r in write(self, actions)])


def swallows_a_refusal(h: Honest) -> Manifest:
    def change(self: Any, actions: Sequence[Action], write: Write) -> Sequence[Receipt]:
        done = {a.key: _done(a) for a in actions}
        return [done[r.key] if r.state is ReceiptState.FAILED else r for r in write(self, actions)]

    return _spoilt(h, change)


def refuses_all_for_one(h: Honest) -> Manifest:
    def change(self: Any, actions: Sequence[Action], write: Write) -> Sequence[Receipt]:
        receipts = write(self, actions)
        bad = next((r for r in receipts if r.state is ReceiptState.FAILED), None)
        return receipts if bad is None else [replace(bad, key=a.key) for a in actions]

    return _spoilt(h, change)


def refuses_without_a_code(h: Honest) -> Manifest:
    return _spoilt(h, lambda self, actions, write: [replace(r, code="") for r in write(self, actions)])


def doubles_on_repeat(h: Honest) -> Manifest:
    turns = count()

    def create(self: Any, actions: Sequence[Action]) -> list[Receipt]:
        other = [replace(a, key=f"{a.key}-{next(turns)}") for a in actions]
        receipts = h.sink.HonestSink._create_tasks(self, other)
        return [replace(r, key=a.key) for r, a in zip(receipts, actions, strict=True)]

    return h.writing(_create_tasks=create)


def takes_a_deal_for_a_task(h: Honest) -> Manifest:
    def create(self: Any, actions: Sequence[Action]) -> list[Receipt]:
        # One task a deal is enough, is it not? The second step of a track is then never seen.
        known = [replace(a, key=f"kit:{a.deal_id}:1:first") for a in actions]
        receipts = h.sink.HonestSink._create_tasks(self, known)
        return [replace(r, key=a.key) for r, a in zip(receipts, actions, strict=True)]

    return h.writing(_create_tasks=create)


def writes_what_is_not_ours(h: Honest) -> Manifest:
    def fields(self: Any, actions: Sequence[Action]) -> list[Receipt]:
        self._transport.write("POST", "/fields/deals", {"name": "stage"})
        more = [replace(a, payload={**a.payload, "stage": "negotiation"}) for a in actions]
        return h.sink.HonestSink._set_fields(self, more)

    return h.writing(_set_fields=fields)


def forgets_to_clear(h: Honest) -> Manifest:
    def fields(self: Any, actions: Sequence[Action]) -> list[Receipt]:
        some = [replace(a, payload={k: v for k, v in a.payload.items() if v is not None}) for a in actions]
        return h.sink.HonestSink._set_fields(self, some)

    return h.writing(_set_fields=fields)


def stops_at_a_hundred(h: Honest) -> Manifest:
    def change(self: Any, actions: Sequence[Action], write: Write) -> Sequence[Receipt]:
        return [*write(self, actions[:50]), *(_done(a) for a in actions[50:])]

    return _spoilt(h, change)


def forecasts_nothing(h: Honest) -> Manifest:
    return h.writing(calls=lambda self, kinds: len(kinds))


def preflight_looks_away(h: Honest) -> Manifest:
    return h.writing(preflight=lambda self, kinds: [])


def sets_up_half(h: Honest) -> Manifest:
    return h.writing(set_up=lambda self, kinds: list(self.missing(kinds)))


def ignores_opt_outs(h: Honest) -> Manifest:
    def read_back(self: Any, deal_ids: Sequence[str], columns: Mapping[Table, Any]) -> Any:
        frames = dict(h.sink.HonestSink.read_back(self, deal_ids, columns))
        return {t: f.clear() if t is Table.CONTACTS else f for t, f in frames.items()}

    def people(self: Any, actions: Sequence[Action]) -> Any:
        found = h.sink.HonestSink._people(self, actions)
        return {deal: {**person, "no_mail": False} for deal, person in found.items()}

    return h.writing(read_back=read_back, _people=people)


def reads_back_from_memory(h: Honest) -> Manifest:
    kept: dict[Any, Any] = {}

    def read_back(self: Any, deal_ids: Sequence[str], columns: Mapping[Table, Any]) -> Any:
        asked = tuple(deal_ids)
        kept.setdefault(asked, h.sink.HonestSink.read_back(self, deal_ids, columns))
        return kept[asked]

    return h.writing(read_back=read_back)


def reads_back_in_its_own_way(h: Honest) -> Manifest:
    def read_back(self: Any, deal_ids: Sequence[str], columns: Mapping[Table, Any]) -> Any:
        frames = dict(h.sink.HonestSink.read_back(self, deal_ids, columns))
        return {t: f.with_columns(loss_reason=f["loss_reason"].str.to_uppercase() + "!") for t, f in frames.items()}

    return h.writing(read_back=read_back)


def finds_everything(h: Honest) -> Manifest:
    return h.writing(find=lambda self, actions: [_done(a) for a in actions])


def finds_by_deal(h: Honest) -> Manifest:
    def find(self: Any, actions: Sequence[Action]) -> Sequence[Receipt]:
        tasks = [a for a in actions if a.kind is ActionKind.CREATE_TASK]
        by_deal = [replace(a, key=f"kit:{a.deal_id}:1:first") for a in tasks]
        found = h.sink.HonestSink.find(self, by_deal) if by_deal else []
        return [replace(r, key=a.key) for r, a in zip(found, tasks, strict=True)]

    return h.writing(find=find)


def takes_silence_for_failure(h: Honest) -> Manifest:
    def change(self: Any, actions: Sequence[Action], write: Write) -> Sequence[Receipt]:
        receipts = write(self, actions)
        lost = {r.key for r in receipts if r.state is ReceiptState.IN_DOUBT}
        return [replace(r, state=ReceiptState.FAILED, code="timeout") if r.key in lost else r for r in receipts]

    return _spoilt(h, change)


def takes_200_for_success(h: Honest) -> Manifest:
    def receipts(self: Any, actions: Sequence[Action], method: str, path: str, records: object) -> list[Receipt]:
        self._transport.write(method, path, {"records": records})
        return [_done(a) for a in actions]

    return h.writing(_receipts=receipts)


def sends_again_blindly(h: Honest) -> Manifest:
    turns = count()

    def create(self: Any, actions: Sequence[Action]) -> list[Receipt]:
        for _ in range(2):
            other = [replace(a, key=f"{a.key}-{next(turns)}") for a in actions]
            try:
                made = h.sink.HonestSink._create_tasks(self, other)
            except InDoubtError:
                continue
            return [replace(r, key=a.key) for r, a in zip(made, actions, strict=True)]
        raise RetryableError("Never mind.")

    return h.writing(_create_tasks=create)


def waits_for_tomorrow(h: Honest) -> Manifest:
    def change(self: Any, actions: Sequence[Action], write: Write) -> Sequence[Receipt]:
        try:
            return write(self, actions)
        except QuotaError as error:
            raise RetryableError(error.what, retry_after=1) from error

    return _spoilt(h, change)


def undoes_what_a_person_changed(h: Honest) -> Manifest:
    def restore(self: Any, actions: Sequence[Action]) -> list[Receipt]:
        back = [replace(a, payload={k: v for k, v in a.payload.items() if k != "expect"}) for a in actions]
        return h.sink.HonestSink._set_fields(self, back)

    return h.writing(_restore=restore)


def undoes_nothing(h: Honest) -> Manifest:
    return h.writing(undo=lambda self, actions: [_done(a) for a in actions])


def cannot_undo_twice(h: Honest) -> Manifest:
    gone: set[str] = set()

    def undo(self: Any, actions: Sequence[Action]) -> Sequence[Receipt]:
        again = [a for a in actions if a.key in gone]
        gone.update(a.key for a in actions)
        lost = [Receipt(key=a.key, state=ReceiptState.FAILED, code="404", reason="not found") for a in again]
        return [*lost, *h.sink.HonestSink.undo(self, [a for a in actions if a not in again])]

    return h.writing(undo=undo)


def undoes_half(h: Honest) -> Manifest:
    def restore(self: Any, actions: Sequence[Action]) -> list[Receipt]:
        receipts = []
        for action in actions:
            expect = action.payload["expect"]
            for name in [name for name in action.payload if name != "expect"]:
                part = {name: action.payload[name], "expect": {name: expect[name]}}  # type: ignore[index]
                receipts += h.sink.HonestSink._restore(self, [replace(action, payload=part)])
        return receipts[:1]

    return h.writing(_restore=restore)


def cuts_what_is_too_long(h: Honest) -> Manifest:
    def fields(self: Any, actions: Sequence[Action]) -> list[Receipt]:
        cut = [
            replace(a, payload={n: v[:255] if isinstance(v, str) else v for n, v in a.payload.items()}) for a in actions
        ]
        return h.sink.HonestSink._set_fields(self, cut)

    return h.writing(_set_fields=fields)


def breaks_off_without_a_contact(h: Honest) -> Manifest:
    def enrol(self: Any, actions: Sequence[Action]) -> list[Receipt]:
        if any(a.deal_id not in h.sink.HonestSink._people(self, actions) for a in actions):
            raise RefusedError("A deal has no contact.")
        return h.sink.HonestSink._enrol(self, actions)

    return h.writing(_enrol=enrol)


LIARS = (
    Liar("undoes half", "test_what_a_person_changed_since_stays", "half an undo", undoes_half),
    Liar("cuts what is too long", "test_text_that_is_too_long_is_refused_not_cut", "255 stand there",
         cuts_what_is_too_long),
    Liar("breaks off without a contact", "test_enrolling_a_deal_without_a_contact_is_told_not_broken_off",
         "has no contact", breaks_off_without_a_contact),
    Liar("says done without writing", "test_what_is_said_to_be_written_stands_in_the_system", "",
         says_done_without_writing),
    Liar("drops a receipt", "test_every_action_has_one_receipt_with_proof", "one receipt for each", drops_a_receipt),
    Liar("gives no proof", "test_every_action_has_one_receipt_with_proof", "without a proof", gives_no_proof),
    Liar("swallows a refusal", "test_one_refused_record_does_not_sink_the_others", "failed=\\(\\)", swallows_a_refusal),
    Liar("refuses all for one", "test_one_refused_record_does_not_sink_the_others", "failed=", refuses_all_for_one),
    Liar("refuses without a code", "test_a_refusal_says_code_and_reason", "vendor's code", refuses_without_a_code),
    Liar("doubles on repeat", "test_a_task_written_twice_under_one_key_stands_once", "two effects", doubles_on_repeat),
    Liar("takes a deal for a task", "test_two_keys_are_two_tasks", "", takes_a_deal_for_a_task),
    Liar("writes what is not ours", "test_only_our_own_fields_are_touched", "changed theirs", writes_what_is_not_ours),
    Liar("forgets to clear", "test_none_clears_a_field_and_what_is_not_named_stays", "", forgets_to_clear),
    Liar("stops at fifty", "test_a_batch_larger_than_any_vendor_takes_is_written_whole", "nothing stands there",
         stops_at_a_hundred),
    Liar("forecasts nothing", "test_forecasts_of_calls_hold", "only", forecasts_nothing),
    Liar("preflight looks away", "test_preflight_names_what_is_missing_and_what_to_do", "preflight says only",
         preflight_looks_away),
    Liar("sets up half", "test_setting_up_creates_what_is_missing_and_nothing_twice", "left something out",
         sets_up_half),
    Liar("ignores opt outs", "test_an_opt_out_after_the_plan_is_heeded", "was enrolled", ignores_opt_outs),
    Liar("reads back from memory", "test_an_edit_is_seen_at_once", "written over", reads_back_from_memory),
    Liar("reads back in its own way", "test_a_deal_reads_back_as_its_page_showed_it", "", reads_back_in_its_own_way),
    Liar("finds everything", "test_find_tells_done_from_absent", "nothing was written yet", finds_everything),
    Liar("finds by deal", "test_a_task_is_found_by_its_key_not_by_its_deal", "", finds_by_deal),
    Liar("takes silence for failure", "test_a_lost_answer_is_settled_by_looking", "it was applied",
         takes_silence_for_failure),
    Liar("takes 200 for success", "test_success_without_proof_is_not_success", "nothing stands", takes_200_for_success),
    Liar("sends again blindly", "test_writing_again_after_a_lost_answer_doubles_nothing", "", sends_again_blindly),
    Liar("waits for tomorrow", "test_a_spent_quota_stops_writing_at_once", "busy|spent", waits_for_tomorrow),
    Liar("undoes what a person changed", "test_what_a_person_changed_since_stays", "what a person typed",
         undoes_what_a_person_changed),
    Liar("undoes nothing", "test_fields_go_back_to_what_they_held", "", undoes_nothing),
    Liar("cannot undo twice", "test_undoing_twice_has_one_effect", "", cannot_undo_twice),
)  # fmt: skip

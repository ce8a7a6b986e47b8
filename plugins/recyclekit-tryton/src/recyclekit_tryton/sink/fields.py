"""Our own fields: each change is a new note, and the newest holds (see field_map)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recyclekit.models.drift import as_text
from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.tables import OWN_FIELDS
from recyclekit_tryton.field_map import DEAL, NOTE, note_text
from recyclekit_tryton.sink.deals import Deal, number
from recyclekit_tryton.source import TrytonSource
from recyclekit_tryton.transport import Transport


class Fields:
    """Writes and takes back our fields of a deal."""

    def __init__(self, transport: Transport, source: TrytonSource) -> None:
        self._transport, self._source = transport, source

    def there(self, actions: Sequence[Action]) -> Mapping[str, tuple[int | None, str]]:
        """Return the notes that these actions have made already, by key."""
        notes = self._source.own_notes(sorted({number(action.deal_id) for action in actions} - {0}))
        wanted = {action.key for action in actions}
        return {key: (note, f"note {note} holds the key") for note, _, key, _ in notes if key in wanted}

    def put(self, action: Action, deal: Deal) -> Receipt:
        """Write a note that holds what stands now with the action's changes in it."""
        unknown = sorted(set(action.payload) - set(OWN_FIELDS))
        if unknown:
            reason = f"'{unknown[0]}' is not a field of ours."
            return Receipt(
                key=action.key, state=ReceiptState.FAILED, code="unknown_field", reason=reason, field=unknown[0]
            )
        note = self._noted(action, deal.id, {**deal.own, **action.payload})
        return Receipt(key=action.key, state=ReceiptState.DONE, remote_id=str(note), proof=f"id {note} of a note")

    def take_back(self, action: Action) -> Receipt:
        """Put the old values back where ours still stand; where nothing of ours is left, our notes go."""
        deal, now = number(action.deal_id), self._now(number(action.deal_id))
        old = {name: value for name, value in action.payload.items() if name != "expect"}
        if all(as_text(now.get(name)) == as_text(value) for name, value in old.items()):
            return Receipt(key=action.key, state=ReceiptState.DONE, proof="the old values stand there")
        expected = action.payload.get("expect")
        ours = expected if isinstance(expected, Mapping) else {}
        changed = [name for name in old if as_text(now.get(name)) != as_text(ours.get(name))]
        if changed:
            reason = f"changed since: {', '.join(changed)}"
            return Receipt(key=action.key, state=ReceiptState.SKIPPED, code="changed", reason=reason)
        return self._restored(action, deal, {**now, **old})

    def _restored(self, action: Action, deal: int, fields: Mapping[str, object]) -> Receipt:
        if any(value is not None for value in fields.values()):
            proof = f"id {self._noted(action, deal, fields)} of a note"
        else:
            notes = [note for note, *_ in self._source.own_notes([deal])]
            # The newest last: until it goes, the deal shows what it showed.
            for note in notes:
                self._transport.delete(NOTE, note)
            proof = f"{len(notes)} notes of ours removed"
        return Receipt(key=action.key, state=ReceiptState.DONE, proof=proof)

    def _now(self, deal: int) -> Mapping[str, object]:
        return self._source.own_fields([deal]).get(deal, {})

    def _noted(self, action: Action, deal: int, fields: Mapping[str, object]) -> int:
        return self._transport.create(NOTE, {"resource": f"{DEAL},{deal}", "message": note_text(action.key, fields)})

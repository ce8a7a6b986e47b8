"""Our own fields on opportunities: written, found again, and put back where they still hold what we wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from email.utils import format_datetime
from typing import Any

from recyclekit.errors import RefusedError
from recyclekit.models.drift import as_text
from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit_salesforce.answers import ChangedError, Refusal, doubtful, failed, receipt, rows, skipped
from recyclekit_salesforce.columns.catalogue import Among, Catalogue, query_among
from recyclekit_salesforce.field_map import own_names
from recyclekit_salesforce.settings import SalesforceSettings
from recyclekit_salesforce.sink.ingest import ingest
from recyclekit_salesforce.sink.rows import Row, deliver
from recyclekit_salesforce.source.cursor import moment
from recyclekit_salesforce.transport import Transport

OBJECT = "Opportunity"
_GONE = Refusal("ENTITY_IS_DELETED", "The opportunity is gone.")


class Fields:
    """set_fields and restore_fields. `seen` holds the LastModifiedDate of deals that were just read back."""

    def __init__(self, transport: Transport, catalogue: Catalogue, settings: SalesforceSettings) -> None:
        self._transport, self._catalogue, self._settings = transport, catalogue, settings
        self._names = own_names(settings.own_fields)
        self.seen: dict[str, str] = {}

    def write(self, actions: Sequence[Action]) -> list[Receipt]:
        """Set the fields of each action's payload."""
        unknown = {a.key: name for a in actions for name in a.payload if name not in self._names}
        settled = [
            failed(a, Refusal("unknown_field", f"'{unknown[a.key]}' is not a field of ours.", unknown[a.key]))
            for a in actions
            if a.key in unknown
        ]
        return settled + self._sent([Row(a, self._body(a, a.payload)) for a in actions if a.key not in unknown])

    def find(self, actions: Sequence[Action]) -> list[Receipt]:
        """Tell whether the fields hold what was to be written."""
        now = self._now([a.deal_id for a in actions])
        return [self._found(a, now.get(a.deal_id[:15])) for a in actions]

    def restore(self, actions: Sequence[Action]) -> list[Receipt]:
        """Put old values back where every field still holds ours, or the old value already."""
        now = self._now([a.deal_id for a in actions])
        settled: list[Receipt] = []
        to_send: list[Row] = []
        for action in actions:
            deal, expect = now.get(action.deal_id[:15]), action.payload.get("expect")
            back = {name: value for name, value in action.payload.items() if name in self._names}
            expected = expect if isinstance(expect, Mapping) else {}
            if deal is None:
                settled.append(failed(action, _GONE))
            elif all(self._holds(deal, name, value) for name, value in back.items()):
                settled.append(_done(action, "the fields hold the old values"))
            elif theirs := [n for n in back if not any(self._holds(deal, n, v) for v in (expected.get(n), back[n]))]:
                reason = f"A person changed {theirs[0]} since; it stays as it is."
                settled.append(skipped(action, self._names[theirs[0]], reason))
            else:
                self.seen[action.deal_id] = str(deal["LastModifiedDate"])
                to_send.append(Row(action, self._body(action, back)))
        return settled + self._sent(to_send)

    # -- sending ---------------------------------------------------------------------------------------------------

    def _sent(self, outgoing: Sequence[Row]) -> list[Receipt]:
        # Used once: what we write now moves the date itself.
        seen = {row.action.deal_id: self.seen.pop(row.action.deal_id, None) for row in outgoing}
        if not outgoing:
            return []
        transport, parallel = self._transport, self._settings.parallel
        if len(outgoing) <= self._settings.conditional_up_to and all(seen.values()):
            return [
                one
                for row in outgoing
                for one in deliver(transport, [row], lambda rows_: self._one(rows_[0], seen), parallel=1)
            ]
        if len(outgoing) >= self._settings.bulk_write_from:
            return ingest(transport, outgoing, self._collection, self._settings, table=OBJECT)
        return deliver(transport, outgoing, self._collection, parallel=parallel)

    def _collection(self, chunk: Sequence[Row]) -> list[Receipt]:
        body = {"allOrNone": False, "records": [{"attributes": {"type": OBJECT}, **row.body} for row in chunk]}
        answer = self._transport.write_json("PATCH", "composite/sobjects", body, repeatable=True)
        correlation = self._transport.session.correlation
        listed = rows(answer, len(chunk), "PATCH composite/sobjects")
        return [
            receipt(row.action, one, expect=row.action.deal_id, correlation=correlation)
            for row, one in zip(chunk, listed, strict=True)
        ]

    def _one(self, row: Row, seen: Mapping[str, str | None]) -> list[Receipt]:
        """Write one deal unless somebody changed it since it was read back a moment ago."""
        since = format_datetime(moment(seen[row.action.deal_id] or "").astimezone(UTC), usegmt=True)
        body = {name: value for name, value in row.body.items() if name != "id"}
        try:
            status = self._transport.send(
                "PATCH", f"sobjects/{OBJECT}/{_id(row)}", body, {"If-Unmodified-Since": since}
            )
        except ChangedError:
            return [skipped(row.action, "LastModifiedDate", "Somebody changed the opportunity at this very moment.")]
        if status != 204:
            return [doubtful(row.action, f"the answer was {status}, not 204")]
        return [_done(row.action, "204, not modified since it was read")]

    def _body(self, action: Action, values: Mapping[str, object]) -> dict[str, Any]:
        return {"id": action.deal_id, **{self._names[name]: value for name, value in values.items()}}

    # -- as they stand now -----------------------------------------------------------------------------------------

    def _now(self, deals: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        names = self._catalogue.get(OBJECT).only(["Id", "LastModifiedDate", *self._names.values()])
        found = query_among(self._transport, Among(fields=names, table=OBJECT, column="Id"), deals)
        return {str(one["Id"])[:15]: one for one in found}

    def _found(self, action: Action, deal: Mapping[str, Any] | None) -> Receipt:
        if deal is not None and all(self._holds(deal, name, value) for name, value in action.payload.items()):
            return _done(action, "the fields hold what was sent")
        return Receipt(key=action.key, state=ReceiptState.PLANNED, code="absent")

    def _holds(self, deal: Mapping[str, Any], name: str, value: object) -> bool:
        held = deal.get(self._names[name])
        held = int(held) if isinstance(held, float) and held.is_integer() else held
        return as_text(held) == as_text(value)


def _id(row: Row) -> str:
    deal = row.action.deal_id
    if not (deal.isalnum() and len(deal) in (15, 18)):
        raise RefusedError(f"'{deal[:40]}' is no id of an opportunity.", code="MALFORMED_ID")
    return deal


def _done(action: Action, proof: str) -> Receipt:
    return Receipt(key=action.key, state=ReceiptState.DONE, remote_id=action.deal_id, proof=proof)

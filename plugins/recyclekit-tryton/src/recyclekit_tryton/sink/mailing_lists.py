"""Enrolments in mailing lists of the module marketing_email: the address of the deal's party, once per list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit_tryton.answers import Record
from recyclekit_tryton.field_map import DEAL, MEMBER, PARTY, UNSUBSCRIBED
from recyclekit_tryton.settings import TrytonSettings
from recyclekit_tryton.sink.deals import Deal, number
from recyclekit_tryton.source import person
from recyclekit_tryton.transport import Transport, either


class MailingLists:
    """Puts addresses into lists and takes back what we put there. An address never leaves this module."""

    def __init__(self, transport: Transport, settings: TrytonSettings) -> None:
        self._transport, self._lists = transport, settings.mailing_lists

    def takes(self, action: Action) -> bool:
        """Whether this action's list or track is a mailing list."""
        return self._list(action) is not None

    def there(self, actions: Sequence[Action]) -> Mapping[str, tuple[int | None, str]]:
        """Return, by key, that the address is in the list; by whom, Tryton does not say: without id, never undone."""
        deals = sorted({number(action.deal_id) for action in actions} - {0})
        rows = self._transport.read(DEAL, [["id", "in", deals]], ["party", "contact.party"])
        people = {row["id"]: person(row) for row in rows}
        addresses = self._addresses(sorted({p for p in people.values() if p is not None}))
        wanted = {
            action.key: (self._list(action), addresses[who])
            for action in actions
            if (who := people.get(number(action.deal_id))) is not None and who in addresses
        }
        clauses = [[["list_", "=", place], ["email", "=", address]] for place, address in {*wanted.values()}]
        members = self._transport.read(MEMBER, either(clauses), ["list_", "email"]) if clauses else []
        known = {(row["list_"], row["email"]): row["id"] for row in members}
        found = {key: known[pair] for key, pair in wanted.items() if pair in known}
        return {key: (None, f"member {member} of the list is there") for key, member in found.items()}

    def put(self, action: Action, deal: Deal) -> Receipt:
        """Put the party's address into the list, unless the party has left a scenario since the plan was made."""
        if deal.person is None:
            return _failed(action, "no_contact", "the opportunity has no party")
        party = self._transport.read(PARTY, [["id", "=", deal.person]], [UNSUBSCRIBED, "email"])
        if not party or party[0][UNSUBSCRIBED]:
            reason = "the party has unsubscribed" if party else "the party is not active any more"
            return Receipt(key=action.key, state=ReceiptState.SKIPPED, code="opted_out", reason=reason)
        if not party[0]["email"]:
            return _failed(action, "no_address", f"party {deal.person} has no mail address")
        values: Record = {"list_": self._list(action), "email": party[0]["email"]}
        member = self._transport.create(MEMBER, values)
        proof = f"id {member} of a list's member"
        return Receipt(key=action.key, state=ReceiptState.DONE, remote_id=str(member), proof=proof)

    def take_back(self, action: Action) -> Receipt:
        """Take the address out of the list, where we put it in."""
        if action.remote_id is None:
            reason = "the address may have been put into the list by somebody else before"
            return Receipt(key=action.key, state=ReceiptState.SKIPPED, code="not_ours", reason=reason)
        is_gone = self._transport.delete(MEMBER, number(action.remote_id))
        proof = "the member was removed" if is_gone else "the member was gone already"
        return Receipt(key=action.key, state=ReceiptState.DONE, proof=proof)

    def _addresses(self, parties: Sequence[int]) -> Mapping[int, str]:
        rows = self._transport.read(PARTY, [["id", "in", list(parties)]], ["email"]) if parties else []
        # Tryton keeps addresses of lists in lower case.
        return {row["id"]: row["email"].lower() for row in rows if row["email"]}

    def _list(self, action: Action) -> int | None:
        named = [str(action.payload.get(name)) for name in ("list", "track")]
        return next((self._lists[name] for name in named if name in self._lists), None)


def _failed(action: Action, code: str, reason: str) -> Receipt:
    return Receipt(key=action.key, state=ReceiptState.FAILED, code=code, reason=reason)

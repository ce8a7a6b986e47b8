"""Enrolments: the deal's party as a record of a marketing-automation scenario; Tryton allows one per scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit_tryton.answers import Record
from recyclekit_tryton.field_map import DEAL, ENROLMENT, PARTY, UNSUBSCRIBED
from recyclekit_tryton.settings import TrytonSettings
from recyclekit_tryton.sink.deals import Deal, number
from recyclekit_tryton.sink.mailing_lists import MailingLists
from recyclekit_tryton.source import person
from recyclekit_tryton.transport import Transport, either


class Enrolments:
    """Enrols parties and takes back what we enrolled."""

    def __init__(self, transport: Transport, settings: TrytonSettings) -> None:
        self._transport, self._scenarios = transport, settings.scenarios
        self._lists = MailingLists(transport, settings)

    def there(self, actions: Sequence[Action]) -> Mapping[str, tuple[int | None, str]]:
        """Return, by key, that the party is enrolled. By whom, Tryton does not say: without an id, so never undone."""
        mailed = [action for action in actions if self._lists.takes(action)]
        rest = [action for action in actions if action not in mailed]
        return {**(self._lists.there(mailed) if mailed else {}), **(self._in_scenarios(rest) if rest else {})}

    def _in_scenarios(self, actions: Sequence[Action]) -> Mapping[str, tuple[int | None, str]]:
        deals = sorted({number(action.deal_id) for action in actions} - {0})
        rows = self._transport.read(DEAL, [["id", "in", deals]], ["party", "contact.party"])
        parties = {row["id"]: person(row) for row in rows}
        wanted = {
            action.key: (scenario, f"{PARTY},{parties[number(action.deal_id)]}")
            for action in actions
            if (scenario := self._scenario(action)) and parties.get(number(action.deal_id))
        }
        clauses = [[["scenario", "=", scenario], ["record", "=", party]] for scenario, party in {*wanted.values()}]
        rows = self._transport.read(ENROLMENT, either(clauses), ["scenario", "record"]) if clauses else []
        enrolled = {(row["scenario"], row["record"]): row["id"] for row in rows}
        proofs = {key: enrolled[pair] for key, pair in wanted.items() if pair in enrolled}
        return {key: (None, f"record {record} of the scenario is there") for key, record in proofs.items()}

    def put(self, action: Action, deal: Deal) -> Receipt:
        """Enrol the party, unless it has left a scenario since the plan was made."""
        if self._lists.takes(action):
            return self._lists.put(action, deal)
        scenario = self._scenario(action)
        if scenario is None:
            name = action.payload.get("list") or action.payload.get("track")
            return _failed(
                action, "no_scenario", f"no scenario or list is named for {name}; add it to the connection's settings"
            )
        if deal.person is None:
            return _failed(action, "no_contact", "the opportunity has no party")
        party = self._transport.read(PARTY, [["id", "=", deal.person]], [UNSUBSCRIBED])
        if not party or party[0][UNSUBSCRIBED]:
            reason = "the party has unsubscribed" if party else "the party is not active any more"
            return Receipt(key=action.key, state=ReceiptState.SKIPPED, code="opted_out", reason=reason)
        record = self._transport.create(ENROLMENT, {"scenario": scenario, "record": f"{PARTY},{deal.person}"})
        proof = f"id {record} of a scenario's record"
        return Receipt(key=action.key, state=ReceiptState.DONE, remote_id=str(record), proof=proof)

    def take_back(self, action: Action) -> Receipt:
        """Remove the record that we made, unless the party has left the scenario: the record says so for ever."""
        if self._lists.takes(action):
            return self._lists.take_back(action)
        if action.remote_id is None:
            reason = "the party may have been enrolled by somebody else before"
            return Receipt(key=action.key, state=ReceiptState.SKIPPED, code="not_ours", reason=reason)
        found: list[Record] = self._transport.read(ENROLMENT, [["id", "=", number(action.remote_id)]], ["blocked"])
        if found and found[0]["blocked"]:
            reason = "the party has left the scenario since"
            return Receipt(key=action.key, state=ReceiptState.SKIPPED, code="changed", reason=reason)
        gone = [self._transport.delete(ENROLMENT, row["id"]) for row in found]
        return Receipt(key=action.key, state=ReceiptState.DONE, proof=f"{len(gone)} records with the id removed")

    def _scenario(self, action: Action) -> int | None:
        named = [action.payload.get(name) for name in ("list", "track")]
        return next((self._scenarios[str(name)] for name in named if str(name) in self._scenarios), None)


def _failed(action: Action, code: str, reason: str) -> Receipt:
    return Receipt(key=action.key, state=ReceiptState.FAILED, code=code, reason=reason)

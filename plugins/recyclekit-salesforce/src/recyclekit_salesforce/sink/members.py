"""Campaign members: a deal's contact is added to a campaign, unless it opted out since, and taken out again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit_salesforce.answers import CHANGED, DUPLICATE, Refusal, failed, receipt, rows
from recyclekit_salesforce.columns import soql
from recyclekit_salesforce.columns.catalogue import Among, Catalogue, query_among
from recyclekit_salesforce.settings import SalesforceSettings
from recyclekit_salesforce.sink.removing import delete
from recyclekit_salesforce.sink.rows import Row, deliver
from recyclekit_salesforce.source.shaping import primary
from recyclekit_salesforce.transport import Transport

OBJECT = "CampaignMember"
_OPT_OUT = "HasOptedOutOfEmail"


@dataclass(frozen=True, slots=True)
class _Person:
    contact: str
    opted_out: bool


class Members:
    """enrol and unenrol."""

    def __init__(self, transport: Transport, catalogue: Catalogue, settings: SalesforceSettings) -> None:
        self._transport, self._catalogue, self._settings = transport, catalogue, settings

    def write(self, actions: Sequence[Action]) -> list[Receipt]:
        """Add each deal's contact to its campaign. Whether the contact opted out is asked right before."""
        people = self._people(actions)
        settled: list[Receipt] = []
        outgoing: list[Row] = []
        for action in actions:
            campaign, person = self._campaign(action), people.get(action.deal_id[:15])
            if refusal := _refusal(action, campaign, person):
                settled.append(refusal)
            elif campaign and person:
                outgoing.append(Row(action, self._body(action, campaign, person.contact), campaign))
        # One after the other: every member locks its campaign.
        return settled + (deliver(self._transport, outgoing, self._collection, parallel=1) if outgoing else [])

    def find(self, actions: Sequence[Action]) -> list[Receipt]:
        """Tell whether the contacts are members."""
        people = self._people(actions)
        pairs = {
            a.key: (campaign, person.contact)
            for a in actions
            if (campaign := self._campaign(a)) and (person := people.get(a.deal_id[:15]))
        }
        there = self._members(pairs.values())
        return [self._found(a, there.get(_short(pairs.get(a.key)))) for a in actions]

    def remove(self, actions: Sequence[Action]) -> list[Receipt]:
        """Take out the members that we added; whoever was one before stays."""
        key = self._key_field()
        by_id = self._by_id([a.remote_id for a in actions if a.remote_id])
        settled: list[Receipt] = []
        ids: dict[str, Action] = {}
        for action in actions:
            member = by_id.get((action.remote_id or "")[:15])
            ours = str(action.payload.get("key") or "")
            if action.remote_id is None:
                settled.append(_stays(action, "The contact was a member before us, and stays one."))
            elif member is None:
                settled.append(Receipt(key=action.key, state=ReceiptState.DONE, proof="no longer a member"))
            elif key and member.get(key) not in {None, ours}:
                settled.append(_stays(action, "The membership is not the one that we made."))
            elif member.get("HasResponded"):
                settled.append(_stays(action, "The contact has responded to the campaign since."))
            else:
                ids[str(member["Id"])] = action
        return settled + delete(self._transport, ids)

    # -- sending ---------------------------------------------------------------------------------------------------

    def _collection(self, chunk: Sequence[Row]) -> list[Receipt]:
        records = [{"attributes": {"type": OBJECT}, **row.body} for row in chunk]
        answer = self._transport.write_json("POST", "composite/sobjects", {"allOrNone": False, "records": records})
        correlation = self._transport.session.correlation
        listed = rows(answer, len(chunk), "POST composite/sobjects")
        receipts = [receipt(row.action, one, correlation=correlation) for row, one in zip(chunk, listed, strict=True)]
        doubles = [row for row, one in zip(chunk, receipts, strict=True) if one.code == DUPLICATE]
        if not doubles:
            return receipts
        pairs = {row.action.key: (row.body["CampaignId"], row.body["ContactId"]) for row in doubles}
        there = self._members(pairs.values())
        known = {key: there[_short(pair)] for key, pair in pairs.items() if _short(pair) in there}
        by_key = {row.action.key: row.action for row in doubles}
        return [self._found(by_key[one.key], known[one.key]) if one.key in known else one for one in receipts]

    def _body(self, action: Action, campaign: str, contact: str) -> dict[str, Any]:
        key, status = self._key_field(), self._settings.member_status
        body = {"CampaignId": campaign, "ContactId": contact}
        return body | ({"Status": status} if status else {}) | ({key: action.key} if key else {})

    def _key_field(self) -> str | None:
        described = self._catalogue.find(OBJECT)
        return self._settings.key_field if described and described.has(self._settings.key_field) else None

    def _campaign(self, action: Action) -> str | None:
        named = self._settings.campaigns
        names = [str(action.payload.get("list") or ""), str(action.payload.get("track") or ""), "default"]
        return next((named[name] for name in names if name in named), None)

    # -- as they stand now -----------------------------------------------------------------------------------------

    def _people(self, actions: Sequence[Action]) -> dict[str, _Person]:
        """Return deal → the contact of its roles, with its consent as of now."""
        flags = self._catalogue.get("Contact").only([_OPT_OUT])
        fields = ["OpportunityId", "ContactId", "IsPrimary", *(f"Contact.{name}" for name in flags)]
        asked = Among(fields=fields, table="OpportunityContactRole", column="OpportunityId")
        roles: dict[str, list[Mapping[str, Any]]] = {}
        for role in query_among(self._transport, asked, [a.deal_id for a in actions]):
            roles.setdefault(str(role["OpportunityId"])[:15], []).append(role)
        return {deal: _person(found) for deal, found in roles.items()}

    def _members(self, pairs: Any) -> dict[tuple[str, str], Mapping[str, Any]]:
        by_campaign: dict[str, list[str]] = {}
        for campaign, contact in pairs:
            by_campaign.setdefault(campaign, []).append(contact)
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        for campaign, contacts in by_campaign.items():
            where = soql.compare("CampaignId", "=", campaign)
            asked = Among(fields=self._names(), table=OBJECT, column="ContactId", where=where)
            for member in query_among(self._transport, asked, contacts):
                found[_short((campaign, str(member["ContactId"])))] = member
        return found

    def _by_id(self, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        asked = Among(fields=self._names(), table=OBJECT, column="Id")
        return {str(one["Id"])[:15]: one for one in query_among(self._transport, asked, ids)}

    def _names(self) -> list[str]:
        names = ["Id", "CampaignId", "ContactId", "Status", "HasResponded", self._settings.key_field]
        return self._catalogue.get(OBJECT).only(names)

    def _found(self, action: Action, member: Mapping[str, Any] | None) -> Receipt:
        if member is None:
            return Receipt(key=action.key, state=ReceiptState.PLANNED, code="absent")
        key = self._key_field()
        ours = key is None or member.get(key) == action.key
        return Receipt(
            key=action.key,
            state=ReceiptState.DONE,
            # Without an id it is not ours, and an undo leaves it alone.
            remote_id=str(member["Id"]) if key and ours else None,
            proof=f"member {member['Id']} of the campaign" + ("" if key and ours else ", perhaps before us"),
        )


def _person(roles: Sequence[Mapping[str, Any]]) -> _Person:
    contact = primary(roles)
    role = next(one for one in roles if one.get("ContactId") == contact)
    flags = role.get("Contact") or {}
    return _Person(str(contact), bool(flags.get(_OPT_OUT)))


def _refusal(action: Action, campaign: str | None, person: _Person | None) -> Receipt | None:
    if campaign is None:
        named = action.payload.get("list") or action.payload.get("track")
        return failed(action, Refusal("no_campaign", f"No campaign is set for '{named}': name it under `campaigns`."))
    if person is None:
        return failed(action, Refusal("no_contact", "The opportunity has no contact role."))
    if person.opted_out:
        why = "The contact has opted out of mail."
        return Receipt(key=action.key, state=ReceiptState.SKIPPED, code="opted_out", reason=why)
    return None


def _stays(action: Action, reason: str) -> Receipt:
    return Receipt(key=action.key, state=ReceiptState.SKIPPED, code=CHANGED, reason=reason)


def _short(pair: tuple[str, str] | None) -> tuple[str, str]:
    return (pair[0][:15], pair[1][:15]) if pair else ("", "")

"""Enrolments: the deal's main contact joins a static list, unless it has opted out by the time of writing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt
from recyclekit_hubspot.answers import Answer, NoProofError, read_object, read_results
from recyclekit_hubspot.columns import ID
from recyclekit_hubspot.field_map import OPT_OUT
from recyclekit_hubspot.settings import HubSpotSettings
from recyclekit_hubspot.sink.fields import update
from recyclekit_hubspot.sink.parallel import in_parts
from recyclekit_hubspot.sink.receipts import done, failed, skipped, unsent
from recyclekit_hubspot.source.links import Links, main_of
from recyclekit_hubspot.source.records import Records
from recyclekit_hubspot.transport import Call, Transport

_TOGETHER = 1_000
_STAGE = "lifecyclestage"
_BEFORE = "before"
"""Marks a membership that was there before us: an undo leaves it."""


People = Mapping[str, Mapping[str, Any]]


class Send(Protocol):
    """Changes the memberships of one list."""

    def __call__(self, actions: Sequence[Action], list_id: str, contacts: Mapping[str, str]) -> list[Receipt]: ...


class Enrolments:
    """Adds contacts to lists and takes them off again. A remote id is `list/contact`, or `list/contact/before`."""

    def __init__(self, settings: HubSpotSettings, transport: Transport, links: Links, records: Records) -> None:
        self._settings, self._transport, self._links, self._records = settings, transport, links, records

    def list_of(self, payload: Mapping[str, object]) -> str | None:
        """Return the id of the list that an enrolment means: by the policy's list, else by its track."""
        names = (str(payload.get(name) or "") for name in ("list", "track"))
        return next((self._settings.lists[name] for name in names if name in self._settings.lists), None)

    def add(self, actions: Sequence[Action]) -> list[Receipt]:
        """Add contacts, after asking once more whether each may be written to."""
        contacts, receipts, todo = self._contacts(actions), list[Receipt](), list[Action]()
        people = self._people(list(contacts.values()))
        for action in actions:
            receipt = self._hindrance(action, contacts.get(action.deal_id), people)
            if receipt is None:
                todo.append(action)
            else:
                receipts.append(receipt)
        self._move_on([contacts[a.deal_id] for a in todo], people, todo)
        return receipts + self._by_list(todo, contacts, self._added)

    def remove(self, actions: Sequence[Action]) -> list[Receipt]:
        """Take contacts off, but for those who were on the list before."""
        kept = [a for a in actions if (a.remote_id or "").endswith(f"/{_BEFORE}")]
        rest = [a for a in actions if a not in kept]
        lost = [a for a in rest if (a.remote_id or "").count("/") != 1]
        contacts = self._contacts(lost)
        told = {a.deal_id: str(a.remote_id).split("/")[1] for a in rest if a not in lost}
        absent = [a for a in lost if a.deal_id not in contacts]
        receipts = [skipped(a, "was_member", "The contact was on the list before.") for a in kept]
        receipts += [skipped(a, "no_contact", "The deal has no contact any more.") for a in absent]
        todo = [a for a in rest if a not in absent]
        return receipts + self._by_list(todo, {**contacts, **told}, self._removed)

    def find(self, actions: Sequence[Action]) -> list[Receipt]:
        """Tell which contacts are on their list."""
        contacts = self._contacts(actions)
        wanted: dict[str, set[str]] = {}
        for action in actions:
            list_id, contact = self.list_of(action.payload), contacts.get(action.deal_id)
            if list_id is not None and contact is not None:
                wanted.setdefault(list_id, set()).add(contact)
        there = {list_id: self._members(list_id, some) for list_id, some in wanted.items()}
        return [self._found(action, contacts.get(action.deal_id), there) for action in actions]

    # -- before

    def _hindrance(self, action: Action, contact: str | None, people: People) -> Receipt | None:
        if self.list_of(action.payload) is None:
            track = action.payload.get("list") or action.payload.get("track")
            return failed(action, "no_list", f"No list is named for '{track}'; see `lists` in the settings.")
        if contact is None:
            return failed(action, "no_contact", "The deal has no contact.")
        if contact not in people:
            return failed(action, "gone", f"Contact {contact} is gone.")
        if str(people[contact][OPT_OUT]).lower() == "true":
            return skipped(action, "opted_out", f"Contact {contact} does not want to be written to.", field=OPT_OUT)
        return None

    def _contacts(self, actions: Sequence[Action]) -> dict[str, str]:
        links = self._links.of("deals", "contacts", [a.deal_id for a in actions])
        return dict(main_of(links, label=self._settings.main_contact_label).iter_rows())

    def _people(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        found = self._records.read("contacts", ids, [OPT_OUT, _STAGE], sure=True)
        return {str(row[ID]): row for row in found.iter_rows(named=True)}

    def _move_on(self, ids: Sequence[str], people: People, actions: Sequence[Action]) -> None:
        """Give contacts their lifecycle stage. It only moves forward, so it is cleared first."""
        stage = self._settings.lifecycle_stage
        if stage is None:
            return
        others = {a.key: one for a, one in zip(actions, ids, strict=True) if (people[one][_STAGE] or "") != stage}
        one_each = list({others[a.key]: a for a in actions if a.key in others}.values())
        had = [a for a in one_each if people[others[a.key]][_STAGE]]
        for some, value in ((had, ""), (one_each, stage)):
            update(
                self._transport, "contacts", some, {a.key: (others[a.key], {_STAGE: value}) for a in some},
                self._settings.threads,
            )  # fmt: skip

    # -- lists

    def _by_list(self, actions: Sequence[Action], contacts: Mapping[str, str], send: Send) -> list[Receipt]:
        receipts: list[Receipt] = []
        lists = {a.key: (a.remote_id or "").split("/")[0] or self.list_of(a.payload) for a in actions}
        for list_id in dict.fromkeys(lists.values()):
            some = [a for a in actions if lists[a.key] == list_id]
            if list_id is None:
                receipts += [skipped(a, "no_list", "No list is named for it.") for a in some]
                continue
            to_list = partial(send, list_id=list_id, contacts=contacts)
            receipts += in_parts(some, to_list, self._settings.threads, _TOGETHER)
        return receipts

    def _added(self, actions: Sequence[Action], list_id: str, contacts: Mapping[str, str]) -> list[Receipt]:
        answer = self._put(actions, list_id, contacts, "add")
        added, missing = _ids(answer, "Added"), _ids(answer, "Missing")
        receipts = []
        for action in actions:
            contact = contacts[action.deal_id]
            if contact in missing:
                receipts.append(failed(action, "gone", f"Contact {contact} is gone."))
            elif contact in added:
                receipts.append(done(action, f"{list_id}/{contact}", f"contact {contact} added to list {list_id}"))
            else:
                proof = f"contact {contact} was on list {list_id} already"
                receipts.append(done(action, f"{list_id}/{contact}/{_BEFORE}", proof))
        return receipts

    def _removed(self, actions: Sequence[Action], list_id: str, contacts: Mapping[str, str]) -> list[Receipt]:
        self._put(actions, list_id, contacts, "remove")
        return [
            done(a, f"{list_id}/{contacts[a.deal_id]}", f"contact {contacts[a.deal_id]} is off list {list_id}")
            for a in actions
        ]

    def _put(self, actions: Sequence[Action], list_id: str, contacts: Mapping[str, str], how: str) -> dict[str, Any]:
        ids = list(dict.fromkeys(contacts[a.deal_id] for a in actions))
        path = self._transport.paths.lists(list_id, "memberships", how)
        return self._transport.ask(Call(method="PUT", path=path, body=ids, writes=True), _memberships)

    def _members(self, list_id: str, wanted: set[str]) -> set[str]:
        """Return which of these contacts are on a list, looking no further than needed."""
        found: set[str] = set()
        after: str | None = ""
        while after is not None and found < wanted:
            query = [("limit", "250"), *([("after", after)] if after else [])]
            path = self._transport.paths.lists(list_id, "memberships")
            page = self._transport.ask(Call(method="GET", path=path, query=query), read_results)
            found |= {str(one.get("recordId")) for one in page["results"]} & wanted
            before, after = after, ((page.get("paging") or {}).get("next") or {}).get("after")
            after = None if after == before else after
        return found

    def _found(self, action: Action, contact: str | None, there: Mapping[str, set[str]]) -> Receipt:
        list_id = self.list_of(action.payload)
        if contact is None or list_id is None or contact not in there[list_id]:
            return unsent(action, "absent", "not on the list")
        return done(action, f"{list_id}/{contact}", f"contact {contact} is on list {list_id}")


def _memberships(answer: Answer) -> dict[str, Any]:
    value = read_object(answer)
    if not any(isinstance(value.get(name), list) for name in value if name.startswith("record")):
        raise NoProofError("an answer without memberships")
    return value


def _ids(answer: Mapping[str, Any], what: str) -> set[str]:
    """Return ids from an answer that HubSpot spells now `recordsIds…`, now `recordIds…`."""
    return {str(one) for name in (f"recordsIds{what}", f"recordIds{what}") for one in answer.get(name) or []}

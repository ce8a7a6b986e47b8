"""The same person has one id here and another in the system; both doors translate."""

from __future__ import annotations

from recyclekit.models.field_map import FieldSpec, Mapped
from recyclekit.models.owner_ids import reading, writing
from recyclekit.models.plan import Action, ActionKind
from recyclekit.models.tables import Table

IDS = {"anna": "77", "ben": "0055g000001"}


def _mapped(**columns: FieldSpec) -> Mapped:
    return Mapped(fields={Table.DEALS: columns})


def test_what_is_read_speaks_of_our_people() -> None:
    found = reading(_mapped(owner=FieldSpec(column="hubspot_owner_id"), name=FieldSpec(column="dealname")), IDS)
    assert found.fields[Table.DEALS]["owner"].values == {"77": "anna", "0055g000001": "ben"}
    assert found.fields[Table.DEALS]["name"].values is None


def test_a_translation_of_the_field_map_wins() -> None:
    found = reading(_mapped(owner=FieldSpec(column="o", values={"77": "the boss"})), IDS)
    assert found.fields[Table.DEALS]["owner"].values == {"77": "the boss", "0055g000001": "ben"}


def test_what_is_written_speaks_of_their_people() -> None:
    fields = Action(
        key="k", kind=ActionKind.RESTORE_FIELDS, deal_id="1", cycle=1, step=None, before={"recycle_owner": "ben"},
        payload={"recycle_owner": "anna", "recycle_hook": "anna", "expect": {"recycle_owner": "ben"}},
    )  # fmt: skip
    sent = writing(fields, IDS)
    assert sent.payload == {
        "recycle_owner": "77", "recycle_hook": "anna", "expect": {"recycle_owner": "0055g000001"}
    }  # fmt: skip
    assert sent.before == {"recycle_owner": "0055g000001"}


def test_a_person_without_another_id_keeps_their_own() -> None:
    task = Action(key="k", kind=ActionKind.CREATE_TASK, deal_id="1", cycle=1, step="call", payload={"owner": "carl"})
    assert writing(task, IDS).payload == {"owner": "carl"}
    assert writing(task, {}) is task

"""The objects that this portal has, the many names each goes by, and the numbers of the associations between them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType:
    """One object type. `shown` are the properties that an answer holds where none is asked for."""

    name: str
    singular: str
    type_id: str
    shown: tuple[str, ...]
    required: tuple[str, ...] = ()
    scope: str = "contacts"
    created: str = "createdate"
    modified: str = "hs_lastmodifieddate"

    @property
    def always(self) -> tuple[str, ...]:
        """The properties that every answer holds."""
        return (self.created, self.modified, "hs_object_id")


OBJECT_TYPES: dict[str, ObjectType] = {
    kind.name: kind
    for kind in (
        ObjectType(
            name="deals",
            singular="deal",
            type_id="0-3",
            shown=("amount", "closedate", "dealname", "dealstage", "pipeline"),
            scope="deals",
        ),
        ObjectType(
            name="contacts",
            singular="contact",
            type_id="0-1",
            shown=("email", "firstname", "lastname"),
            modified="lastmodifieddate",
        ),
        ObjectType(name="companies", singular="company", type_id="0-2", shown=("domain", "name"), scope="companies"),
        *(
            ObjectType(
                name=f"{singular}s",
                singular=singular,
                type_id=type_id,
                shown=(),
                required=("hs_timestamp",),
                created="hs_createdate",
            )
            for singular, type_id in (
                ("task", "0-27"),
                ("call", "0-48"),
                ("email", "0-49"),
                ("meeting", "0-47"),
                ("note", "0-46"),
                ("communication", "0-18"),
            )
        ),
    )
}
ENGAGEMENTS = ("tasks", "calls", "emails", "meetings", "notes", "communications")
_NAMES = {word: kind for kind in OBJECT_TYPES.values() for word in (kind.name, kind.singular, kind.type_id)}

# from → to → the number of the unlabelled association; the portal knows no other ones.
_PAIRS: dict[tuple[str, str], tuple[int, int]] = {
    ("deals", "contacts"): (3, 4),
    ("deals", "companies"): (341, 342),
    ("contacts", "companies"): (279, 280),
    ("tasks", "deals"): (216, 215),
    ("tasks", "contacts"): (204, 203),
    ("tasks", "companies"): (192, 191),
    ("calls", "deals"): (206, 205),
    ("calls", "contacts"): (194, 193),
    ("calls", "companies"): (182, 181),
    ("emails", "deals"): (210, 209),
    ("emails", "contacts"): (198, 197),
    ("emails", "companies"): (186, 185),
    ("meetings", "deals"): (212, 211),
    ("meetings", "contacts"): (200, 199),
    ("meetings", "companies"): (188, 187),
    ("notes", "deals"): (214, 213),
    ("notes", "contacts"): (202, 201),
    ("notes", "companies"): (190, 189),
    ("communications", "deals"): (85, 86),
    ("communications", "contacts"): (81, 82),
    ("communications", "companies"): (87, 88),
}
UNLABELLED: dict[tuple[str, str], int] = {
    **{pair: there for pair, (there, _) in _PAIRS.items()},
    **{(to, from_): back for (from_, to), (_, back) in _PAIRS.items()},
}
PRIMARY: dict[tuple[str, str], int] = {
    ("deals", "companies"): 5,
    ("companies", "deals"): 6,
    ("contacts", "companies"): 1,
    ("companies", "contacts"): 2,
}


def object_type(word: str) -> ObjectType | None:
    """Return the type by its plural, its singular or its number, in capitals or not; None where there is none."""
    return _NAMES.get(word.lower())

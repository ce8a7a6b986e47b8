"""The properties that recyclekit writes, as its set-up makes them: for portals that shall have them from the start."""

from __future__ import annotations

from recyclekit.models.tables import OWN_FIELDS
from recyclekit.testing.sandbox.hubspot.portal import Portal

GROUP = "recyclekit"
KEY = "recycle_key"
_TYPES = {"recycle_next_on": "date", "recycle_cycle": "number"}


def define_own_fields(portal: Portal) -> None:
    """Make the own fields on deals, and the unique key on tasks."""
    for name in OWN_FIELDS:
        portal.definitions["deals"].define(name, group=GROUP, type=_TYPES.get(name, "string"))
    portal.definitions["tasks"].define(KEY, group=GROUP, unique=True)

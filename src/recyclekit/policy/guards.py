"""Change guards: what a plan may change before somebody must have looked at it."""

from __future__ import annotations

from recyclekit.policy.spec import PolicySpec


def tripped(new: int, deals: int, spec: PolicySpec) -> tuple[str, ...]:
    """Return the guards that a plan trips, in words: `new` deals would enter recycling, of `deals` read."""
    guards, found = spec.guards, []
    if guards.maximum_deals is not None and new > guards.maximum_deals:
        found.append(f"{new} deals would be newly recycled; guards.maximum_deals allows {guards.maximum_deals}")
    if guards.maximum_share is not None and deals and new / deals > guards.maximum_share:
        found.append(
            f"{new / deals:.1%} of all deals would be newly recycled; guards.maximum_share allows"
            f" {guards.maximum_share:.1%}"
        )
    return tuple(found)

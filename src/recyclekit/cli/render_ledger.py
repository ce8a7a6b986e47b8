"""A ledger's status as a table for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from recyclekit.ledger.looking import Status


def status_view(found: Status) -> Table:
    """Return what `recyclekit ledger status` shows."""
    table = Table(show_header=False, box=None)
    behind = "" if found.schema == found.newest else f"; this version brings it to {found.newest}"
    table.add_row("ledger", found.place)
    table.add_row("schema", f"{found.schema}{behind}")
    if found.size is not None:
        table.add_row("size", f"{found.size:,} bytes")
    if found.oldest_run is not None:
        table.add_row("oldest run", f"{found.oldest_run:%Y-%m-%d}")
    for pipeline, count in found.pipelines.items():
        table.add_row(f"runs of {pipeline}", f"{count:,}")
    for name, count in found.rows.items():
        table.add_row(f"rows in {name}", f"{count:,}")
    for lease in found.leases:
        state = (
            "its lease has ended, the next run takes over" if lease.has_ended else f"until {lease.ends_at:%H:%M:%S} UTC"
        )
        table.add_row(f"writing {lease.pipeline}", f"{lease.holder.words}; {state}")
    return table

"""What all statements agree on: the schema's version, and which actions took effect or may have. Imports nothing."""

from __future__ import annotations

HEAD = "0008"
"""The newest migration. Revisions are four digits that grow, so a newer ledger is one with a larger number."""

LIVE = "state IN ('sent', 'done', 'in_doubt') AND undone_by IS NULL"
"""An action that took effect or may have: at most one per key and pipeline, which the store itself enforces."""
DOUBT = "state IN ('sent', 'in_doubt')"
RUN_BITS = 32
"""An action's id is its run's number shifted by this, plus its position in the plan: order and run in one integer."""

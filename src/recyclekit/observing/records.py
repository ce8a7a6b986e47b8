"""Single records in the log: what was set aside and what was not written, by ids and codes, never by their words."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from recyclekit.models.run import Outcome

_log = logging.getLogger("recyclekit.records")
MOST = 1_000
"""Records of a kind that are told one by one; a run that sets a million aside has one cause, not a million."""
_SAID = {"record_id": "record"}
_SET_ASIDE = ("table", "record_id", "line", "column", "code")


def log_set_aside(dead_letters: pl.DataFrame) -> None:
    """Log records that could not be read, one line each."""
    if not _log.isEnabledFor(logging.INFO):
        return
    there = [name for name in _SET_ASIDE if name in dead_letters.columns]
    for row in dead_letters.head(MOST).select(there).iter_rows(named=True):
        beside = {_SAID.get(name, name): value for name, value in row.items() if value is not None}
        _log.info("record set aside", extra=beside)
    _rest(dead_letters.height, "records set aside")


def log_unwritten(outcome: Outcome) -> None:
    """Log the deals of a run of which a write was skipped, failed or is in doubt, one line each."""
    if not _log.isEnabledFor(logging.INFO):
        return
    for state in ("skipped", "failed", "in_doubt"):
        pairs = getattr(outcome, state)
        level = logging.INFO if state == "skipped" else logging.WARNING
        for deal, why in pairs[:MOST]:
            _log.log(level, "write %s: %s", state.replace("_", " "), why, extra={"run": outcome.run, "record": deal})
        _rest(len(pairs), state.replace("_", " "))


def _rest(count: int, what: str) -> None:
    if count > MOST:
        _log.info("and %d more %s; the ledger lists them: recyclekit runs RUN", count - MOST, what)

"""Handing events on: to whoever started a run, and to observers, of which none can harm a run."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from recyclekit.events import Event, Listen, Observer, RunEnded, StageEnded, StageStarted

_log = logging.getLogger("recyclekit.run")
_WORDS = {"RunPlanned": "planned", "ApprovalAsked": "waits for approval", "ApprovalGiven": "was decided on",
          "RunPartiallyFailed": "left writes behind", "DealsHandedBack": "handed deals back to sales",
          "GuardTripped": "was stopped by a guard", "QuotaSpent": "ran out of quota"}  # fmt: skip


_LOGGING: list[Listen] = []


def told_elsewhere(listen: Listen) -> None:
    """Note that a listener logs the events itself, as a flow does in its own log: LogEvents then keeps silent."""
    _LOGGING.append(listen)


def everyone(listen: Listen, observers: Sequence[Observer]) -> Listen:
    """Return a listener that tells all of them; what an observer raises is logged and goes no further."""
    if any(listen is one for one in _LOGGING):
        observers = [one for one in observers if not isinstance(one, LogEvents)]

    def tell(event: Event) -> None:
        for observer in observers:
            try:
                observer.hear(event)
            except Exception as error:  # noqa: BLE001  # whatever an observer does, the run goes on
                _log.warning("an observer broke: %s: %r", type(observer).__name__, error)
        listen(event)

    return tell if observers else listen


class LogEvents:
    """Writes a run's events to the log."""

    def hear(self, event: Event) -> None:
        if not _log.isEnabledFor(logging.INFO):
            return
        name = type(event).__name__
        match event:
            case StageStarted(stage=stage, run=run):
                _log.debug("stage %s began", stage, extra={"stage": stage, "run": run})
            case StageEnded(stage=stage, run=run, seconds=seconds, figures=figures):
                beside = {"stage": stage, "run": run, "seconds": round(seconds, 3), "figures": dict(figures)}
                _log.info("stage %s ended", stage, extra=beside)
            case RunEnded(run=run, outcome=outcome, kind=kind, figures=figures):
                beside = {"run": run, "outcome": str(outcome), "kind": str(kind), "figures": dict(figures)}
                _log.info("run ended: %s", outcome, extra=beside)
            case _ if name in _WORDS:
                figures = dict(getattr(event, "figures", {}))
                _log.info("run %s", _WORDS[name], extra={"run": event.run, "figures": figures})
            case _:
                pass

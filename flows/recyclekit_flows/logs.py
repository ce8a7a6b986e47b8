"""Logs of a flow run: cleaned before Prefect sees them, with the ids of the run in each line, ours and the connectors'.

Prefect's API keeps a line's text and nothing beside it, so the ids stand at the end of the text.
"""

from __future__ import annotations

import logging
from functools import partial

from prefect.context import FlowRunContext, TaskRunContext
from prefect.logging.handlers import APILogHandler, PrefectConsoleHandler
from rich.console import Console

from recyclekit.observing.logs import LogHandler
from recyclekit.observing.logs import begin as begin_here

_RUN_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")
_SHOWN = ("run", "tenant", "pipeline", "connection", "stage", "record")
_OURS = ("recyclekit", "recyclekit_")


class WithIds(logging.Formatter):
    """A line of text with the ids that are bound to it."""

    def format(self, record: logging.LogRecord) -> str:
        said = {**getattr(record, "bound", {}), **vars(record)}
        ids = [f"{name}={said[name]}" for name in _SHOWN if said.get(name) is not None]
        text = super().format(record)
        return f"{text} [{' '.join(ids)}]" if ids else text


class OwnRecords(logging.Filter):
    """Lets pass what recyclekit and its connectors log in a flow run; Prefect's own loggers have a handler already."""

    def filter(self, record: logging.LogRecord) -> bool:
        ours = record.name == _OURS[0] or record.name.startswith((f"{_OURS[0]}.", _OURS[1]))
        return ours and (TaskRunContext.get() is not None or FlowRunContext.get() is not None)


def begin() -> None:
    """Set this process's logs up, once; Prefect has set up its own when it was imported."""
    written = begin_here()
    _outlive_the_worker()
    for name in _RUN_LOGGERS:
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, APILogHandler):
                handler.setFormatter(WithIds())
    if not any(isinstance(handler, APILogHandler) for handler in logging.root.handlers):
        to_api = APILogHandler()
        to_api.setFormatter(WithIds())
        to_api.addFilter(OwnRecords())
        logging.root.addHandler(to_api)
        if logging.getLogger(_OURS[0]).level == logging.NOTSET:
            logging.getLogger(_OURS[0]).setLevel(logging.INFO)
    if isinstance(written, LogHandler):
        # One line for each record, not two: Prefect's console would say the same again.
        for handler in [one for one in logging.root.handlers if isinstance(one, PrefectConsoleHandler)]:
            logging.root.removeHandler(handler)


def _outlive_the_worker() -> None:
    """Let a run go on without a console where whoever read it is gone: a worker that was killed alone."""
    loggers = [logging.root, *(logging.getLogger(name) for name in list(logging.root.manager.loggerDict))]
    for handler in [one for logger in loggers for one in logger.handlers]:
        if isinstance(handler, PrefectConsoleHandler):
            # Rich would end the process. It offers this method to be replaced, and Prefect made the console already.
            # The run's page on the server still gets the log.
            handler.console.on_broken_pipe = partial(_fall_silent, handler.console)  # type: ignore[method-assign]  # offered for it


def _fall_silent(console: Console) -> None:
    console.quiet = True

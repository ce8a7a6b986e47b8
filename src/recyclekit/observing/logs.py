"""Where logs go and how they look: lines of JSON or for a person, on stderr, with the ids of the run in each."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any

from recyclekit.errors import ConfigError
from recyclekit.observing.redaction import install, redacted

VARIABLE = "RECYCLEKIT_LOG"
FORMATS, LEVELS = ("json", "console", "off"), ("debug", "info", "warning", "error")
_TALKATIVE = ("httpx", "httpcore", "asyncio", "alembic", "sqlalchemy.engine")
_OWN = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "bound", "taskName"})


def begin(wish: str | None = None) -> logging.Handler | None:
    """Clean all logs from now on; where that is wished, write them to stderr. Twice has one effect.

    Args:
        wish: `json`, `console` or `off`, and a level behind a colon (`json:debug`); default: the environment variable
            RECYCLEKIT_LOG, and without it nothing but warnings, as Python itself shows them.

    Returns:
        The handler that writes, None where nothing is wished.

    Raises:
        ConfigError: no such format or level.
    """
    install()
    form, level = wished(wish if wish is not None else os.environ.get(VARIABLE, "off"))
    known = next((one for one in logging.root.handlers if isinstance(one, LogHandler)), None)
    if form == "off" or known is not None:
        return known
    handler = LogHandler(form)
    logging.root.addHandler(handler)
    logging.root.setLevel(level.upper())
    if level != "debug":
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
    return handler


def wished(text: str) -> tuple[str, str]:
    """Return format and level.

    Raises:
        ConfigError: no such format or level.
    """
    form, _, level = text.strip().lower().partition(":")
    level = level or "info"
    if form not in FORMATS or level not in LEVELS:
        raise ConfigError(
            f"Logs cannot be written as {text!r}.",
            fix=f"Write {', '.join(FORMATS)}, and a level behind a colon ({', '.join(LEVELS)}), such as json:debug.",
        )
    return form, level


class LogHandler(logging.StreamHandler[Any]):
    """Writes to whatever stderr is at the time."""

    def __init__(self, form: str) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(formatter(form))

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def formatter(form: str) -> logging.Formatter:
    """Return what turns a record into a line; all that a caller put beside the message is cleaned on its way."""
    import structlog

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        ],
        processors=[
            _with_ids,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _cleaned,
            _renderer(form),
        ],
    )


def _renderer(form: str) -> Any:
    import structlog

    if form == "console":
        return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), timestamp_key="at")
    return structlog.processors.JSONRenderer(serializer=_as_json)


def _as_json(event: MutableMapping[str, Any], **_: Any) -> str:
    import orjson

    first = {name: event.pop(name) for name in ("at", "level", "logger", "event") if name in event}
    return orjson.dumps({**first, **event}, default=str).decode()


def _with_ids(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    record: logging.LogRecord = event["_record"]
    beside = {name: value for name, value in vars(record).items() if name not in _OWN and not name.startswith("_")}
    if record.exc_text and not record.exc_info:
        beside["exception"] = record.exc_text
    return {**getattr(record, "bound", {}), **beside, **event}


def _cleaned(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    cleaned: dict[str, Any] = redacted(event)
    return cleaned

"""Secrets and people taken out of every log record before any handler sees it, ours, Prefect's or anybody's.

By value: what `recyclekit.secrecy` was told of (every secret of opened settings), plain and coded. By shape: what looks
like a token, a password, an address with credentials, a mail address or a telephone number.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from recyclekit.observing.context import current

SECRET, MAIL, PHONE = "**********", "<address>", "<number>"
_WORDS = "password|passwd|pwd|secret|token|api[_-]?key|authorization|credential|private[_-]?key|session[_-]?id"
_VALUE = r"[^\s\"'&,;)}\]\\]{4,}"
_D = "[0-9０-９]"
_DASH = "[-.・‐−ー－ ]"
_PRE, _END = r"(?<![\w.:-])", r"(?![\w-])"

# Words of which one is in a text that may hold the shape (looking for them first costs a tenth), the shape, and what is
# shown for it. Every repetition has an end, so that no text takes long.
_Shapes = tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...]
_PEOPLE: _Shapes = (
    (
        ("@", "＠", "%40"),
        re.compile(r"[^\s@＠<>\"'(),;:=%&/\\]{1,64}(?:@|＠|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.[^\W\d_]{2,24}"),
        MAIL,
    ),
    (("+", "＋"), re.compile(rf"[+＋]{_D}(?:{_DASH}?[(（]?{_D}[)）]?){{7,14}}"), PHONE),
    (
        (),  # 03-1234-5678, (03)1234-5678, 03(1234)5678
        re.compile(
            rf"{_PRE}[(（]?[0０]{_D}{{1,4}}(?:[)）]?{_DASH}|[)）(（]){_D}{{1,4}}(?:{_DASH}|[)）]){_D}{{3,4}}{_END}"
        ),
        PHONE,
    ),
    ((), re.compile(rf"{_PRE}[(（]?{_D}{{3}}[)）]?{_DASH}{{1,2}}{_D}{{3}}{_DASH}{_D}{{4}}{_END}"), PHONE),
    ((), re.compile(rf"{_PRE}0[5789]0\d{{8}}{_END}"), PHONE),  # a mobile number of Japan, written in one
)
_SHAPES: _Shapes = (
    (
        ("private key",),
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        SECRET,
    ),
    (
        ("authorization",),
        re.compile(r"(?i)(authorization\\*[\"']?\s*[:=]\s*\\*[\"']?\w{1,20}\s+)[A-Za-z0-9._~+/=%-]{4,}"),
        rf"\1{SECRET}",
    ),
    (
        ("bearer", "basic"),
        re.compile(r"(?i)\b(bearer|basic)(\s+|%20)(?=\S*[0-9=_.~+/-])[A-Za-z0-9._~+/=%-]{8,}"),
        rf"\1\2{SECRET}",
    ),
    (("@",), re.compile(r"(://[^:/@\s\"']{0,200}:)[^@/\s\"']{1,500}(?=@)"), rf"\1{SECRET}"),
    (("pat-",), re.compile(r"\bpat-[a-z0-9]{2,5}-[0-9A-Za-z-]{8,}"), SECRET),
    (("00d",), re.compile(r"\b00D[A-Za-z0-9]{12,15}(?:!|%21)[A-Za-z0-9._]{8,}"), SECRET),  # a session of Salesforce
    (("eyj",), re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"), SECRET),  # a JWT
    (
        ("pass", "pwd", "secret", "token", "key", "auth", "credential", "session"),
        re.compile(
            rf"(?i)((?:{_WORDS})[\w-]{{0,30}}(?:\\*[\"'])?\s*(?:[:=]|%3D)\s*(?:b?\\*[\"'])?(?:SecretStr\()?)"
            rf"(?!\*|None\b|null\b|true\b|false\b|(?:bearer|basic)\b)({_VALUE})"
        ),
        rf"\1{SECRET}",
    ),
    *_PEOPLE,
)


def redact(text: str) -> str:
    """Return a text without secrets, mail addresses and telephone numbers."""
    secrecy = sys.modules.get("recyclekit.secrecy")  # where it is not loaded, nobody has told it of a secret
    if secrecy is not None:
        text = secrecy.redact(text)
    return _without(_SHAPES, text)


def without_people(text: str) -> str:
    """Return a text without mail addresses and telephone numbers."""
    return _without(_PEOPLE, text)


def _without(shapes: _Shapes, text: str) -> str:
    small = text.lower()
    for needles, shape, shown in shapes:
        if not needles or any(needle in small for needle in needles):
            text = shape.sub(shown, text)
    return text


def redacted(value: Any) -> Any:
    """Return a value with all text in it redacted; what is neither text, number nor collection becomes its text."""
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {redact(str(name)): _told(name, inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redacted(inner) for inner in value]
    return redact(str(value))


def _told(name: object, value: Any) -> Any:
    # A secret may be short and shapeless: here its name gives it away, as it would in `name=value`.
    if isinstance(value, str) and value and _NAMED.fullmatch(str(name)):
        return SECRET
    return redacted(value)


_NAMED = re.compile(rf"(?i)[\w-]*(?:{_WORDS})")


def clean(record: logging.LogRecord) -> logging.LogRecord:
    """Return a record, cleaned in place: message, arguments and the text of its exception; with the ids bound here."""
    record.__dict__.setdefault("bound", current())
    try:
        if not isinstance(record.msg, str) and not record.args:
            record.msg = redacted(record.msg)
        else:
            said = record.getMessage()
            if (shown := redact(said)) != said:
                record.msg, record.args = shown, None
    except Exception as error:  # noqa: BLE001  # a record that cannot be read is not let through
        record.msg, record.args = f"a message that cannot be shown ({type(error).__name__})", None
    if record.exc_info and record.exc_info[1] is not None:
        said = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        if (shown := redact(said)) != said:
            # Whoever formats the exception anew would show it all: only its cleaned text goes on.
            record.exc_info, record.exc_text = None, shown
    if record.stack_info:
        record.stack_info = redact(record.stack_info)
    return record


def install() -> None:
    """Clean every log record of this process when it is made, and what is printed of an unexpected exception."""
    before = logging.getLogRecordFactory()
    if getattr(before, "cleans", False):
        return

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        return clean(before(*args, **kwargs))

    make.cleans = True  # type: ignore[attr-defined]  # a mark, so that it is wrapped once
    logging.setLogRecordFactory(make)
    sys.excepthook = _print_clean
    threading.excepthook = lambda told: _print_clean(told.exc_type, told.exc_value, told.exc_traceback)


def _print_clean(kind: type[BaseException], error: BaseException | None, where: TracebackType | None) -> None:
    sys.stderr.write(redact("".join(traceback.format_exception(kind, error, where))))

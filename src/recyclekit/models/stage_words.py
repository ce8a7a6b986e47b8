"""What the names of deal stages say of won and lost: to suggest a map of stages, never to read by one."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

_SOUNDS_LOST = re.compile(r"失注|敗|不成立|\b(lost|verloren)\b", re.IGNORECASE)
_SOUNDS_CLOSED = re.compile(
    r"失注|敗|不成立|受注|成約|見送|中止|取下|\b(closed|lost|won|dead|cancell?ed|abandoned|gewonnen|verloren)\b",
    re.IGNORECASE,
)


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split("|"))


_WON = _words(
    "won|win|closedwon|dealwon|wonclosed|closewon|gewonnen|geschlossengewonnen|abgeschlossenundgewonnen"
    "|受注|受注済|受注済み|受注完了|成約|成約済|成約済み|契約締結|契約締結済|商談成立|受注成約|クローズ受注"
)
_LOST = _words(
    "lost|lose|closedlost|deallost|lostclosed|closelost|verloren|geschlossenverloren|abgeschlossenundverloren"
    "|失注|失注済|失注済み|失注確定|敗退|商談不成立|不成立|失注クローズ|クローズ失注"
)
_OPEN = _words(
    "open|inprogress|active|ongoing|new|pending|offen|進行中|商談中|対応中|案件化|未決|継続|継続中|オープン|検討中"
)
_NUMBERING = re.compile(r"^\s*(?:[(\[（【]?\s*(?:[a-z]?\d{1,3}\s*%?|[a-z])\s*[)\]）】.:：_\-–]\s*|\d{1,3}\s*%?\s+)")

State = Literal["won", "lost", "open"]


def sounds_lost(stage: str) -> bool:
    """Return whether a stage's name holds a word of losing."""
    return _SOUNDS_LOST.search(stage) is not None


def sounds_closed(stage: str) -> bool:
    """Return whether a stage's name holds a word of winning, losing or ending otherwise."""
    return _SOUNDS_CLOSED.search(stage) is not None


def meaning(stage: str) -> State | None:
    """Return what a stage's name says beyond doubt: all of it, but for its number, is one word for won, lost or open.

    `Closed Won`, `9. 失注` and `受注済み` say so; `受注見込` and `Lost?` do not.
    """
    plain = unicodedata.normalize("NFKC", stage).casefold()
    if "?" in plain or "/" in plain:
        return None
    word = re.sub(r"[\W_]", "", _NUMBERING.sub("", plain))
    for words, state in ((_WON, "won"), (_LOST, "lost"), (_OPEN, "open")):
        if word in words:
            return state  # type: ignore[return-value]  # one of the three
    return None

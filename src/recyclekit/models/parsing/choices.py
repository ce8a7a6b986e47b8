"""Columns of few values: yes or no, kinds of activity, won, lost or open. Read per distinct text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping

import polars as pl

from recyclekit.models.field_map import StageMap
from recyclekit.models.parsing.column import Column, Reading, shown
from recyclekit.models.tables import ACTIVITY_KINDS, CRM_STATES

_YES = ("true", "t", "yes", "y", "1", "1.0", "on", "はい", "有", "有り", "あり", "○", "〇", "◯", "✓", "済", "完了")
_NO = ("false", "f", "no", "n", "0", "0.0", "off", "いいえ", "無", "無し", "なし", "×", "✕", "x", "未", "未完了")
FLAGS: Mapping[str, bool] = dict.fromkeys(_YES, True) | dict.fromkeys(_NO, False)

_KIND_WORDS = {
    "call": "call, calls, phone, phone call, tel, 電話, 架電, コール, 通話",
    "email": "email, emails, e-mail, mail, incoming email, outgoing email, メール, eメール, 電子メール",
    "meeting": "meeting, meetings, meet, event, visit, demo, 訪問, 商談, 面談, 会議, 打ち合わせ, 打合せ",
    "note": "note, notes, comment, memo, メモ, ノート, 備考",
    "task": "task, tasks, todo, to-do, to do, タスク, 予定",
    "message": "message, sms, chat, whatsapp, line, linkedin message, communication, postal mail, メッセージ, チャット",
}
KINDS: Mapping[str, str] = {word: kind for kind, words in _KIND_WORDS.items() for word in words.split(", ")} | {
    kind: kind for kind in ACTIVITY_KINDS
}

Choice = bool | str | None


def exact(text: str) -> str:
    """Return the form in which the names of stages are compared: NFKC, without outer blanks."""
    return unicodedata.normalize("NFKC", text).strip()


def plain(text: str) -> str:
    """Return the form in which words are compared: also without regard to case."""
    return exact(text).casefold()


def flag_of(text: str) -> bool | None:
    """Return yes or no, None where the word is neither."""
    return FLAGS.get(plain(text))


def kind_of(text: str) -> str:
    """Return the kind of an activity; what is no known word is `other`."""
    return KINDS.get(plain(text), "other")


def state_of(text: str) -> str | None:
    """Return won, lost or open as a column of states spells it."""
    word = plain(text)
    return word if word in CRM_STATES else None


def by_stage(stages: StageMap) -> Callable[[str], str | None]:
    """Return a reader of deal stages: won, lost or open; None where the map names all open ones and not this one."""
    named = {exact(stage): "open" for stage in stages.open or ()}
    named |= {exact(stage): "lost" for stage in stages.lost} | {exact(stage): "won" for stage in stages.won}
    rest = None if stages.open is not None else "open"
    return lambda text: named.get(exact(text), rest)


def read_choices(column: Column, texts: pl.DataFrame, choose: Callable[[str], Choice], code: str, what: str) -> Reading:
    """Read a column's distinct texts (raw, text) through `choose`; those without an answer get `code` and `what`."""
    values = [None if text is None else choose(text) for text in texts["text"]]
    bad = pl.col("text").is_not_null() & pl.col("value").is_null()
    answers = texts.with_columns(value=pl.Series(values, dtype=column.dtype)).select(
        "raw", "value", code=pl.when(bad).then(pl.lit(code)), why=pl.when(bad).then(shown("text") + what)
    )
    return Reading(answers=answers)

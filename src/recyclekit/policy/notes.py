"""The words of a decision's note: why a date was moved, a default used, or nothing could be placed."""

from __future__ import annotations

from enum import Enum

import polars as pl

from recyclekit.policy.spec import Language


class Note(Enum):
    """Japanese and English; `{}` is a date."""

    PAST = "{}を過ぎているため繰り上げ", "due since {}"
    CLOSED = "{}は休業日のため翌営業日", "{} is no business day"
    MOVED = "担当の空きがなく{}から変更", "moved from {}: owners are full"
    FULL = "{}まで担当の空きなし", "no capacity until {}"
    NO_DATE_NAMED = "希望時期の記入なし、標準の時期を使用", "no date was named: the track's default is used"
    CONTRACT_TERM = (
        "契約終了日が不明、標準の契約期間を使用",
        "end of the contract is not known: the usual term is assumed",
    )
    FISCAL_UNKNOWN = "会計年度が不明、自国の年度を使用", "fiscal year is not known: the home country's is assumed"
    FISCAL_UNREADABLE = (
        "会計年度の表記を読み取れず、自国の年度を使用",
        "fiscal year cannot be read: the home country's is assumed",
    )
    COUNTRY = "国コードが不明、自国の祝日を使用", "country is not known: the home country's holidays are used"
    CAPPED = "同じ相手への接触が続くため次回以降に", "kept back: this contact or company would hear from us too often"
    PERSON = "記入された担当者は名簿になし", "the person named by sales is not among the owners"
    VAGUE = "フックが曖昧", "the hook is vague"
    TRACK_DONE = "{}にトラック完了", "track done on {}"
    NO_TRACK = "この理由のトラックなし", "no track for this reason"
    IN_DOUBT = "書き込み結果が未確認のため保留", "a write is in doubt: left alone until it is settled"


def words(note: Note, language: Language) -> str:
    """Return a note's words in one language."""
    return str(note.value[0 if language == "ja" else 1])


def noted(note: Note, language: Language, where: pl.Series, dates: pl.Series | None = None) -> pl.Series | None:
    """Return the note where it applies and null elsewhere; None where it applies nowhere.

    Args:
        note: which.
        language: of the words.
        where: Boolean per row.
        dates: Date per row, for a note that names one.
    """
    if not where.any():
        return None
    text = words(note, language)
    if dates is None:
        return pl.select(pl.when(where).then(pl.lit(text))).to_series()
    chosen = pl.select(pl.when(where).then(dates)).to_series()
    distinct = chosen.drop_nulls().unique()
    texts = [text.format(day) for day in distinct]
    return chosen.replace_strict(distinct, pl.Series(texts, dtype=pl.String), default=None, return_dtype=pl.String)


def joined(notes: list[pl.Series | None], rows: int) -> pl.Series:
    """Return the notes of each row, separated by semicolons; null where there is none."""
    present = [note for note in notes if note is not None]
    if not present:
        return pl.repeat(None, rows, dtype=pl.String, eager=True)
    if len(present) == 1:
        return present[0]
    text = pl.select(pl.concat_str(present, separator="; ", ignore_nulls=True)).to_series()
    return text.replace({"": None})

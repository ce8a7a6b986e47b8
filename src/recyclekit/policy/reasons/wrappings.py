"""Take off what a CRM or a courtesy wraps around a reason: numbers, 'closed lost -', camel case, apologies."""

from __future__ import annotations

from typing import Final

import polars as pl

_CAMEL: Final = r"([a-z])([A-Z][a-z])"
_RING: Final = r"^\s*[①-⑳㉑-㉟]\s*"
_NUMBER: Final = r"^\s*(?:[(\[【（]?[A-Za-z]{0,2}-?\d{1,3}(?:[)\]】）][.:]?|[.:．：、)]|_))\s*([^\d\s])"

# A stage or a heading that says no more than that a reason follows.
_HEADING: Final = (
    r"^[\[(「【]?\s*(?:(?:closed?[ -]*lost|lost|closed|close|deal lost|loss)"
    r"(?: reason| because of| due to| because)?\s*(?:[:>|/)\]】-]+| – | — )"
    r"|(?:lost |loss |closed |closing |primary |main )?reasons?(?: for loss| lost)?\s*[:=]"
    r"|lost (?:because of|due to|because|over)\s"
    r"|(?:失注|敗退|敗戦|ng|断念|お断り|クローズ|終了)(?:の)?(?:理由|要因|原因)?\s*[:>|/)\]」】・-]+"
    r"|(?:失注|敗退|敗戦|ng|断り)の?(?:理由|要因|原因)は)\s*(\S)"
)
_AROUND: Final = r"^(?:失注|クローズ|closed lost|lost)\s*\((.{2,})\)$"

# What is only politeness, so that the 'but' in it sets nothing aside.
_COURTESY: Final = (
    r"(?:誠に|大変|まことに|たいへん|非常に|甚だ)?(?:申し訳(?:ございません|ありません|ない)(?:です)?|恐縮(?:です|ではございます)"
    r"|恐れ入ります|心苦しい(?:の)?です|心苦しいのです|残念です|勝手を申します|勝手(?:では)?ございます)(?:が|けれども)[、,]?"
    r"|(?:誠に|大変|まことに|甚だ)?(?:恐縮|残念|勝手|遺憾)ながら[、,]?"
    r"|(?:せっかく|折角)(?:の)?ご?(?:提案|案内|連絡|見積)(?:を)?(?:いただきました|ください(?:まし)?た|です)(?:が|のに)[、,]?"
)

# What is named only to say that it is not the reason.
_TOPIC: Final = (
    r"(?:価格|値段|金額|費用|コスト|料金|お金|資金|予算|機能|競合|他社|時期|タイミング|スケジュール|製品|サービス|営業)"
)
_NOT_IT: Final = (
    rf"{_TOPIC}(?:面|の問題|が理由|が原因|が問題|のせい|だけ)?(?:では|じゃ|で)(?:なく|なくて)[、,]?"
    rf"|{_TOPIC}(?:面)?(?:が|の|は)(?:理由|原因|問題|せい)(?:では|じゃ)(?:ない|なかった|ありません)(?:です|でした)?(?:が[、,]?)?"
    r"|(?:高い|安い|予算がない|必要ない|不要|他社に決めた|競合に負けた)(?:という)?(?:わけ|訳|こと)では(?:ない|なく|なかった|ありません)"
    r"(?:です|でした)?(?:が)?[、,]?|(?:高い|必要ない|不要)とは言(?:われ|って)(?:ていない|ていなかった|なかった|ず)(?:が)?[、,]?"
    r"|\bnot (?:really )?(?:about|because of|due to|a matter of|a question of|down to) (?:the |our |their )?"
    r"(?:price|pricing|cost|costs|money|budget|features|functionality|product|timing)\b"
    r"|\bnot (?:a |an |the |our )?(?:price|pricing|cost|money|budget|feature|timing|product)"
    r" (?:issue|problem|question|matter)\b"
    r"|\bnot (?:the |our )?(?:price|pricing|cost|money|budget|features|timing),? but\b"
)


def unjoin(text: pl.Expr) -> pl.Expr:
    """NFKC, words of camelCase apart, no number in front. Before the letters are made lower case."""
    plain = text.str.replace(_RING, "").str.normalize("NFKC").str.replace(_NUMBER, "${1}")
    return plain.str.replace_all(_CAMEL, "${1} ${2}").str.replace_all(_CAMEL, "${1} ${2}")  # 'ToComp' overlaps


def unwrap(text: pl.Expr) -> pl.Expr:
    """The reason without its heading and without courtesy or denied topics. Lower case is expected."""
    bare = text.str.replace(_AROUND, "${1}").str.replace(_HEADING, "${1}")
    return bare.str.replace_all(_COURTESY, "").str.replace_all(_NOT_IT, " ").str.strip_chars()

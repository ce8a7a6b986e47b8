"""Make texts comparable and cut them into clauses, marking those a contrast sets aside ('price was fine, but ...')."""

from __future__ import annotations

from typing import Final

import polars as pl

from recyclekit.policy.reasons.wrappings import unjoin, unwrap

READ: Final = 2_000  # characters of a text that are read; a reason is given early, and a 10 MB cell must cost nothing
CONCEDED: Final = 0.3  # what a clause still counts for when a contrast follows it

# Written variants of one word, so that corpus and lexicon need each word once.
_VARIANTS: Final = {
    "ヨサン": "予算",
    "カカク": "価格",
    "リンギ": "稟議",
    "タシャ": "他社",
    "フメイ": "不明",
    "ケッサイ": "決裁",
    "キョウゴウ": "競合",
    "ネビキ": "値引",
    "ネダン": "値段",
    "ケイヤク": "契約",
    "ナイセイ": "内製",
    "ゲンジョウイジ": "現状維持",
    "ホリュウ": "保留",
    "チュウシ": "中止",
    "ジュウフク": "重複",
    "チョウフク": "重複",
    "タントウシャ": "担当者",
    "レンラク": "連絡",
    "トウサン": "倒産",
    "ミツモリ": "見積",
    "ヒヨウ": "費用",
    "ヘンシン": "返信",
    "タイショウガイ": "対象外",
    "ソノタ": "その他",
    "budgt": "budget",
    "bdgt": "budget",
    "competetor": "competitor",
    "competitior": "competitor",
    "compettitor": "competitor",
    "competator": "competitor",
    "comptitor": "competitor",
    "expencive": "expensive",
    "expensiv ": "expensive ",
    "responce": "response",
    "reponse": "response",
    "recieve": "receive",
    "priorty": "priority",
    "aproval": "approval",
    "approvel": "approval",
    "dicision": "decision",
    "desicion": "decision",
    "cancled": "cancelled",
    "cancelld": "cancelled",
    "vender": "vendor",
    " w/o ": " without ",
    " w/ ": " with ",
    "プライオリティー": "プライオリティ",
    "kakaku": "価格",
    "takai": "高い",
    "yosan": "予算",
    "renraku": "連絡",
    "torezu": "取れない",
    "kessaisha": "決裁者",
    "kettei": "決定",
    "naisei": "内製",
    "chushi": "中止",
    "horyu": "保留",
    "fumei": "不明",
    "busoku": "不足",
    "joho shushu": "情報収集",
    "jouhou shuushuu": "情報収集",
    "genjo iji": "現状維持",
    "バジェット": "予算",
    "繋が": "つなが",
    "無い": "ない",
    "無く": "なく",
    "無かっ": "なかっ",
    "無し": "なし",
    "出来": "でき",
    "頂": "いただ",
    "貰": "もら",
    "既に": "すでに",
    "見積もり": "見積",
    "見積り": "見積",
    "下り": "おり",
    "降り": "おり",
    "引継ぎ": "引き継ぎ",
    "打合せ": "打ち合わせ",
    "取止め": "取りやめ",
    "取り止め": "取りやめ",
    "切替え": "切り替え",
    "切替": "切り替え",
    "取れず": "取れない",
    "とれ": "取れ",
    "出ず": "出ない",
    "付か": "つか",
    "目途": "目処",
    "ベンダ ": "ベンダー ",
    "下さい": "ください",
    "致し": "いたし",
    "良かっ": "よかっ",
    "良い": "よい",
    "can't": "cannot",
    "won't": "will not",
    "n't": " not",
    "'s": "",
    "de-prior": "deprior",
    "sign off": "sign-off",
    "signoff": "sign-off",
    "buy in ": "buy-in ",
    "in house": "in-house",
    "canceled": "cancelled",
    "centre": "center",
    "programme": "program",
    "prioritis": "prioritiz",
    "licence": "license",
    "tyre": "tire",
    "reorganis": "reorganiz",
    "centralis": "centraliz",
    "authoris": "authoriz",
    "customis": "customiz",
    "finalis": "finaliz",
}

_AFTER_EN: Final = r"\b(?:but|however|yet|nevertheless|nonetheless|still,|only that|except that)\b|, still\b"
_BEFORE_EN: Final = (
    r"\b(?:although|even though|though|even if|while|whilst|despite|in spite of|notwithstanding|regardless of)\b"
)
_AFTER_JA: Final = (
    r"(?:(?:た|だ|です|ます|ません|ない|るの?だ?|高い|よい|いい|強い|安い|多い|たい|しい)が[、,]?"
    r"|が[、,]|けれども?[、,]?|けど[、,]?|ものの[、,]?|のに[、,]?|にも(?:かかわ|関わ)らず[、,]?|一方で?[、,]|反面[、,]?"
    r"|とはいえ[、,]?|しかし(?:ながら)?[、,]?|ところが[、,]?|ただし?[、,])"
)

# A sentence that begins so tells what it came to; what was told before it counts for less.
TURN: Final = (
    r"^(?i:but|however|yet|unfortunately|regrettably|sadly|nevertheless|nonetheless|then|in the end|finally"
    r"|eventually|ultimately|at the last minute|even so|the (?:catch|problem|snag|trouble|issue|sticking point))\b"
    r"|^(?:しかし|ところが|ただ|だが|ですが|けれど|それでも|でも、|とはいえ|一方|最終的|最後|結局|残念|あいにく"
    r"|その後|問題は|ネックは|難点は|とは言え|にもかかわらず|なのに)"
)

# A group of reasons in front of the one that is meant: 'Client gap - no budget'.
_GROUP: Final = (
    r"^((?:client|customer|solution|product|relationship|commercial|commercials|internal|external|sales|market|process|business"
    r"|technical|people|organi[sz]ation|company|vendor|prospect|buyer|顧客|先方|当社|自社|製品|営業|社内|外部|商談)"
    r"(?: gap| issue| side| related| reason|要因|都合|側|側要因|起因)?)\s?(?: - | – | — |:|>)\s?"
)

# What is promised for later at the end of a note tells when to come back, not why the deal was lost.
_LATER: Final = (
    r"(?:[,;]| - | but| and)\s+((?:and |but |then )?(?:we |they |i )?(?:will |to |can |should |asked us to )?"
    r"(?:revisit|reconnect|re-?engage|try again|check back|stay in touch|keep in touch|touch base)\b[^.;]*)"
    r"|[、。,]((?:次回|来期|来年|半年後|0年後|更新時|契約満了|満了|また|引き続き)[^、。]{0,12}"
    r"(?:再提案|再アプローチ|再アタック|フォロー|再コンタクト|追客)[^、。]*)"
)


def normalise(text: pl.Expr) -> pl.Expr:
    """One spelling per word: NFKC (half and full width), lower case, one space, every number the same."""
    plain = unjoin(text.str.slice(0, READ)).str.to_lowercase()
    plain = plain.str.replace_many(["’", "‘", "`", "_", "　"], ["'", "'", "'", " ", " "])
    plain = plain.str.replace_many(list(_VARIANTS), list(_VARIANTS.values()), leftmost=True)
    return unwrap(plain.str.replace_all(r"\d+(?:[.,]\d+)*", "0").str.replace_all(r"\s+", " ").str.strip_chars())


def cut(texts: pl.Series) -> pl.DataFrame:
    """One row per clause: `text` (its row number in `texts`), `clause`, `weight` (1, or `CONCEDED`)."""
    return (
        pl.LazyFrame({"plain": texts})
        .select(
            text=pl.int_range(pl.len()).cast(pl.Int64), sentence=_mark(normalise(pl.col("plain"))).str.split("\x1f")
        )
        .explode("sentence")
        .with_columns(part=pl.col("sentence").str.split("\x1e"))
        .with_columns(weight=_weights(pl.col("part")))
        .explode("part", "weight")
        .with_columns(clause=pl.col("part").str.split("\x1d"))
        .explode("clause")
        .select("text", pl.col("clause").str.strip_chars(" \"'()[]「」『』・:-*#"), "weight")
        .collect()
    )


def _mark(plain: pl.Expr) -> pl.Expr:
    """Put 1F between sentences, 1E after what a contrast sets aside, 1D between clauses."""
    marked = plain.str.replace(_GROUP, "${1}\x1e").str.replace_all(_LATER, "\x1f${1}${2}\x1e")
    marked = marked.str.replace_all(r"([ぁ-んァ-ヶー一-龠])\(", "${1}\x1d")
    marked = marked.str.replace_all(_BEFORE_EN + r"([^,.;]*)(?:[,.;]|$)", "\x1f${1}\x1e")
    marked = marked.str.replace_all(_AFTER_EN, "\x1e").str.replace_all("(" + _AFTER_JA + ")", "${1}\x1e")
    marked = marked.str.replace_all(r"[。!?;\n]|\.(?:\s|$)", "\x1f")
    marked = marked.str.replace_all(r"[、,]| - ", "\x1d")
    return marked.str.replace_all(r"(^|\x1f)[\x1d-\x1f ]+|[\x1d\x1f ]+$", "${1}")


def _weights(parts: pl.Expr) -> pl.Expr:
    """Every part but the last of its sentence is set aside by the contrast behind it."""
    return parts.list.eval(
        pl.when(pl.int_range(pl.len()) == pl.len() - 1)
        .then(pl.lit(1.0, pl.Float32))
        .otherwise(pl.lit(CONCEDED, pl.Float32))
    )

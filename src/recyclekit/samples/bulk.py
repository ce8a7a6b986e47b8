"""Millions of deals for benchmarks, as one CSV file: vectorised, in chunks, with memory bounded by the chunk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from random import Random

import polars as pl

from recyclekit.samples import company, voices

BULK_COLUMNS = (
    "deal_id", "name", "account_id", "account_name", "contact_id", "deal_pipeline", "deal_stage", "probability",
    "amount", "currency", "owner", "product", "source", "industry", "created_on", "closed_on", "last_modified",
    "last_activity_at", "lost_reason", "lost_note", "next_approach_on", "approach_person", "hook", "competitor",
    "contract_ends_on", "need_type",
)  # fmt: skip
"""The headings: those that are canonical columns bear their canonical names, so the field map is the identity."""
BULK_STAGES = {"won": ("Closed Won",), "lost": ("Closed Lost",)}
BULK_REASONS: dict[str, str | tuple[str, ...]] = {
    **{value: code for code in list(company.PICKLIST)[:12] for value in company.PICKLIST[code]},
    "予算・価格": ("no_budget", "price"),
}
"""The 25 picklist values of the file → canonical reason(s)."""
OWNERS = tuple(f"fs-{n:02d}" for n in range(1, 41))
CHUNK = 100_000
AS_OF = date(2026, 11, 22)


def generate_bulk(path: Path, rows: int, seed: int = 20261122, *, as_of: date = AS_OF) -> Path:
    """Write `rows` deals: 45 % lost (55 % of them with a picklist value, the rest free text), 30 % won, 25 % open.

    About 260 bytes a row, 150,000 distinct free texts a million, n/6 accounts, ids unique. Same seed, same bytes.
    """
    words, draw = _Words(seed), _Draw(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        columns = _columns(words, draw, rows, as_of)
        for start in range(0, rows, CHUNK):
            index = pl.LazyFrame({"i": pl.int_range(start, min(rows, start + CHUNK), dtype=pl.UInt64, eager=True)})
            frame = index.select(**{name: columns[name] for name in BULK_COLUMNS}).collect()
            frame.write_csv(file, include_header=start == 0)
    return path


class _Words:
    """The strings to draw from, as series: texts are put together from an opening, a core and a closing."""

    def __init__(self, seed: int) -> None:
        rng = Random(seed)  # noqa: S311  # invented data, no secret
        self.openings = {lang: _distinct(rng, lang, voices.module(lang).OPENINGS, 24) for lang in _LANGUAGES}
        self.closings = {lang: _distinct(rng, lang, _CLOSINGS[lang], 48) for lang in _LANGUAGES}
        self.cores = {lang: _distinct(rng, lang, _cores(lang), 180) for lang in _LANGUAGES}
        self.picklist = pl.Series(list(BULK_REASONS))


_LANGUAGES = ("ja", "en")
_CLOSINGS = {
    "ja": ("{month}に再度連絡。", "資料は{dept}へ送付済み。", "次回は{month}、{n}名参加予定。", "{dept}とは関係良好。"),
    "en": (
        " Call again in {month}.",
        " Material sent to {dept}.",
        " {n} people will join in {month}.",
        " {dept} likes us.",
    ),
}


def _distinct(rng: Random, language: str, templates: Sequence[str], count: int) -> pl.Series:
    """Return up to `count` distinct fillings of the templates, in the order of their first drawing."""
    words = voices.module(language)
    drawn = (voices.fill(rng, rng.choice(templates), words, 2026) for _ in range(20 * count))
    return pl.Series(list(dict.fromkeys(drawn))[:count])


def _cores(language: str) -> list[str]:
    """Return the templates that state a reason, common reasons more often."""
    reasons = voices.module(language).REASONS
    return [line for code, weight in voices.WEIGHTS.items() for line in list(reasons[code]) * -(-weight // 4)]


def _columns(words: _Words, draw: _Draw, rows: int, as_of: date) -> dict[str, pl.Expr]:
    today = (as_of - date(1970, 1, 1)).days
    fate = draw.number("fate", 100)
    lost, is_open = fate < 45, fate >= 75
    account = draw.number("account", max(1, rows // 6))
    lead, age = draw.number("lead", 180), draw.number("age", 900)
    closed = today - age
    silent = pl.when(is_open).then(draw.number("silent", 150)).otherwise(age + draw.number("silent", 20))
    japanese = account % 5 < 3
    picklisted = draw.number("picked", 100) < 55
    text = pl.when(japanese).then(_text(words, draw, "ja")).otherwise(_text(words, draw, "en"))
    handed = lost & (draw.number("handed", 100) < 15)
    rival = lost & (draw.number("rival", 100) < 20)
    product = draw.word("product", voices.module("en").PRODUCTS)
    company_name = pl.when(japanese).then(pl.lit("株式会社架空商事")).otherwise(pl.lit("Example Trading Inc. "))
    return {
        "deal_id": pl.format("D{}", pl.col("i").cast(pl.String).str.zfill(9)),
        "name": pl.format("{} extension {}", product, pl.col("i") % 9973),
        "account_id": pl.format("A{}", account.cast(pl.String).str.zfill(8)),
        "account_name": pl.concat_str(company_name, account),
        "contact_id": pl.format("C{}-{}", account.cast(pl.String).str.zfill(8), draw.number("contact", 3)),
        "deal_pipeline": draw.word("pipeline", company.PIPELINES),
        "deal_stage": pl.when(lost)
        .then(pl.lit("Closed Lost"))
        .when(is_open)
        .then(draw.word("stage", company.OPEN_STAGES))
        .otherwise(pl.lit("Closed Won")),
        "probability": draw.number("probability", 101),
        "amount": (draw.number("amount", 900) + 10) * 10_000,
        "currency": pl.when(japanese).then(pl.lit("JPY")).otherwise(pl.lit("USD")),
        "owner": draw.word("owner", OWNERS),
        "product": product,
        "source": draw.word("source", company.SOURCES),
        "industry": draw.word("industry", company.INDUSTRIES),
        "created_on": _day(pl.when(is_open).then(today - silent).otherwise(closed) - lead - 3),
        "closed_on": _day(pl.when(is_open).then(today + lead).otherwise(closed)),
        "last_modified": _day(today - silent // 2),
        "last_activity_at": pl.when(~is_open | (draw.number("dated", 100) < 93))
        .then(_day(today - silent).cast(pl.Datetime("us")) + pl.duration(minutes=draw.number("minute", 1440)))
        .dt.to_string("%Y-%m-%dT%H:%M:00Z"),
        "lost_reason": pl.when(lost & picklisted).then(draw.words("pick", words.picklist)).when(lost).then(text),
        "lost_note": pl.when(lost & picklisted & (draw.number("noted", 100) < 30)).then(text),
        "next_approach_on": pl.when(handed).then(_day(today + draw.number("next", 200) - 20)),
        "approach_person": pl.when(handed).then(draw.word("person", company.INSIDE_SALES)),
        "hook": pl.when(handed).then(pl.format("Bring the {} case", product)),
        "competitor": pl.when(rival).then(draw.word("who", voices.module("en").RIVALS)),
        "contract_ends_on": pl.when(rival).then(_day(closed + 365 + draw.number("ends", 90))),
        "need_type": pl.when(draw.number("asked", 100) < 40).then(draw.number("need", 3) + 1),
    }


def _text(words: _Words, draw: _Draw, language: str) -> pl.Expr:
    """A free text; every million rows repeat none of the earlier ones, as new deals bring new words."""
    million = pl.col("i") // 1_000_000
    return pl.concat_str(
        draw.words("opening", words.openings[language]),
        draw.words("core", words.cores[language]),
        draw.words("closing", words.closings[language]),
        pl.when(million > 0).then(pl.format(" ({})", million + 1)).otherwise(pl.lit("")),
    )


def _day(days_since_1970: pl.Expr) -> pl.Expr:
    return days_since_1970.cast(pl.Int32).cast(pl.Date)


class _Draw:
    """Random numbers as a function of the row's number `i` and a salt: the same however the rows are chunked."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def number(self, salt: str, below: int) -> pl.Expr:
        """Whole numbers from 0 to below - 1, as Int64."""
        # splitmix64: Polars' own hash may change between versions, arithmetic does not.
        mixed = (pl.col("i") + _constant(self._seed, salt)) * pl.lit(0x9E3779B97F4A7C15, pl.UInt64)
        mixed = (mixed ^ (mixed // (1 << 30))) * pl.lit(0xBF58476D1CE4E5B9, pl.UInt64)
        mixed = (mixed ^ (mixed // (1 << 27))) * pl.lit(0x94D049BB133111EB, pl.UInt64)
        return ((mixed // (1 << 31)) % below).cast(pl.Int64)

    def words(self, salt: str, among: pl.Series) -> pl.Expr:
        """One of the words per row."""
        return pl.lit(among).gather(self.number(salt, len(among)))

    def word(self, salt: str, among: Sequence[str]) -> pl.Expr:
        """One of the words per row."""
        return self.words(salt, pl.Series(list(among)))


def _constant(seed: int, salt: str) -> pl.Expr:
    return pl.lit(Random(f"{seed}:{salt}").getrandbits(62), pl.UInt64)  # noqa: S311  # invented data, no secret

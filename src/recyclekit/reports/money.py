"""Money for reading: totals by currency and their short forms. No conversion: yen and dollars are never added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

SIGNS = {"JPY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}
Money = Mapping[str, float]
"""Currency ('' where unknown) → sum, the largest number first."""

_STEPS = {
    "en": ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")),
    "ja": ((1e12, "兆"), (1e8, "億"), (1e4, "万")),
}


def has_money(decisions: pl.DataFrame) -> bool:
    """Whether the decisions carry what each deal is worth: columns `amount` and, optionally, `currency`."""
    return "amount" in decisions.columns


def sums(decisions: pl.DataFrame) -> Money:
    """Return the totals of a frame of decisions; deals without an amount add nothing."""
    if not has_money(decisions):
        return {}
    return collect(pairs(with_currency(decisions).group_by("currency").agg(pl.col("amount").sum())))


def with_currency(decisions: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with a `currency` that is never null."""
    known = pl.col("currency") if "currency" in decisions.columns else pl.lit(None, pl.String)
    return decisions.with_columns(currency=known.fill_null(""))


def pairs(frame: pl.DataFrame) -> Iterable[tuple[str, float]]:
    """Return (currency, amount) of each row."""
    return zip(frame["currency"].to_list(), frame["amount"].to_list(), strict=True)


def collect(items: Iterable[tuple[str, float | None]]) -> Money:
    """Add up pairs of currency and amount."""
    totals: dict[str, float] = {}
    for currency, amount in items:
        totals[currency] = totals.get(currency, 0.0) + (amount or 0.0)
    return dict(sorted(((c, a) for c, a in totals.items() if a), key=lambda item: (-item[1], item[0])))


def short(money: Money, language: str = "en") -> str:
    """Return money as people say it: `¥1.24B + $3.1M`, in Japanese `¥12.4億 + $310万`; empty where there is none."""
    steps = _STEPS[language]
    return " + ".join(f"{_sign(currency)}{_short_number(amount, steps)}" for currency, amount in money.items())


def exact(amount: float | None, currency: str | None = None) -> str:
    """Return one deal's amount in full: `¥1,234,000`; empty where unknown."""
    return "" if amount is None else f"{_sign(currency or '')}{amount:,.0f}"


def _sign(currency: str) -> str:
    return SIGNS.get(currency, f"{currency} " if currency else "")


def _short_number(amount: float, steps: Sequence[tuple[float, str]]) -> str:
    for size, letter in steps:
        # 999,950 and more would round to 1000.0k.
        if abs(amount) >= size * 0.99995:
            return f"{amount / size:.3g}{letter}" if abs(amount) < size * 999.5 else f"{amount / size:,.0f}{letter}"
    return f"{amount:,.0f}"

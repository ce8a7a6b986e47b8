"""When a track's first touch would be made if nobody were full and every day were a business day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import polars as pl

from recyclekit.models.calendar.fiscal import next_decision
from recyclekit.policy.spec import After, BeforeBudget, BeforeContractEnd, NamedDate, Timing


class Assumed(StrEnum):
    """What a date rests on where the fact itself was not known."""

    FISCAL_UNKNOWN = "fiscal_unknown"
    FISCAL_UNREADABLE = "fiscal_unreadable"
    CONTRACT_TERM = "contract_term"
    NO_DATE_NAMED = "no_date_named"


ASSUMED = pl.Enum(Assumed)


@dataclass(frozen=True, slots=True, kw_only=True)
class FiscalDefaults:
    """Fiscal years of accounts that do not say: by country, and the home country's for those without a country."""

    home: str
    by_country: Mapping[str, str]


def wish_dates(deals: pl.DataFrame, timing: Timing, as_of: date, fiscal: FiscalDefaults) -> pl.DataFrame:
    """Return per deal `wished` (Date, may lie in the past) and `assumed` (what it rests on; null where on facts).

    Args:
        deals: closed_on, last_contact_on, contract_ends_on (Date), fiscal_year, country (String).
        timing: the track's.
        as_of: the business date; no budget decision before it is looked at.
        fiscal: the defaults.
    """
    part = timing.after or timing.named_date or timing.before_budget or timing.before_contract_end
    match part:
        case After():
            wished, assumed = after(part, as_of), pl.lit(None)
        case NamedDate():
            named = pl.col("contract_ends_on")
            wished = pl.coalesce(named, after(part.otherwise, as_of))
            assumed = pl.when(named.is_null()).then(pl.lit(Assumed.NO_DATE_NAMED))
        case BeforeContractEnd():
            ends, term = pl.col("contract_ends_on"), After(months=part.term_months, since="closed_on")
            wished = pl.coalesce(ends, after(term, as_of)).dt.offset_by(f"-{part.weeks}w")
            assumed = pl.when(ends.is_null()).then(pl.lit(Assumed.CONTRACT_TERM))
        case BeforeBudget():
            return _before_budget(deals, part, as_of, fiscal)
        case _:
            wished, assumed = pl.lit(as_of), pl.lit(None)
    return deals.select(
        pl.repeat(None, pl.len(), dtype=pl.Date).fill_null(wished).alias("wished"), assumed=assumed.cast(ASSUMED)
    )


def after(part: After, as_of: date) -> pl.Expr:
    """Return the day that lies so long after the anchor; after the as-of day where the anchor is not known."""
    anchor = pl.lit(as_of) if part.since == "as_of" else pl.col(part.since).fill_null(as_of)
    return anchor.dt.offset_by(f"{part.days}d" if part.days is not None else f"{part.months}mo")


def _before_budget(deals: pl.DataFrame, part: BeforeBudget, as_of: date, fiscal: FiscalDefaults) -> pl.DataFrame:
    by_country = pl.col("country").replace_strict(
        list(fiscal.by_country), list(fiscal.by_country.values()), default=None, return_dtype=pl.String
    )
    usual = pl.when(pl.col("country").is_null()).then(pl.lit(fiscal.home)).otherwise(by_country)
    known = deals.select(year=pl.coalesce("fiscal_year", usual))["year"]
    dates, _ = next_decision(as_of, known, part.weeks)
    home, _ = next_decision(as_of, pl.Series([fiscal.home]), part.weeks)
    return pl.select(
        wished=dates.fill_null(home[0]),
        assumed=pl.when(known.is_null())
        .then(pl.lit(Assumed.FISCAL_UNKNOWN))
        .when(dates.is_null())
        .then(pl.lit(Assumed.FISCAL_UNREADABLE))
        .cast(ASSUMED),
    )

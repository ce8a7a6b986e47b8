"""Declared formats: strptime letters, `epoch_ms`, `epoch_s`, and `iso` for the forms that need no declaration."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from recyclekit.errors import InputError
from recyclekit.models.parsing.date_forms import FIRST_YEAR, LAST_YEAR

ISO = "iso"
EPOCHS = {"epoch_ms": "ms", "epoch_s": "s"}
_PROBE = datetime(2026, 11, 22, 15, 4)  # noqa: DTZ001  # a wall-clock time is what formats are about
_TIMES = ("%H", "%I", "%k", "%l", "%T", "%R", "%X", "%c", "%r", "%s")


def timed(name: str) -> bool:
    """Whether values of this format carry a time of day."""
    return any(letter in name for letter in _TIMES)


def in_utc(name: str) -> bool:
    """Whether values of this format say their zone: an epoch, an offset, or a Z behind the time."""
    return name in EPOCHS or "%z" in name or (timed(name) and name.endswith("Z") and not name.endswith("%Z"))


def translated(name: str) -> str:
    """Return the format in the letters of Polars' parser, which differ for fractions and zones."""
    return name.replace(".%f", "%.f").replace("%f", "%6f").replace("%z", "%#z")


def parsed(text: pl.Expr, name: str) -> pl.Expr:
    """Return texts of one format as local times (Datetime without zone); UTC where the format is zoned or an epoch."""
    if name in EPOCHS:
        number = text.cast(pl.Int64, strict=False)
        # beyond what a Datetime holds is beyond the years that count as well
        bounded = pl.when(number.is_between(*_bounds(name))).then(number)
        return pl.from_epoch(bounded, time_unit="ms" if name == "epoch_ms" else "s").cast(pl.Datetime("us"))
    if not timed(name):
        return parsed_day(text, name).cast(pl.Datetime("us"))
    moment = text.str.to_datetime(translated(name), time_unit="us", strict=False, cache=False)
    return _within(moment.dt.replace_time_zone(None) if "%z" in name else moment)


def parsed_day(text: pl.Expr, name: str) -> pl.Expr:
    """Return texts of a format without time as dates."""
    return _within(text.str.to_date(translated(name), strict=False, cache=False))


def by_format(text: pl.Series, name: str) -> pl.DataFrame:
    """Parse texts by one declared format: columns local, offset, timed as `date_forms.moments` gives them."""
    return (
        text.alias("text")
        .to_frame()
        .select(
            local=parsed(pl.col("text"), name),
            offset=pl.lit(0 if in_utc(name) else None, pl.Int64),
            timed=pl.lit(name in EPOCHS or timed(name)),
        )
    )


def check_format(name: str) -> None:
    """Raise InputError unless the format can tell a date and be read back."""
    if name == ISO or name in EPOCHS:
        return
    try:
        written = pl.Series([_PROBE]).dt.replace_time_zone("UTC").dt.strftime(translated(name).replace("%#z", "%z"))
        read = by_format(written, name)["local"][0]
    except pl.exceptions.PolarsError:
        read = None
    if read is None or read.date() != _PROBE.date():
        raise InputError(
            f"Format '{name}' cannot tell a date.",
            why="It needs letters for a day, a month and a year (and %p beside %I), as strptime knows them.",
            fix='For 31-12-2026 write "%d-%m-%Y", for 12/31/2026 3:00 PM "%m/%d/%Y %I:%M %p".',
        )


def _within(moment: pl.Expr) -> pl.Expr:
    return pl.when(
        moment.is_between(pl.lit(date(FIRST_YEAR, 1, 1)), pl.lit(date(LAST_YEAR + 1, 1, 1)), closed="left")
    ).then(moment)


def _bounds(name: str) -> tuple[int, int]:
    scale = 1000 if name == "epoch_ms" else 1
    return (-2208988800 * scale, 7289654400 * scale - 1)

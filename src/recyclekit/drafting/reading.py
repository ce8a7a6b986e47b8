"""Whether a column's values can be what its heading says, tried by the readers that a run uses; never a guess."""

from __future__ import annotations

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import polars as pl

from recyclekit.errors import AmbiguousError, InputError
from recyclekit.models.field_map import FieldSpec, Mapped
from recyclekit.models.parsing.choosing import readers_for
from recyclekit.models.parsing.column import Reading
from recyclekit.models.parsing.date_formats import ISO
from recyclekit.models.parsing.date_forms import iso_text, moments
from recyclekit.models.parsing.numbers import COMMA
from recyclekit.models.parsing.text import folded
from recyclekit.models.tables import SCHEMAS, Table
from recyclekit.models.wording import counted

_MOST_BAD = 0.5
_UNIT = re.compile(r"千円|万円|百万円|億円|\b(?:thousands?|k(?:usd|eur|jpy))\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What trying found: formats worth declaring, and why; or lines of which a person must choose one; or a refusal."""

    formats: tuple[str, ...] = ()
    why: str = ""
    either: tuple[str, ...] = ()
    question: str = ""
    refused: str = ""


def try_column(table: Table, name: str, heading: str, texts: pl.Series, zone: ZoneInfo) -> Tried:
    """Read a column of the sample as ours would be read."""
    dtype = SCHEMAS[table].columns()[name].dtype
    filled = texts.drop_nulls()
    if not filled.len():
        return Tried(why="empty in this export")
    if name == "contact_id" and look_like_names(filled):
        return Tried(refused="its values look like people's names; ids or mail addresses tell people apart.")
    if dtype == pl.String or isinstance(dtype, pl.Enum):
        return Tried()
    mapped = Mapped(fields={table: {name: FieldSpec(column=heading)}})
    reader = next(one for one in readers_for(table, mapped, {name}, {heading}, zone.key) if one.column.name == name)
    try:
        reading = reader.read(texts)
    except AmbiguousError as error:
        return Tried(either=tuple(error.lines), question=error.why.rstrip("."))
    except InputError as error:
        return Tried(refused=error.why or error.what)
    return _judged(heading, dtype, reading, filled)


def _judged(heading: str, dtype: pl.DataType, reading: Reading, filled: pl.Series) -> Tried:
    """Weigh what was read against what was not."""
    bad = int(filled.is_in(reading.answers.filter(pl.col("code").is_not_null())["raw"].implode()).sum())
    if bad > _MOST_BAD * filled.len():
        return Tried(refused=f"{bad:,} of {filled.len():,} values cannot be read so.")
    formats = _declared(dtype, reading.formats, filled)
    told = [f"only {' and '.join(formats)} fits its {counted(filled.len() - bad, 'value')}"] if formats else []
    unit = _UNIT.search(heading)
    told += [f"counted in {unit[0]}, as it stands there"] if unit and dtype.is_float() else []
    told += [f"{bad:,} of {filled.len():,} values cannot be read: set aside"] if bad else []
    return Tried(formats=formats, why="; ".join(told))


def look_like_names(texts: pl.Series) -> bool:
    """Return whether most values are words alone, as names of people are; ids and addresses hold digits or signs."""
    return texts.len() > 0 and float(texts.str.contains(r"[\d@_:]").not_().mean() or 0) > _MOST_BAD  # type: ignore[arg-type]


def _declared(dtype: pl.DataType, formats: tuple[str, ...], texts: pl.Series) -> tuple[str, ...]:
    """Return the formats that a run could not be sure of by itself, on a shorter export say."""
    if dtype.is_temporal():
        return () if set(formats) <= {ISO} else _without_idle_iso(formats, texts)
    if dtype.is_float() and texts.str.contains("[.,]").any():
        return formats if COMMA in formats or texts.str.contains(",", literal=True).any() else ()
    return ()


def _without_idle_iso(formats: tuple[str, ...], texts: pl.Series) -> tuple[str, ...]:
    """Return the formats without `iso` where no value is written so."""
    plain = texts.drop_nulls().to_frame("text").select(folded(pl.col("text")))["text"]
    some = moments(iso_text(plain))["local"].count()
    return formats if some else tuple(one for one in formats if one != ISO)

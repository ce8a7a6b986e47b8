"""Numbers of a column: grouping, decimal comma, currency, Japanese units, signs. What two readings fit is refused."""

from __future__ import annotations

import polars as pl

from recyclekit.errors import AmbiguousError, InputError
from recyclekit.models.parsing.column import HOPELESS, SHARE, Column, Reading, shown
from recyclekit.models.parsing.text import folded
from recyclekit.models.snapshot import Finding

POINT, COMMA = "1,234.5", "1.234,5"
"""The two formats of numbers: decimal point and decimal comma. Blanks and apostrophes group in both."""

_HIGHEST = 1e300
_CURRENCY = r"(?i)us\$|[¥$€£₩]|円|\b(?:jpy|usd|eur|gbp|chf|cny|krw|aud|cad|inr|sgd|rub)\b"
_UNITS = {"億": 1e8, "千万": 1e7, "百万": 1e6, "十万": 1e5, "万": 1e4, "千": 1e3}
_UNIT = r"\s*(億|千万|百万|十万|万|千)$"
_MINUS = r"^\s*[-−▲△]\s*"
_GROUPED = r"^[1-9]\d{0,2}(?:[ '’]\d{3})+([.,]\d+)?$"
_POINT = r"^(?:\d+|[1-9]\d{0,2}(?:,\d{3})+)?(?:\.\d*)?(?:[eE][+-]?\d{1,2})?$"
_COMMA = r"^(?:\d+|[1-9]\d{0,2}(?:\.\d{3})+)?(?:,\d*)?$"
_IN_GROUPS = r"^(?:\d+|[1-9]\d{0,2}(?:,\d{3})+)(?:\.(?:\d{1,2}|\d{4,}))?$"
"""Three decimals are left out: beside grouped numbers they may be a group."""


def read_numbers(column: Column, texts: pl.DataFrame, certain: int = 0) -> Reading:
    """Read a column's distinct texts (raw, n, text: folded) as its type; each may decide the reading of all.

    `certain` counts the plain numbers of the column that were read already.

    Raises:
        AmbiguousError: decimal point and decimal comma both fit, with different values.
        InputError: not one of many values is a number.
    """
    frame = texts.hstack(_both_readings(texts["text"]))
    chosen, findings = _choose(column, frame)
    frame = frame.with_columns(number=pl.col(chosen))
    if not certain:
        _refuse_hopeless(column, frame)
    multiplied = frame.filter(pl.col("unit").is_not_null() & pl.col("number").is_not_null())
    if multiplied.height:
        units = ", ".join(sorted(set(multiplied["unit"])))
        example = multiplied.row(0, named=True)
        findings.append(
            column.note(
                f"Units ({units}) in the values are multiplied out: '{example['text']}' is {example['number']:,.0f}."
            )
        )
    return Reading(
        answers=_answers(column, frame), findings=tuple(findings), formats=(POINT if chosen == "point" else COMMA,)
    )


def is_plain(format: tuple[str, ...]) -> bool:  # noqa: A002  # the word of the field map
    """Whether the declared format, if any, is the decimal point."""
    return not format or format == (POINT,)


def check_format(column: Column) -> None:
    """Raise InputError where the format of a number column is neither of the two."""
    if column.formats and column.formats not in ((POINT,), (COMMA,)):
        raise InputError(
            f"Format {', '.join(column.formats)} of {column.where} is no format of numbers.",
            fix=f'Write "{POINT}" for a decimal point or "{COMMA}" for a decimal comma.',
        )


def attempts(column: Column, text: pl.Expr) -> list[pl.Expr]:
    """Return what may be tried on a whole column inside a plan; each is null where there is doubt."""
    if column.dtype.is_integer():
        return [text.cast(column.dtype, strict=False)]
    if is_plain(column.formats):
        groups = pl.when(text.str.contains(_IN_GROUPS)).then(text.str.replace_all(",", "", literal=True))
        tries = [text, groups]
    else:
        tries = [pl.when(text.str.contains(_COMMA)).then(_pointed(text))]
    numbers = [one.cast(column.dtype, strict=False) for one in tries]
    return [pl.when(number.is_between(0, _HIGHEST)).then(number) for number in numbers]


def _pointed(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)


def has_comma_only(text: pl.Series) -> bool:
    """Whether any text is a number only with a decimal comma."""
    read = _both_readings(text.alias("text").to_frame().select(folded(pl.col("text"))).to_series())
    return not read.filter(pl.col("comma").is_not_null() & pl.col("point").is_null()).is_empty()


def _both_readings(text: pl.Series) -> pl.DataFrame:
    """Return columns point and comma (the value under each reading, null where it does not fit) and unit."""
    frame = (
        text.alias("text").to_frame().with_columns(core=pl.col("text").str.replace_all(_CURRENCY, "").str.strip_chars())
    )
    frame = frame.with_columns(
        bracketed=pl.col("core").str.contains(r"^\(.*\)$"), core=pl.col("core").str.replace(r"^\((.*)\)$", "$1")
    ).with_columns(
        negative=pl.col("bracketed") ^ pl.col("core").str.contains(_MINUS),
        core=pl.col("core").str.replace(_MINUS, "").str.replace(r"^\+\s*", ""),
    )
    unit = pl.col("core").str.extract(_UNIT)
    frame = frame.with_columns(unit=unit, core=pl.col("core").str.replace(_UNIT, ""))
    bare = (
        pl.when(pl.col("core").str.contains(_GROUPED))
        .then(pl.col("core").str.replace_all(r"[ '’]", ""))
        .otherwise("core")
    )
    frame = frame.with_columns(core=bare)
    digits = pl.col("core").str.contains(r"\d")
    factor = pl.col("unit").replace_strict(_UNITS, default=1.0, return_dtype=pl.Float64).fill_null(1.0)
    sign = pl.when("negative").then(-1.0).otherwise(1.0)
    point = pl.when(digits & pl.col("core").str.contains(_POINT)).then(
        pl.col("core").str.replace_all(",", "", literal=True)
    )
    comma = pl.when(digits & pl.col("core").str.contains(_COMMA)).then(_pointed(pl.col("core")))
    return frame.select(
        *(
            (value.cast(pl.Float64, strict=False) * factor * sign).alias(n)
            for n, value in (("point", point), ("comma", comma))
        ),
        "unit",
        "core",
    )


def _choose(column: Column, frame: pl.DataFrame) -> tuple[str, list[Finding]]:
    if column.formats:
        return ("point" if is_plain(column.formats) else "comma"), []
    alone = {
        "point": frame.filter(pl.col("point").is_not_null() & pl.col("comma").is_null()),
        "comma": frame.filter(pl.col("comma").is_not_null() & pl.col("point").is_null()),
    }
    weight = {name: int(rows["n"].sum()) for name, rows in alone.items()}
    unlike = frame.filter((pl.col("point") != pl.col("comma")).fill_null(value=False))
    best = "point" if weight["point"] >= weight["comma"] else "comma"
    against = "comma" if best == "point" else "point"
    if weight[against]:
        if weight[against] > (1 - SHARE) * (weight[best] + weight[against]):
            raise _two_readings(column, alone["point"]["text"][0], alone["comma"]["text"][0], unlike)
    elif not weight[best] and unlike.height and not _commas_group(frame, unlike):
        example = unlike["text"][0]
        raise _two_readings(column, example, example, unlike)
    if best == "comma":
        example = alone["comma"]["text"][0]
        return best, [
            column.note(
                f"Read with a decimal comma: only this reading fits all its numbers, as '{example}' shows.",
                f"Declare it to be sure: {column.line_for(COMMA)}",
            )
        ]
    return best, []


def _commas_group(frame: pl.DataFrame, unlike: pl.DataFrame) -> bool:
    """Whether thousands commas are the only question (`1,054`), or long bare digits show that points never group."""
    dots = unlike["core"].str.contains(".", literal=True)
    if not dots.any():
        return True
    return bool(dots.all() and frame["core"].str.contains(r"^\d{4,}$").fill_null(value=False).any())


def _two_readings(column: Column, point: str, comma: str, unlike: pl.DataFrame) -> AmbiguousError:
    said = f"'{point}' has a decimal point, '{comma}' a decimal comma."
    if unlike.height:
        text, as_point, as_comma = unlike.select("text", "point", "comma").row(0)
        said = f"'{text}' is {as_point:g} with a decimal point and {as_comma:g} with a decimal comma."
    lines = (column.line_for(POINT), column.line_for(COMMA))
    return AmbiguousError(
        f"The numbers of column {column.where} have two readings and nothing says which is meant.",
        why=said,
        fix=f"Say which in the field map of {column.table}: {' or '.join(lines)}",
        lines=lines,
    )


def _refuse_hopeless(column: Column, frame: pl.DataFrame) -> None:
    filled = frame.filter(pl.col("text").is_not_null())
    if int(filled["n"].sum()) < HOPELESS or filled["number"].count():
        return
    examples = ", ".join(f"'{text[:40]}'" for text in filled["text"].head(3))
    raise InputError(
        f"Column {column.where} holds no numbers.",
        why=f"None of its {int(filled['n'].sum())} values is one: {examples}.",
        fix="Map another column.",
    )


def _answers(column: Column, frame: pl.DataFrame) -> pl.DataFrame:
    whole = column.dtype.is_integer()
    number = pl.when(pl.col("number").abs() <= _HIGHEST).then("number")
    value = (pl.when(number == number.round()).then(number) if whole else number).cast(column.dtype, strict=False)
    kind = " is not a whole number that fits here" if whole else " is not a number"
    bad = pl.col("text").is_not_null() & pl.col("value").is_null()
    negative = (pl.col("value") < 0).fill_null(value=False)
    return frame.with_columns(value=value).select(
        "raw",
        value=pl.when(~negative).then("value"),
        code=pl.when(bad).then(pl.lit("bad_number")).when(negative).then(pl.lit("negative_amount")),
        why=pl.when(bad).then(shown("text") + kind).when(negative).then(shown("text") + " is negative"),
    )

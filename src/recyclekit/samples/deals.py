"""deals.csv of the invented company, as its sales people left it: a row of text per deal."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from recyclekit.samples import company, voices
from recyclekit.samples.lives import Life

DAY = "%Y/%m/%d"
_WAYS = {
    "picklist": 40,
    "picklist and note": 10,
    "either": 4,
    "unmapped": 3,
    "text": 27,
    "note": 6,
    "unclear": 4,
    "nothing": 6,
}
"""How often a reason is told in which way, in parts of a hundred."""
_FULLWIDTH = str.maketrans("0123456789,", "０１２３４５６７８９，")  # as typed with a Japanese keyboard


def deal_row(rng: Random, life: Life, as_of: date) -> tuple[str, ...]:
    """Return the cells of one deal, in the order of company.DEAL_COLUMNS."""
    product = rng.choice(voices.module(life.language).PRODUCTS)
    reason, note = _lost_texts(rng, life)
    approach_on, approach_by, hook = _handed_over(rng, life, as_of)
    rival, contract_end = _rival(rng, life)
    touched = life.last_contact or life.created
    return (
        life.id,
        f"{life.account.name} {product}",
        life.account.id,
        life.account.name,
        life.contact,
        rng.choices(company.PIPELINES, (75, 25))[0],
        _stage(rng, life),
        str({"won": 100, "lost": 0}.get(life.fate, rng.randrange(10, 95, 5))),
        _money(rng, life),
        company.CURRENCIES[life.account.country],
        rng.choice(company.FIELD_REPS),
        product,
        rng.choice(company.SOURCES),
        rng.choice(company.INDUSTRIES),
        f"{life.created:{DAY}}",
        f"{life.closed:{DAY}}",
        f"{min(as_of, touched + timedelta(days=rng.randint(0, 30))):{DAY}}",
        f"{touched:{DAY}}" if life.last_contact and rng.random() < 0.7 else "",
        reason,
        note,
        approach_on,
        approach_by,
        hook,
        rival,
        contract_end,
        rng.choices(("", "1", "2", "3"), (55, 15, 18, 12))[0],
    )


def _stage(rng: Random, life: Life) -> str:
    stages = {"won": company.WON_STAGES, "lost": company.LOST_STAGES}.get(life.fate, company.OPEN_STAGES)
    return rng.choice(stages)


def _money(rng: Random, life: Life) -> str:
    text = f"{life.amount:,}"
    draw = rng.random()
    if draw < 0.03:
        return ""
    if life.account.country != "JP":
        return f"{text}.00"
    return f"¥{text}" if draw < 0.06 else text.translate(_FULLWIDTH) if draw < 0.08 else text


def _lost_texts(rng: Random, life: Life) -> tuple[str, str]:
    """Return reason and note: a picklist value, a free text in either place, nothing, or something unclear."""
    if life.reason is None:
        return "", ""
    in_english = life.language == "en"
    way = rng.choices(list(_WAYS), list(_WAYS.values()))[0]
    told = voices.reason(rng, life.language, life.reason, life.closed.year)
    return {
        "picklist": (company.PICKLIST[life.reason][in_english], ""),
        "picklist and note": (company.PICKLIST[life.reason][in_english], told),
        "either": (list(company.AMBIGUOUS_PICKLIST)[in_english], ""),
        "unmapped": (company.UNMAPPED_PICKLIST[in_english], ""),
        "text": (told, ""),
        "note": ("", told),
        "unclear": (voices.ambiguous(rng, life.language), ""),
        "nothing": ("", ""),
    }[way]


def _handed_over(rng: Random, life: Life, as_of: date) -> tuple[str, str, str]:
    """Return the three fields on loss, as far as the sales people filled them in."""
    if life.fate not in ("lost", "stalled") or rng.random() > 0.22:
        return "", "", ""
    when = as_of + timedelta(days=rng.randint(5, 160)) if rng.random() < 0.7 else life.closed - timedelta(days=30)
    who = rng.choice(company.INSIDE_SALES + company.FIELD_REPS[:3])
    return (
        f"{when:{DAY}}" if rng.random() < 0.85 else "",
        who if rng.random() < 0.7 else "",
        voices.hook(rng, life.language, as_of.year) if rng.random() < 0.75 else "",
    )


def _rival(rng: Random, life: Life) -> tuple[str, str]:
    if life.reason != "competitor":
        return "", ""
    ends = life.closed + timedelta(days=rng.choice((365, 730, 1095)) + rng.randint(-20, 40))
    rival = rng.choice(voices.module(life.language).RIVALS) if rng.random() < 0.7 else ""
    return rival, f"{ends:{DAY}}" if rng.random() < 0.45 else ""

"""What the CRM logged around each invented deal: activities, signals and the history of its fields."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from random import Random

from recyclekit.samples import company
from recyclekit.samples.lives import Life

MINUTE = "%Y-%m-%d %H:%M"
_HUMAN = (("電話", 40), ("メール", 36), ("訪問", 14), ("メモ", 10))
_SUBJECTS = {"電話": "架電", "メール": "Re: ご提案の件", "訪問": "打ち合わせ", "メモ": "社内メモ"}


def activity_rows(rng: Random, life: Life, as_of: date) -> Iterator[tuple[str, ...]]:
    """Yield a deal's logged activities: human ones up to its last contact, then noise that must not move the clock."""
    if life.last_contact is None:
        return
    span = (life.last_contact - life.created).days
    days = sorted({*(rng.randint(0, span) for _ in range(rng.randint(0, 5))), span})
    for n, day in enumerate(days, 1):
        kind = rng.choices([k for k, _ in _HUMAN], [w for _, w in _HUMAN])[0]
        yield _activity(rng, life, f"{n}", kind, life.created + timedelta(days=day))
    if rng.random() < 0.30:
        later = min(as_of, life.last_contact + timedelta(days=rng.randint(5, 200)))
        yield _activity(rng, life, "m", "一斉メール", later, automatic=True, bulk=f"BULK-{later:%Y%m}")
    if rng.random() < 0.10:
        yield _activity(rng, life, "w", "メール", as_of - timedelta(days=rng.randint(0, 20)), automatic=True)
    if life.fate in ("open", "stalled") and rng.random() < 0.18:
        yield _activity(rng, life, "t", "タスク", as_of + timedelta(days=rng.randint(1, 90)), done=False)


def signal_rows(rng: Random, life: Life, as_of: date) -> Iterator[tuple[str, ...]]:
    """Yield signs of interest that machines saw, for some of the deals that nobody works on."""
    if life.fate not in ("lost", "stalled") or rng.random() > 0.18:
        return
    for _ in range(rng.choices((1, 2, 5), (60, 30, 10))[0]):
        kind = rng.choices(("open", "click", "visit", "download", "form", "question"), (40, 30, 18, 7, 3, 2))[0]
        yield life.contact, life.id, kind, _at(rng, as_of - timedelta(days=rng.randint(0, 45)))


def history_rows(rng: Random, life: Life) -> Iterator[tuple[str, ...]]:
    """Yield how the deal's stage changed, oldest first."""
    span = (min(life.closed, life.last_contact or life.created) - life.created).days
    days = sorted(rng.randint(0, max(0, span)) for _ in range(rng.randint(1, 3)))
    for day, stage in zip([0, *days], company.OPEN_STAGES[::2], strict=False):
        yield life.id, "deal_stage", stage, _at(rng, life.created + timedelta(days=day))
    if life.fate in ("won", "lost"):
        stages = company.WON_STAGES if life.fate == "won" else company.LOST_STAGES
        yield life.id, "deal_stage", stages[0], _at(rng, life.closed, hour=19)


def _activity(
    rng: Random,
    life: Life,
    suffix: str,
    kind: str,
    day: date,
    *,
    automatic: bool = False,
    bulk: str = "",
    done: bool = True,
) -> tuple[str, ...]:
    # A third is logged on the person only, as mail plug-ins do: those join by contact.
    deal_id = life.id if rng.random() < 0.67 or kind == "タスク" else ""
    return (
        f"{life.id}-{suffix}",
        deal_id,
        life.contact,
        kind,
        _at(rng, day),
        _SUBJECTS.get(kind, "ニュースレター" if bulk else "フォロー"),
        "true" if automatic else "false",
        bulk,
        "true" if done else "false",
        "" if automatic else rng.choice(company.FIELD_REPS),
    )


def _at(rng: Random, day: date, hour: int | None = None) -> str:
    moment = datetime.combine(day, time(rng.randint(9, 18) if hour is None else hour, rng.randint(0, 59)))
    return f"{moment:{MINUTE}}"

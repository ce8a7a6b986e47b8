"""The life of each invented deal: how it stands today and when what happened, before anything is written as text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from recyclekit.samples import voices
from recyclekit.samples.market import Account

FATES = {"won": 35, "lost": 25, "stalled": 19, "open": 19, "undated": 2}
"""How many deals of a hundred stand how, on the day of the export."""
STALLED_AFTER_DAYS = 60


@dataclass(frozen=True, slots=True)
class Life:
    """One deal's dates and truths. `last_contact` is the last human one; None where nobody logged any."""

    id: str
    account: Account
    contact: str
    fate: str
    created: date
    closed: date
    last_contact: date | None
    amount: int
    reason: str | None

    @property
    def language(self) -> str:
        """The language in which its owner writes; one in eight differs from the company's."""
        return "en" if self.account.language == "en" or int(self.id[-3:]) % 8 == 0 else "ja"


def live(rng: Random, deal_id: str, account: Account, contact: str, as_of: date) -> Life:
    """Return a deal's life, ending as it stands on the day of the export."""
    fate = rng.choices(list(FATES), list(FATES.values()))[0]
    lead_days = min(400, max(5, round(rng.lognormvariate(4.0, 0.6))))
    if fate in ("won", "lost"):
        closed = as_of - timedelta(days=round(rng.triangular(2, 460, 60)))
        created, last_contact = closed - timedelta(days=lead_days), closed - timedelta(days=rng.randint(0, 12))
    else:
        silent = _silent_days(rng, fate)
        last_contact = as_of - timedelta(days=silent)
        created = last_contact - timedelta(days=rng.randint(3, 120))
        closed = as_of + timedelta(days=rng.randint(-90, 150))
    return Life(
        id=deal_id,
        account=account,
        contact=contact,
        fate=fate,
        created=created,
        closed=max(closed, created),
        last_contact=None if fate == "undated" else max(last_contact, created),
        amount=_amount(rng, account.country),
        reason=rng.choices(list(voices.WEIGHTS), list(voices.WEIGHTS.values()))[0] if fate == "lost" else None,
    )


def _silent_days(rng: Random, fate: str) -> int:
    if fate == "open":
        return rng.randint(0, STALLED_AFTER_DAYS - 1)
    return min(420, STALLED_AFTER_DAYS + int(rng.expovariate(1 / 75)))


def _amount(rng: Random, country: str) -> int:
    """Whole units of the account's currency, round as prices are."""
    yen = rng.lognormvariate(14.3, 0.9)
    return max(50, round(yen / 10_000)) * 10_000 if country == "JP" else max(5, round(yen / 150 / 100)) * 100

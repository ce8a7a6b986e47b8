"""The invented market: accounts, their contacts, and which deal belongs to whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from recyclekit.samples import company, names


@dataclass(frozen=True, slots=True)
class Account:
    """A company that the invented one sells to."""

    id: str
    name: str
    country: str
    language: str
    contacts: tuple[str, ...]


Rows = list[tuple[str, ...]]


def build_accounts(rng: Random, count: int, as_of: date) -> tuple[list[Account], Rows, Rows]:
    """Return the accounts, and the rows of accounts.csv and contacts.csv."""
    by_language = {language: names.companies(rng, language) for language in ("ja", "en")}
    accounts, account_rows, contact_rows = [], Rows(), Rows()
    for number in range(1, count + 1):
        country = rng.choices(("JP", "US", "DE"), (68, 22, 10))[0]
        language = "ja" if country == "JP" else "en"
        account_id = f"A-{number:05d}"
        contacts = tuple(f"C-{number:05d}-{n}" for n in range(1, rng.choices((1, 2, 3), (70, 22, 8))[0] + 1))
        account = Account(account_id, next(by_language[language]), country, language, contacts)
        accounts.append(account)
        account_rows.append(_account_row(rng, account, as_of))
        contact_rows.extend(_contact_row(rng, account, contact, number) for contact in contacts)
    return accounts, account_rows, contact_rows


def deal_out(rng: Random, accounts: Sequence[Account], deals: int) -> list[tuple[Account, str]]:
    """Return an account and a contact per deal: most companies have one deal, some have several."""
    places = [rng.choice(accounts) if rng.random() < 0.15 else accounts[n % len(accounts)] for n in range(deals)]
    return [(account, rng.choice(account.contacts)) for account in places]


def _account_row(rng: Random, account: Account, as_of: date) -> tuple[str, ...]:
    calendars, weights = zip(*company.FISCAL_YEARS[account.country], strict=True)
    ends = as_of + timedelta(days=rng.randint(30, 900)) if rng.random() < 0.2 else None
    return (
        account.id,
        account.name,
        account.country if rng.random() > 0.03 else "",
        company.ZONES[account.country] if rng.random() > 0.2 else "",
        rng.choices(calendars, weights)[0],
        f"{ends:%Y/%m/%d}" if ends else "",
    )


def _contact_row(rng: Random, account: Account, contact: str, number: int) -> tuple[str, ...]:
    titles = ("部長", "課長", "担当", "役員") if account.language == "ja" else ("Head", "Manager", "Specialist", "VP")
    return (
        contact,
        account.id,
        names.person(rng, account.language),
        names.mail(rng, account.language, number),
        rng.choice(titles),
        "true" if rng.random() < 0.05 else "false",
        "true" if rng.random() < 0.04 else "false",
    )

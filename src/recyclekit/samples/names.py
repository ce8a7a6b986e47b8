"""Names of companies and people that cannot exist: built from words that say so."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

_JA_FAKE = ("架空", "みほん", "例示", "サンプル", "ためし", "ひながた", "ダミー", "仮名", "もしも", "模擬")
_JA_TRADE = (
    "精機", "物流", "食品", "電子", "化学", "建設", "商事", "製薬", "印刷", "保険", "システム", "運輸", "酒造",
    "観光", "不動産", "金属", "繊維", "通信",
)  # fmt: skip
_JA_PLACE = ("", "東", "西", "北", "南", "中央", "新", "第一", "第二")
_EN_FAKE = ("Example", "Placeholder", "Fictional", "Specimen", "Sample", "Imaginary", "Pretend", "Nowhere", "Notional")
_EN_TRADE = (
    "Logistics", "Foods", "Electronics", "Chemicals", "Builders", "Trading", "Pharma", "Printing", "Insurance",
    "Systems", "Metals", "Textiles", "Telecom", "Travel", "Estates", "Tools",
)  # fmt: skip
_EN_FORM = ("Inc.", "Ltd.", "LLC", "K.K.", "Group", "GmbH", "Co.", "Partners")

_JA_FAMILY = ("例田", "見本", "仮野", "架山", "試川", "模原", "雛形", "空村", "某島", "無名")
_JA_GIVEN = ("太郎", "花子", "一郎", "さくら", "次郎", "ゆい", "健", "葵", "誠", "恵")
_EN_FAMILY = ("Sample", "Example", "Specimen", "Placeholder", "Nobody", "Someone", "Fictive", "Mockup")
_EN_GIVEN = ("Alex", "Robin", "Sam", "Kim", "Chris", "Jo", "Lee", "Pat", "Terry", "Morgan")


def companies(rng: Random, language: str) -> Iterator[str]:
    """Yield company names, each once, in a random order; numbered after the combinations are used up."""
    if language == "ja":
        names = [f"株式会社{p}{f}{t}" for p in _JA_PLACE for f in _JA_FAKE for t in _JA_TRADE]
    else:
        names = [f"{f} {t} {form}" for f in _EN_FAKE for t in _EN_TRADE for form in _EN_FORM]
    rng.shuffle(names)
    yield from names
    number = 2
    while True:
        yield from (f"{name} {number}" for name in names)
        number += 1


def person(rng: Random, language: str) -> str:
    """Return a person's name."""
    if language == "ja":
        return f"{rng.choice(_JA_FAMILY)} {rng.choice(_JA_GIVEN)}"
    return f"{rng.choice(_EN_GIVEN)} {rng.choice(_EN_FAMILY)}"


def mail(rng: Random, language: str, number: int) -> str:
    """Return a mail address in a domain reserved for examples."""
    domain = "example.jp" if language == "ja" else "example.com"
    return f"{rng.choice(_EN_GIVEN).lower()}.{number:05d}@{domain}"

"""What the other side said is kept without addresses and telephone numbers, and short."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recyclekit.ledger.remark import LONGEST, remark


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("taro.yamada@example.co.jp bounced", "<address> bounced"),
        ('owner "Taro <taro@example.jp>" is unknown', 'owner "Taro <<address>>" is unknown'),
        ("call +81 3-1234-5678 first", "call <number> first"),
        ("call (03) 1234 5678", "call <number>"),
        ("call (03)1234-5678 or 03(1234)5678", "call <number> or <number>"),
        ("０３－１２３４－５６７８ 不正", "<number> 不正"),
        ("call +81312345678, not 09012345678", "call <number>, not <number>"),
        ("no user hanako.yamada%40example.co.jp", "no user <address>"),
        ("hanako＠example.co.jp は不正", "<address> は不正"),
        ("due 2026-01-05 is past", "due 2026-01-05 is past"),
        ("after 2026-01-05 (see 2026/01/06)", "after 2026-01-05 (see 2026/01/06)"),
        ("deal 12345678901 not found", "deal 12345678901 not found"),
        ("", None),
        (None, None),
    ],
)
def test_addresses_and_numbers_are_taken_out(said: str | None, kept: str | None) -> None:
    assert remark(said) == kept


@given(st.text(max_size=600), st.emails())
def test_a_remark_is_short_and_names_nobodys_address(said: str, address: str) -> None:
    kept = remark(f"{said} {address} {said}")
    assert kept is None or (len(kept) <= LONGEST and address not in kept)

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
        ("due 2026-01-05 is past", "due 2026-01-05 is past"),
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

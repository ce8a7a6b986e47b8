"""Ids have the vendor's shape: 15 characters that know upper from lower case, 18 that need not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recyclekit.testing.sandbox.salesforce import ids


@pytest.mark.parametrize(
    "whole",
    ["0014S000007NxgWQAS", "00Q4S000002sSacUAE", "0054S000000JFmhQAG", "003q000000KvQ1tAAF", "a00D0000008pQRAIA2"],
)
def test_the_check_letters_are_those_of_ids_that_the_vendor_gave(whole: str) -> None:
    assert ids.full(whole[:15]) == whole
    assert ids.full(whole) == whole


@given(numbers=st.lists(st.integers(1, 62**6 - 1), unique=True, min_size=2))
def test_ids_are_different_valid_and_sort_as_their_numbers(numbers: list[int]) -> None:
    made = [ids.make("006", number) for number in sorted(numbers)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(ids.full(each) == each and ids.full(each[:15]) == each for each in made)


@pytest.mark.parametrize(
    "text", ["", "006", "0065e000000000", "0065e0000000001AA!", "0065e0000000001AAB", "0065e000000000é"]
)
def test_what_is_no_id_is_none(text: str) -> None:
    assert ids.full(text) is None

"""Names of deals and keys become a choice; a name that the run does not know is told with what comes nearest."""

from __future__ import annotations

import polars as pl
import pytest

from recyclekit.errors import ConfigError
from recyclekit.models.choice import EVERYTHING, Choice, chosen

ACTIONS = pl.DataFrame(
    {
        "key": ["main:D1:1:fields:r1", "main:D1:1:first", "main:D2:1:first", "main:D3:1:first", "main:D4:1:first"],
        "deal_id": ["D1", "D1", "D2", "D3", "D4"],
        "state": ["failed", "planned", "in_doubt", "done", "sent"],
    }
)


def test_nothing_named_means_everything_and_asks_the_ledger_nothing() -> None:
    assert chosen(lambda: pytest.fail("asked")) is EVERYTHING


def test_a_deal_stands_for_all_its_writes_that_are_left_and_a_key_for_one() -> None:
    choice = chosen(lambda: ACTIONS, only=["D1"], drop=["main:D2:1:first"])
    assert choice.only == {"main:D1:1:fields:r1", "main:D1:1:first"}
    assert choice.drop == {"main:D2:1:first"}
    assert choice.wants("main:D1:1:first")
    assert not choice.wants("main:D2:1:first")


def test_naming_only_what_to_drop_sends_nothing() -> None:
    choice = chosen(lambda: ACTIONS, drop=["all"])
    assert choice.only == frozenset()
    assert len(choice.drop) == 4
    assert not choice.is_whole


def test_only_what_is_in_doubt_can_be_said_to_stand_there() -> None:
    assert chosen(lambda: ACTIONS, written=["D2", "D4"]).written == {"main:D2:1:first", "main:D4:1:first"}
    with pytest.raises(ConfigError, match="not in doubt: failed, planned"):
        chosen(lambda: ACTIONS, written=["D1"])


def test_a_name_that_the_run_does_not_know_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no write of 'D22'.*D2"):
        chosen(lambda: ACTIONS, only=["D22"])
    with pytest.raises(ConfigError, match=r"nothing to decide about 'D3'.*done"):
        chosen(lambda: ACTIONS, drop=["D3"])


def test_looking_up_without_sending_is_no_whole_attempt() -> None:
    assert not Choice(send=False).is_whole
    assert EVERYTHING.is_whole

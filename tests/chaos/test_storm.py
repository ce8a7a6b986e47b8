"""Ten thousand records through a storm, for each vendor: nothing lost, nothing twice, nothing falsely done."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.chaos.storm import weather

SEED = 20261122
RECORDS = 10_000


@pytest.mark.parametrize("vendor", ["hubspot", "salesforce"])
def test_a_storm_loses_nothing_and_doubles_nothing(
    vendor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    found = weather(vendor, RECORDS, SEED, tmp_path, waits)
    print(found.told)
    assert found.struck > 0.08, "no storm"
    assert found.outcome.sums_close, found.told
    assert (found.outcome.unsent, len(found.outcome.in_doubt)) == (0, 0), found.told
    assert set(found.refused) == found.poisoned, found.told
    assert all(code and field for code, field in found.refused.values()), found.refused
    assert found.bare == found.poisoned, f"{found.told}: lost, or falsely done"
    assert set(found.tasks.values()) == {1}, f"{found.told}: written twice"
    left_out = {a.key for a in found.actions if a.step and a.deal_id not in found.poisoned} - set(found.tasks)
    assert not left_out, f"{found.told}: lost tasks"
    assert found.calls <= 1.5 * found.clear, found.told

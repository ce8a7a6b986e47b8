from __future__ import annotations

import polars as pl
import pytest

from recyclekit.policy.hooks import is_vague
from recyclekit.policy.loader import load_policy

VAGUE = load_policy("standard").spec.three_fields.vague_hooks


@pytest.mark.parametrize(
    ("hook", "vague"),
    [
        ("How is it going?", True),
        ("ＨＯＷ ＩＳ ＩＴ ＧＯＩＮＧ？", True),
        ("How's it going", True),
        ("just checking in...", True),
        ("その後いかがでしょうか？", True),
        ("その後 いかがですか。", True),
        ("状況確認", True),
        ("新機能の見積もりをお持ちする", False),
        ("How is it going with the SSO pilot in Osaka?", False),
        ("来期予算の状況確認", False),
        (None, None),
    ],
)
def test_a_hook_that_says_nothing_is_vague(hook: str | None, vague: bool | None) -> None:
    frame = pl.DataFrame({"hook": [hook]}, schema={"hook": pl.String})
    assert frame.select(is_vague(pl.col("hook"), VAGUE))["hook"].item() is vague

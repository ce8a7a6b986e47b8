"""Is a hook worth a call? "How is it going?" is not: the vague ones are named in the policy."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

_NOISE = r"[\s\p{P}\p{S}]+"


def is_vague(hook: pl.Expr, vague_hooks: Sequence[str]) -> pl.Expr:
    """Return whether a hook is one of the vague ones, compared as `plain` text; null where there is no hook."""
    vague = pl.DataFrame({"hook": vague_hooks}, schema={"hook": pl.String}).select(plain(pl.col("hook")))["hook"]
    return plain(hook).is_in(vague.to_list())


def plain(text: pl.Expr) -> pl.Expr:
    """Return text as it is compared: NFKC, lower case, letters and digits only."""
    return text.str.normalize("NFKC").str.to_lowercase().str.replace_all(_NOISE, "")

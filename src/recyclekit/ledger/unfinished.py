"""Which runs stopped before their end, and what is left of them: asked of either store in the same words."""

from __future__ import annotations

from recyclekit.ledger.states import DOUBT, RUN_BITS

_FIRST, _LAST = f"runs.run_no * {1 << RUN_BITS}", f"runs.run_no * {1 << RUN_BITS} + {(1 << RUN_BITS) - 1}"

QUERY = f"""SELECT runs.run, runs.kind,
    runs.planned - COUNT(CASE WHEN actions.state <> 'planned' THEN 1 END) AS unsent,
    COUNT(CASE WHEN actions.{DOUBT} THEN 1 END) AS in_doubt,
    COUNT(DISTINCT CASE WHEN actions.{DOUBT} THEN actions.deal_id END) AS waiting
    FROM runs LEFT JOIN actions ON actions.id BETWEEN {_FIRST} AND {_LAST}
    WHERE runs.pipeline = :pipeline AND runs.kind IN ('apply', 'undo') AND (
        runs.state IN ('running', 'aborted', 'failed')
        OR runs.run_no IN (SELECT id >> {RUN_BITS} FROM actions WHERE pipeline = :pipeline AND {DOUBT})
    ) AND NOT EXISTS (SELECT 1 FROM runs AS back WHERE back.of_run = runs.run)
    GROUP BY runs.run_no, runs.run, runs.kind, runs.planned ORDER BY runs.run_no DESC"""
"""Columns UNFINISHED of the runs of `:pipeline`, newest first. What was taken back is not told any more."""

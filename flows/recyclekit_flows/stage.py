"""How a stage becomes a task of Prefect's."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

# Results stay in memory: a deal's data has no business in Prefect's files, and a retry reads the CRM afresh.
stage = task(cache_policy=NO_CACHE, persist_result=False)

"""The case of bench_shards: parts that do nothing, by a task runner; each measured in a process of its own."""

from __future__ import annotations

import time

from prefect import task
from prefect.cache_policies import NO_CACHE

from recyclekit_flows.engines import Engine, on_runner


@task(cache_policy=NO_CACHE, persist_result=False)
def nothing(number: int) -> int:
    """Do nothing, somewhere."""
    return number


def main(engine: str, count: int) -> None:
    began = time.monotonic()
    done = on_runner(Engine(engine), nothing, [{"number": number} for number in range(count)])
    took = time.monotonic() - began
    assert all(future.state.is_completed() for future in done)
    print(took)

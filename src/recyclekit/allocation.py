"""How the allocator inside Polars (jemalloc) keeps memory: said before Polars is loaded, for it asks only once.

By itself it takes four stores of memory per processor, each of which fills up for itself, and gives back late what a
stage has let go: a million deals took an eighth more memory and, for pages taken and given back, a tenth more time.
"""

from __future__ import annotations

import os
import sys
from typing import Final

NAME: Final = "_RJEM_MALLOC_CONF"
_OF_POLARS: Final = ("dirty_decay_ms:500", "muzzy_decay_ms:1000")
"""What Polars puts in front of the variable when it is loaded, and what every process under it inherits."""


def settle() -> None:
    """Say how memory is kept, unless somebody has said it already or Polars is loaded."""
    said = [part for part in os.environ.get(NAME, "").split(",") if part and part not in _OF_POLARS]
    if not said and "polars" not in sys.modules:
        stores = max(1, _processors() // 2)
        # Pages go back to the system after a third of a second; "muzzy" ones would go on counting as ours.
        os.environ[NAME] = f"narenas:{stores},dirty_decay_ms:350,muzzy_decay_ms:0"


def _processors() -> int:
    """Return on how many processors this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

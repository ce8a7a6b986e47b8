"""What importing a package loads and calls, found out in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Collection

PROBE = """
import sys, json
CALLS = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}
def watch(event, arguments):
    if event in CALLS:
        raise RuntimeError(f"an import may not call out: {event}")
import recyclekit.connectors, recyclekit.errors, recyclekit.events
import recyclekit.models.field_map, recyclekit.models.plan, recyclekit.models.run, recyclekit.models.snapshot
before = set(sys.modules)
sys.addaudithook(watch)
__import__(sys.argv[1])
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""
"""Run with the package's name: prints the top-level modules that its import loads beyond the contract's own."""

LIGHT = frozenset({"orjson", "recyclekit", "tzdata", "zoneinfo"})
"""What the core itself brings along and loads quickly."""


def heavy(package: str, loaded: Collection[str]) -> list[str]:
    """Return what of `loaded` is neither the package's own, nor the standard library's, nor light."""
    own = package.partition(".")[0]
    fine = {own, *LIGHT, *sys.stdlib_module_names}
    return sorted(name for name in loaded if name not in fine and not name.startswith(("_", own)))

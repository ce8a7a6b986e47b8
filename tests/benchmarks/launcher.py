"""A process that holds next to nothing: starts a program, waits for it, and writes down what it took.

`python -I -S launcher.py FILE PROGRAM ARG…` writes [exit code, processor seconds, seconds on the clock, peak in MB].
"""

from __future__ import annotations

import json
import os
import sys


def main(told: str, *command: str) -> None:
    """Run the command in this process's place as parent, and tell its cost."""
    began = os.times().elapsed
    _, status, used = os.wait4(os.posix_spawn(command[0], command, os.environ), 0)
    wall = os.times().elapsed - began
    cost = (os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024)
    with open(told, "w", encoding="ascii") as file:  # noqa: PTH123  # pathlib is a third more to hold
        json.dump(cost, file)


if __name__ == "__main__":
    main(*sys.argv[1:])

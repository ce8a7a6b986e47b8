"""`--log FORMAT[:LEVEL]`, anywhere on any command line: where logs go, and how they look."""

from __future__ import annotations

from collections.abc import Sequence

OPTION = "--log"


def without_option(argv: Sequence[str]) -> tuple[list[str], str | None]:
    """Return the command line without `--log`, and what it says; the last one counts.

    Raises:
        ConfigError: nothing stands behind it.
    """
    left, wish = list(argv), None
    while (place := _place(left)) is not None:
        name, is_one, value = left.pop(place).partition("=")
        if not is_one:
            if place >= len(left):
                from recyclekit.errors import ConfigError

                raise ConfigError(f"{name} wants a format.", fix="Write it like: recyclekit --log json plan")
            value = left.pop(place)
        wish = value
    return left, wish


def _place(argv: Sequence[str]) -> int | None:
    end = argv.index("--") if "--" in argv else len(argv)
    return next((n for n, word in enumerate(argv[:end]) if word.partition("=")[0] == OPTION), None)

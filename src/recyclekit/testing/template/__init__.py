"""The template of a connector's package, and what makes one of it."""

from __future__ import annotations

import re
from pathlib import Path

from recyclekit import __version__
from recyclekit.errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def new_connector(name: str, folder: Path) -> Path:
    """Write a package `recyclekit-NAME` into a folder of that name, and return it.

    Raises:
        ConfigError: the name is none, the folder holds something already, or copier is not installed.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is no name for a connector.", fix="Use lower-case letters, digits and hyphens.")
    home = folder / f"recyclekit-{name}"
    if home.exists() and any(home.iterdir()):
        raise ConfigError(f"{home} is not empty.", fix="Choose another folder with --out, or empty it.")
    try:
        from copier import run_copy
    except ImportError as error:
        raise ConfigError("The template needs copier.", fix="pip install 'recyclekit[testing]'") from error
    core = ".".join(__version__.split(".")[:2])
    run_copy(str(Path(__file__).parent), home, data={"name": name, "core": core}, defaults=True, quiet=True)
    return home

"""A file that is there whole or not at all, whenever somebody looks and wherever its writer was killed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def write_whole(path: Path, write: Callable[[Path], T], *, private: bool = False) -> T:
    """Write a file beside its place, make sure that it is on the disk, then give it its name.

    Args:
        path: of the file; what is there already stays as it is until the new one is whole. Its folder is there.
        write: writes to the path that it is given, which has the same ending; what it returns is returned.
        private: only its owner may read it; else whoever the process's umask lets.

    Raises:
        OSError: it cannot be written, or what `write` raises; nothing is left of it.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{path.suffix}")
    handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    try:
        answer = write(part)
        os.fsync(handle)
        part.replace(path)
        return answer
    finally:
        os.close(handle)
        part.unlink(missing_ok=True)

"""Folders that a process needs only while it lives: gone when it ends or, if it was killed, with the next run."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nobody can tell there whether a folder's process lives, so what is left is left
    fcntl = None  # type: ignore[assignment]  # no such module there

_PREFIX = "recyclekit-"
_LOCK = ".alive"
_held: dict[Path, tuple[int, int]] = {}  # whose, and the open lock


def own_folder(*, needed: bool = True) -> Path:
    """Return a new folder among the temporary files which nobody else may read; `give_back` removes it.

    It holds a lock as long as this process lives, by which `sweep` tells it from what a killed one left.

    Args:
        needed: or else return the name of one that could not be made: whoever comes to write there will say so.

    Raises:
        OSError: it cannot be made.
    """
    try:
        return _made()
    except OSError:
        if needed:
            raise
    return Path(tempfile.gettempdir()) / f"{_PREFIX}{secrets.token_hex(8)}"


def _made() -> Path:
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        part = folder / f"{_LOCK}.new"
        number = os.open(part, os.O_RDWR | os.O_CREAT, 0o600)
        if fcntl is not None:
            fcntl.flock(number, fcntl.LOCK_EX)
        part.rename(folder / _LOCK)  # locked before anybody can see it
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _held[folder] = (os.getpid(), number)
    return folder


def give_back(folder: Path) -> None:
    """Remove a folder of this process; one that it inherited, as a fork does, is left alone."""
    owner, number = _held.get(folder, (0, 0))
    if owner == os.getpid():
        shutil.rmtree(folder, ignore_errors=True)
        os.close(number)
        del _held[folder]


def sweep() -> int:
    """Remove what processes of this user left that were killed; return how many folders went."""
    if fcntl is None:
        return 0
    try:
        with os.scandir(tempfile.gettempdir()) as entries:  # there may be thousands, hardly any of them ours
            ours = [Path(entry.path, _LOCK) for entry in entries if entry.name.startswith(_PREFIX)]
    except OSError:  # a folder that may be written in, but not listed
        return 0
    return sum(_removed(lock) for lock in ours)


def _removed(lock: Path) -> bool:
    try:
        number = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:  # another user's, or just gone
        return False
    try:
        if os.fstat(number).st_uid != os.getuid() or lock.parent.is_symlink():
            return False
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(lock.parent, ignore_errors=True)
    except BlockingIOError:  # its process lives
        return False
    finally:
        os.close(number)
    return True

"""A file appears whole or not at all, readable for whom it should be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from recyclekit.whole_file import write_whole


@pytest.fixture
def umask() -> Iterator[int]:
    """What a careful administrator has set."""
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


@pytest.mark.parametrize(("private", "mode"), [(False, 0o640), (True, 0o600)])
@pytest.mark.usefixtures("umask")
def test_a_file_is_readable_for_whom_the_umask_lets_or_for_its_owner_alone(
    tmp_path: Path, private: bool, mode: int
) -> None:
    file = tmp_path / "plan.json"

    write_whole(file, lambda part: part.write_text("{}", encoding="utf-8"), private=private)

    assert file.read_text(encoding="utf-8") == "{}"
    assert file.stat().st_mode & 0o777 == mode


def test_what_cannot_be_finished_leaves_the_older_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text("older", encoding="utf-8")

    def write(part: Path) -> None:
        part.write_text("half", encoding="utf-8")
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        write_whole(file, write)

    assert file.read_text(encoding="utf-8") == "older"
    assert list(tmp_path.iterdir()) == [file]

"""What the tests of CSV files share: writing a file byte by byte, opening it, reading it back as rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from recyclekit.connectors.csv.opened import OpenedFile, open_file


def put(path: Path, content: bytes | str, encoding: str = "utf-8") -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def as_csv(rows: Sequence[Sequence[str]], separator: str = ",", end: str = "\r\n") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=end).writerows(rows)
    return text.getvalue()


def rows_of(file: OpenedFile) -> list[tuple[str | None, ...]]:
    columns = list(dict.fromkeys(column for column in file.heading.columns if column))
    return [tuple(row[1:]) for row in file.scan(columns).collect().rows()]


def lines_of(file: OpenedFile) -> list[int]:
    return file.scan([file.heading.columns[0]]).collect()["_line"].to_list()


def faults(path: Path, **options: str) -> list[tuple[int, str, str | None]]:
    return [(bad.line, bad.code, bad.column) for bad in open_file(path, **options).bad]

"""Rows that a real export would have got wrong, so that the demo shows what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence

from recyclekit.samples import company

Row = tuple[str, ...]


def bad_deal_rows(good: Sequence[Row], count: int) -> list[Row]:
    """Return `count` faulty rows made from good ones: their ids are new, but for the repeated one."""
    faults = (_impossible_date, _extra_cell, _repeated_id, _no_id, _no_money, _unreal_month)
    return [faults[n % len(faults)](good[(n * 37) % len(good)], n) for n in range(count)]


def _with(row: Row, column: str, value: str, number: int) -> Row:
    cells = dict(zip(company.DEAL_COLUMNS, row, strict=True)) | {"Deal ID": f"D-9{number:04d}"} | {column: value}
    return tuple(cells.values())


def _impossible_date(row: Row, number: int) -> Row:
    return _with(row, "Closed", "2026/02/30", number)


def _unreal_month(row: Row, number: int) -> Row:
    return _with(row, "Closed", "2026/13/05", number)


def _extra_cell(row: Row, number: int) -> Row:
    return (*_with(row, "失注メモ", "続きは", number), "右の列に書きました")


def _repeated_id(row: Row, _number: int) -> Row:
    cells = dict(zip(company.DEAL_COLUMNS, row, strict=True)) | {"失注メモ": "二重登録? / entered twice?"}
    return tuple(cells.values())


def _no_id(row: Row, number: int) -> Row:
    return _with(row, "Deal ID", "", number)


def _no_money(row: Row, number: int) -> Row:
    return _with(row, "Amount", "応相談", number)

"""What a project file may say of a CSV connection: the `settings` block."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from recyclekit.models.tables import Table

# What people call Shift JIS is Windows' superset of it: the strict one knows neither ① nor 髙.
_SUPERSETS = {"shift_jis": "cp932", "iso8859-1": "cp1252"}


class CsvSettings(BaseModel):
    """Files that stand for a CRM. Relative paths start at the project file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    deals: Path = Field(description="File of the deals, one row each, with a heading row.")
    activities: Path | None = Field(default=None, description="File of the activities (calls, mails, meetings).")
    contacts: Path | None = Field(default=None, description="File of the contacts (opt-outs, bounces).")
    accounts: Path | None = Field(default=None, description="File of the companies (country, fiscal year).")
    signals: Path | None = Field(default=None, description="File of the signs of interest (clicks, visits).")
    history: Path | None = Field(default=None, description="File of the changes of deals' fields.")
    encoding: str | None = Field(
        default=None, description="Encoding of all files, such as cp932; default: found out, file by file."
    )
    separator: str | None = Field(
        default=None, description="Character between cells; default: found out among comma, semicolon, tab and |."
    )
    quote: str = Field(default='"', description="Character around cells that hold separators; empty for none.")
    own_tables: Path | None = Field(
        default=None,
        description="Folder of what recyclekit writes (fields, tasks, enrolments); default: <deals file>.recyclekit.",
    )
    deal_id: str | None = Field(
        default=None, description="Column of the deal's id in the deals file; default: taken from the field map."
    )
    batch_size: int = Field(default=50_000, ge=1, description="Actions written together; each batch is all or nothing.")

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str | None) -> str | None:
        if name is None:
            return None
        try:
            found = codecs.lookup(name)
        except LookupError:
            raise ValueError(f"there is no encoding '{name}'; known are utf-8, cp932, euc-jp, utf-16, …") from None
        if not getattr(found, "_is_text_encoding", True):
            raise ValueError(f"'{name}' does not encode text")
        return _SUPERSETS.get(found.name, found.name)

    @field_validator("separator", "quote")
    @classmethod
    def _one_ascii_character(cls, mark: str | None) -> str | None:
        if mark and (len(mark) != 1 or not mark.isascii() or mark in "\r\n\0"):
            raise ValueError("one ASCII character is expected")
        return mark or (None if mark is None else "")

    @field_validator("separator")
    @classmethod
    def _not_empty(cls, mark: str | None) -> str | None:
        if mark == "":
            raise ValueError("one ASCII character is expected")
        return mark

    def files(self, folder: Path) -> Mapping[Table, Path]:
        """Return the files named here, by table, as full paths."""
        named = {table: getattr(self, table.value) for table in Table}
        return {table: folder / path for table, path in named.items() if path is not None}

    def own_folder(self, folder: Path) -> Path:
        """Return the folder of our own tables as a full path."""
        deals = folder / self.deals
        return folder / self.own_tables if self.own_tables else deals.with_name(f"{deals.stem}.recyclekit")

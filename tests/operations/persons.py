"""What of the sample company must appear nowhere outside its own tables: people, companies, addresses, words."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from recyclekit.project import open_project

_PRIVATE = {
    "contacts.csv": ("Name", "Mail", "Title"),
    "accounts.csv": ("Name",),
    "deals.csv": ("Deal Name", "Account Name", "失注メモ", "フック"),
    "activities.csv": ("Subject",),
}


def private_texts(folder: Path) -> set[str]:
    """Return names, addresses and texts of a sample company's tables; but for words that its policy uses, too."""
    found: set[str] = set()
    for file, columns in _PRIVATE.items():
        frame = pl.read_csv(folder / file, infer_schema=False, truncate_ragged_lines=True)
        for column in columns:
            found |= {text for text in frame[column].drop_nulls().str.strip_chars() if len(text) >= 4}
    project = open_project(folder)
    policy = project.policy(project.pipeline_name(None)).spec.model_dump_json()
    return {text for text in found if text not in policy}


def private_in(text: str, folder: Path) -> list[str]:
    """Return which private texts of a sample company appear in a text."""
    assert len(private_texts(folder)) > 100, "the sample's columns have other names now"
    return sorted(private for private in private_texts(folder) if private in text)

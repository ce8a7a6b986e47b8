"""The README tells what the settings are."""

from __future__ import annotations

from pathlib import Path

from recyclekit_tryton.settings import TrytonSettings


def test_the_readme_lists_every_setting_as_it_describes_itself() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    rows = [f"| `{name}` | {field.description} |" for name, field in TrytonSettings.model_fields.items()]
    assert "\n".join(rows) in readme

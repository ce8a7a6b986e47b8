"""The connector's page says what the code does."""

from __future__ import annotations

from pathlib import Path

from recyclekit.models.tables import OWN_FIELDS
from recyclekit_hubspot.settings import HubSpotSettings

PAGE = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_every_setting_stands_on_the_page_as_it_is_described() -> None:
    for name, field in HubSpotSettings.model_fields.items():
        told = str(field.description).replace("|", "\\|")
        assert f"| `{name}` | {told} |" in PAGE, name


def test_no_setting_stands_there_that_does_not_exist() -> None:
    table = PAGE.partition("## Settings")[2].partition("\n## ")[0]
    told = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]
    assert told == list(HubSpotSettings.model_fields)


def test_every_property_that_we_write_is_named() -> None:
    for name in (*OWN_FIELDS, "recycle_key", "lifecyclestage"):
        assert f"`{name}`" in PAGE

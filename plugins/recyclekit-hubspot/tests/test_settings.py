"""The settings of a HubSpot connection: one way in, secrets kept, every field described."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
from pydantic import SecretStr, ValidationError

from recyclekit_hubspot import MANIFEST
from recyclekit_hubspot.settings import HubSpotSettings


def settings(**more: object) -> HubSpotSettings:
    return HubSpotSettings.model_validate({"token": "pat-eu1-secret", **more})


def test_a_token_is_enough() -> None:
    assert settings().token == SecretStr("pat-eu1-secret")


@pytest.mark.parametrize(
    "given", [{}, {"token": "a", "oauth": {"client_id": "a", "client_secret": "b", "refresh_token": "c"}}]
)
def test_there_is_exactly_one_way_in(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="either a token or oauth"):
        HubSpotSettings.model_validate(given)


def test_an_empty_token_is_told() -> None:
    with pytest.raises(ValidationError, match="is its environment variable filled"):
        HubSpotSettings.model_validate({"token": "  "})


def test_a_blank_around_a_token_is_dropped() -> None:
    assert settings(token=" pat-eu1-secret\n") == settings()


@pytest.mark.parametrize("url", ["http://api.hubapi.com", "http://10.0.0.7:8080", "ftp://x", "api.hubapi.com"])
def test_a_token_does_not_travel_in_clear(url: str) -> None:
    with pytest.raises(ValidationError):
        settings(url=url)
    assert settings(url="http://127.0.0.1:8010").url == "http://127.0.0.1:8010"


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(settings())
    assert "secret" not in settings().model_dump_json()
    with pytest.raises(ValidationError) as raised:
        settings(token="pat-secret", threads=0)
    assert "pat-secret" not in str(raised.value)


def test_settings_can_be_handed_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(settings(lists={"nurture": 12}))) == settings(lists={"nurture": "12"})


def test_a_field_that_is_not_ours_is_refused() -> None:
    with pytest.raises(ValidationError, match="'recycle_trak' is no field of ours"):
        settings(own_fields={"recycle_trak": "x"})


def test_every_setting_is_described() -> None:
    for name, field in HubSpotSettings.model_fields.items():
        assert field.description, name


def test_every_capability_is_declared_and_every_lack_has_a_reason() -> None:
    from recyclekit.connectors import Capability, Level

    assert set(MANIFEST.capabilities) == set(Capability)
    for support in MANIFEST.capabilities.values():
        assert support.level is Level.FULL or support.reason


def test_the_plugin_is_found_without_loading_the_vendors_client() -> None:
    code = (
        "import sys, recyclekit_hubspot; print(sorted({'hubspot', 'urllib3', 'polars.dataframe'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'hubspot'" not in found.stdout
    assert "urllib3" not in found.stdout

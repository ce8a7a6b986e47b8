"""A ledger's address: which schema it means is never guessed, and its password is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from recyclekit import secrecy
from recyclekit.errors import ConfigError
from recyclekit.ledger import open_ledger
from recyclekit.project_file.spec import ledger_of

PASSWORD = "pa/ss:w#rd-9"


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrecy, "_known", set())


def test_a_tenant_of_a_ledger_that_names_a_schema_does_not_fall_into_one_that_all_see(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"names more than one schema: shared, tenant_acme"):
        open_ledger(ledger_of("postgresql+psycopg://host/database?schema=shared", "acme"), folder=tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://user:{PASSWORD}@host/database",
        f"postgresql+psycopg://user@host/database?sslmode=require&password={PASSWORD.replace('#', '%23')}",
    ],
)
def test_a_password_stands_in_no_message_wherever_the_address_has_it(url: str, tmp_path: Path) -> None:
    place = open_ledger(url, folder=tmp_path).store.place

    assert "pa/ss" not in place
    assert "host/database" in place
    secrecy.remember_address(url)
    assert PASSWORD not in secrecy.redact(f"connection to {url} failed: no {PASSWORD}")

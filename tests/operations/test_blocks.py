"""Story 1: credentials as Prefect blocks, one type per connector, offered by a server that has just started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recyclekit.errors import ProjectError, RemoteError
from recyclekit.project import installed_connectors, open_project
from recyclekit_flows import block_reading
from recyclekit_flows.block_reading import read
from tests.operations.company import sample_project
from tests.operations.server import PrefectServer

pytestmark = pytest.mark.prefect


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    block_reading._held.cache_clear()


@pytest.fixture
def api(prefect_sqlite: PrefectServer) -> Iterator[PrefectServer]:
    """The server, as the one that this process is told of."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: prefect_sqlite.url}):
        yield prefect_sqlite


@pytest.fixture(scope="module")
def saved(prefect_sqlite: PrefectServer) -> str:
    """A ledger block as somebody fills it in on the page Blocks."""
    document = {"name": "of-test", "data": {"url": "sqlite:///of-block.db"}, **_schema(prefect_sqlite, "ledger")}
    prefect_sqlite.post("/block_documents/", document)
    return "recyclekit-ledger/of-test"


def test_a_server_that_has_just_started_offers_a_type_for_every_connector(prefect_sqlite: PrefectServer) -> None:
    there = {one["slug"]: one for one in prefect_sqlite.post("/block_types/filter", {})}
    connectors = installed_connectors()
    assert {"csv", "hubspot", "salesforce", "tryton"} <= set(connectors)
    assert {"recyclekit-ledger", *(f"recyclekit-{name}" for name in connectors)} <= set(there)
    assert not [slug for slug in there if slug.startswith("recyclekit-") and there[slug]["logo_url"]], (
        "nobody calls out"
    )
    assert "${block:recyclekit-hubspot/main}" in there["recyclekit-hubspot"]["code_example"]


def test_every_field_is_described_and_every_secret_is_kept_as_one(prefect_sqlite: PrefectServer) -> None:
    from pydantic import SecretStr

    for name, manifest in installed_connectors().items():
        (schema,) = prefect_sqlite.post("/block_schemas/filter", _of_type(prefect_sqlite, name))[:1]
        fields = schema["fields"]
        assert set(fields["properties"]) == set(manifest.settings.model_fields), name
        assert all(one.get("description") for one in fields["properties"].values()), name
        secrets = {
            n for n, info in manifest.settings.model_fields.items() if SecretStr.__name__ in str(info.annotation)
        }
        assert secrets <= {path.partition(".")[0] for path in fields["secret_fields"]}, name


def test_a_block_is_read_by_field_and_whole(api: PrefectServer, saved: str) -> None:
    assert read(f"{saved}.url") == "sqlite:///of-block.db"
    assert read(saved) == {"url": "sqlite:///of-block.db"}


@pytest.mark.parametrize(
    ("place", "said", "fix"),
    [
        ("nonsense", "does not name a block", "recyclekit-hubspot/main.token"),
        ("recyclekit-ledger/nobody.url", "no block recyclekit-ledger/nobody", "page Blocks"),
        ("recyclekit-ledger/of-test.uri", "no field 'uri', did you mean 'url'", "Correct the name"),
        ("recyclekit-zoho/main.token", "no block recyclekit-zoho/main", "page Blocks"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_to_do(
    api: PrefectServer, saved: str, place: str, said: str, fix: str
) -> None:
    with pytest.raises(ProjectError) as caught:
        read(place)
    assert said in caught.value.what.replace(";", ",")
    assert fix in caught.value.fix


def test_a_project_takes_its_ledger_from_a_block_and_names_the_place_where_it_cannot(
    api: PrefectServer, saved: str, tmp_path: Path
) -> None:
    sample_project(tmp_path)
    path = tmp_path / "recyclekit.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("sqlite:///ledger.db", f'"${{block:{saved}.url}}"'), encoding="utf-8")
    assert open_project(tmp_path).spec.ledger == "sqlite:///of-block.db"
    path.write_text(text.replace("sqlite:///ledger.db", '"${block:recyclekit-ledger/gone.url}"'), encoding="utf-8")
    with pytest.raises(ProjectError) as caught:
        open_project(tmp_path)
    assert caught.value.what.startswith(f"{path}:4:9: there is no block recyclekit-ledger/gone")


def test_without_a_server_a_block_cannot_be_read() -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    nowhere = temporary_settings({PREFECT_API_URL: None})
    with nowhere, pytest.raises(ProjectError, match="cannot be read: No Prefect server is named"):
        read("recyclekit-ledger/of-test.url")
    silent = temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"})
    with silent, pytest.raises(RemoteError, match=r"of-test cannot be read: .*did not answer"):
        read("recyclekit-ledger/of-test.url")


def _of_type(server: PrefectServer, name: str) -> dict[str, Any]:
    (type_,) = server.post("/block_types/filter", {"block_types": {"slug": {"any_": [f"recyclekit-{name}"]}}})
    return {"block_schemas": {"block_type_id": {"any_": [type_["id"]]}}}


def _schema(server: PrefectServer, name: str) -> dict[str, str]:
    (schema, *_) = server.post("/block_schemas/filter", _of_type(server, name))
    return {"block_schema_id": schema["id"], "block_type_id": schema["block_type_id"]}

"""A Salesforce org for each test, and a plain client that says nothing of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from recyclekit.testing.sandbox import StillClock
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from tests.clients.soql import Judge, judge, statements

SEED = 20261122


@pytest.fixture(autouse=True)
def _own_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    # `requests` lets these win over what a session is told to trust
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture(scope="session")
def other_parser() -> Iterator[Judge | None]:
    """A parser that we did not write, or None where it cannot be had: the tests need not be skipped for that."""
    try:
        with judge() as running:
            yield running
    except pytest.skip.Exception:
        yield None


@pytest.fixture
def crm(clock: StillClock, other_parser: Judge | None) -> Iterator[SalesforceSandbox]:
    print(f"seed {SEED}")
    with SalesforceSandbox(seed=SEED, clock=clock) as sandbox:
        yield sandbox
    taken = statements(sandbox.journal, status=200)
    assert [each for each in taken if other_parser and not other_parser.accepts(each)] == [], "we took what is no SOQL"


class Rest:
    """Calls below the path of one API version, with a living token."""

    def __init__(self, crm: SalesforceSandbox, version: str = "67.0") -> None:
        self.crm, self.path = crm, f"/services/data/v{version}"
        self.session = requests.Session()
        self.session.verify = str(crm.ca_file)

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.crm.token}", **more.pop("headers", {})}
        whole = path if path.startswith("/services") else self.path + path
        return self.session.request(method, self.crm.url + whole, headers=headers, timeout=20, **more)

    def get(self, path: str, **params: str) -> Any:
        answer = self.call("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def query(self, statement: str, verb: str = "query") -> Any:
        return self.get(f"/{verb}", q=statement)

    def rows(self, statement: str, verb: str = "query") -> list[Any]:
        """All rows of all pages."""
        page = self.query(statement, verb)
        rows = list(page["records"])
        while not page["done"]:
            page = self.get(page["nextRecordsUrl"])
            rows += page["records"]
        assert len(rows) == page["totalSize"]
        return rows

    def refused(self, statement: str) -> tuple[str, str]:
        """The code and message by which a statement is refused."""
        answer = self.call("GET", "/query", params={"q": statement})
        assert answer.status_code == 400, answer.text
        [error] = answer.json()
        return error["errorCode"], error["message"]


@pytest.fixture
def rest(crm: SalesforceSandbox) -> Iterator[Rest]:
    client = Rest(crm)
    yield client
    client.session.close()

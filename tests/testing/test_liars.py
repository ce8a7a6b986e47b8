"""The kit bites: each liar is caught by the test that is meant for it, for the right reason; the honest one is not."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from recyclekit.connectors import ConnectorManifest
from recyclekit.errors import RecyclekitError
from recyclekit.testing import ConnectorSuite, Stand
from recyclekit.testing.proving import choose, proof_of
from recyclekit.testing.suite.room import Room
from tests.testing.liars.careless import LIARS as CARELESS
from tests.testing.liars.honest import honest
from tests.testing.liars.liar import Liar
from tests.testing.liars.reading import LIARS as READING
from tests.testing.liars.sloppy import LIARS as SLOPPY
from tests.testing.liars.telling import LIARS as TELLING
from tests.testing.liars.writing import LIARS as WRITING

LIARS = (*READING, *CARELESS, *WRITING, *SLOPPY, *TELLING)
NO_LIAR = {
    "test_a_sign_of_interest_is_read": "the toy has no such table; it runs on CSV files",
    "test_a_change_in_the_past_is_read": "the toy has no such table; it runs on CSV files",
    "test_nothing_is_left_for_later": "it accuses nobody; test_connectors_command shows what it does",
}
PAGE = 4


class OnTheToy(Room):
    """The fixtures of the suite, on the toy CRM."""

    @pytest.fixture
    def bench(self) -> Iterator[Any]:
        with honest().toy_crm.ToyCrm() as crm:
            yield honest().bench.HonestBench(crm, PAGE)

    @pytest.fixture
    def config(self, bench: Any) -> BaseModel:
        lists = {"newsletter": "L-1"}
        token = SecretStr(bench.crm.token)
        return honest().settings.HonestSettings(url=bench.crm.url, token=token, lists=lists, page_size=PAGE, timeout=5)


class TestLiars(OnTheToy):
    @pytest.fixture
    def manifest(self, liar: Liar) -> ConnectorManifest[Any]:
        return liar.make(honest())

    @pytest.mark.parametrize("liar", LIARS, ids=str)
    def test_the_test_that_is_meant_for_it_catches_it(
        self, request: pytest.FixtureRequest, stand: Stand, liar: Liar
    ) -> None:
        test, arguments = _test(request, stand, liar)
        with pytest.raises((AssertionError, pytest.fail.Exception, RecyclekitError)) as caught:
            test(**arguments)
        assert re.search(liar.says, str(caught.value)), str(caught.value)


class TestTheHonestOne(OnTheToy):
    @pytest.fixture
    def manifest(self) -> ConnectorManifest[Any]:
        return honest().manifest

    @pytest.mark.parametrize("liar", [one for one in LIARS if not one.arguments], ids=lambda liar: liar.caught_by)
    def test_the_same_test_lets_it_pass(self, request: pytest.FixtureRequest, stand: Stand, liar: Liar) -> None:
        test, arguments = _test(request, stand, liar)
        test(**arguments)


def test_no_two_liars_are_alike() -> None:
    assert len({str(liar) for liar in LIARS}) == len(LIARS) >= 10


def test_every_test_of_the_kit_has_caught_a_liar() -> None:
    tests = {name for name, test in inspect.getmembers(ConnectorSuite, inspect.isfunction) if proof_of(test)}
    assert tests - {liar.caught_by for liar in LIARS} == set(NO_LIAR)


def _test(request: pytest.FixtureRequest, stand: Stand, liar: Liar) -> tuple[Any, dict[str, object]]:
    """Return the suite's test and what it takes; it must be one that the kit chooses for this connector."""
    test = getattr(ConnectorSuite(), liar.caught_by)
    proof = proof_of(test)
    assert proof is not None
    if not liar.arguments:
        assert choose(proof, stand.manifest.capabilities, lambda: stand.anything).how == "run"
    given = dict(liar.arguments)
    wanted = inspect.signature(test).parameters
    return test, {
        name: given.get(name) or (stand if name == "stand" else request.getfixturevalue(name)) for name in wanted
    }

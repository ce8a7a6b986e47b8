"""The suite: every test of the kit, in rooms by subject. A connector's author subclasses `ConnectorSuite`."""

from __future__ import annotations

from recyclekit.testing.suite.honesty import Honesty
from recyclekit.testing.suite.other_tables import OtherTables
from recyclekit.testing.suite.people import People
from recyclekit.testing.suite.reading import Reading
from recyclekit.testing.suite.recovery import Recovery
from recyclekit.testing.suite.rereading import Rereading
from recyclekit.testing.suite.undoing import Undoing
from recyclekit.testing.suite.whole import WholeRuns
from recyclekit.testing.suite.writing import Writing

__all__ = ["ConnectorSuite"]


class ConnectorSuite(Honesty, Reading, OtherTables, Writing, Rereading, Recovery, Undoing, People, WholeRuns):
    """All tests of the kit, chosen by what the connector declares and by what its bench can do.

    A subclass whose name begins with `Test` gives two fixtures, and a third where there is a system to try it on:

        class TestMyCrm(ConnectorSuite):
            @pytest.fixture
            def manifest(self): return MANIFEST

            @pytest.fixture
            def config(self, bench): return MyCrmSettings(url=bench.url, token=bench.token)

            @pytest.fixture
            def bench(self):
                with MyCrmSandbox() as crm:
                    yield MyCrmBench(crm)      # see recyclekit.testing.bench
    """

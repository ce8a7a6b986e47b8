"""A company whose deals are in a HubSpot sandbox: faults hurt it, and its journal tells each call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recyclekit.models.plan import ActionKind
from recyclekit.models.run import Outcome
from recyclekit.testing.sandbox import Fault, FaultKind
from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from recyclekit.testing.sandbox.ready import ready
from tests.operations.stricken import AS_OF, Company

DEALS = 60
WRITES = "*/batch/*"
DAY_IS_SPENT = Fault(kind=FaultKind.STATUS, status=429, policy="DAILY", path="*/deals/batch/update", times=None)


@dataclass
class Account(Company):
    """A company whose deals are in a HubSpot sandbox."""

    crm: HubSpotSandbox

    @property
    def planned(self) -> dict[str, str]:
        """What a plan made now would write: key → deal."""
        actions = self.project.job(as_of=AS_OF).plan().actions
        return dict(actions.filter(kind=ActionKind.CREATE_TASK).select("key", "deal_id").iter_rows())

    def apply(self) -> Outcome:
        """Plan and write in this process."""
        job = self.project.job(as_of=AS_OF)
        return job.write_back(job.plan())

    def tasks(self) -> Counter[str]:
        """Return how often each of our tasks stands in the account."""
        there = [task.properties.get("recycle_key") for task in self.crm.objects["tasks"].values() if not task.archived]
        return Counter(str(key) for key in there if key)

    def written(self) -> set[str]:
        """Return the keys of the tasks, and the deals, that calls since the journal was cleared tried to write."""
        bodies = [call.json() for call in self.crm.journal.calls(WRITES, method="POST") if "/read" not in call.path]
        inputs = [one for body in bodies for one in body.get("inputs", []) if "properties" in one]
        return {str(one["properties"].get("recycle_key") or one.get("id")) for one in inputs}


@contextmanager
def opened(folder: Path) -> Iterator[Account]:
    """Yield a HubSpot account with stalled and lost deals, and a project that works on it."""
    made = ready("hubspot", deals=DEALS, seed=7, as_of=AS_OF)
    assert isinstance(made.crm, HubSpotSandbox)
    made.crm.define_own_fields()
    folder.mkdir()
    (folder / "recyclekit.yaml").write_text(made.project, encoding="utf-8")
    try:
        yield Account(folder, made.crm)
    finally:
        made.crm.stop()


def refusal(deal: str, key: str) -> Fault:
    """Let HubSpot refuse one task for ever."""
    assert deal
    return Fault(kind=FaultKind.POISON, record=key, code="VALIDATION_ERROR", field="hs_task_subject", path="*/tasks/*")

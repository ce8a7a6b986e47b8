"""CRMs that run here, speak the vendors' wire formats and can be hurt: stateful, scriptable, with a journal.

Example::

    with HubSpotSandbox(seed=1) as crm:
        crm.faults.add(Fault(kind=FaultKind.STATUS, status=429, retry_after=2, path="*/batch/update"))
        ...  # point a client at crm.url with crm.token
        assert crm.journal.count("*/batch/update") == 2
"""

from __future__ import annotations

from recyclekit.testing.sandbox.crm import SandboxCrm
from recyclekit.testing.sandbox.faults import Fault, FaultKind, Faults, read_faults
from recyclekit.testing.sandbox.journal import Call, Journal
from recyclekit.testing.sandbox.limits import DailyQuota, RollingLimit
from recyclekit.testing.sandbox.moments import StillClock
from recyclekit.testing.sandbox.routing import Router
from recyclekit.testing.sandbox.wire import Answer, Manner, NonsenseError, Request, html_answer, json_answer

__all__ = [
    "Answer",
    "Call",
    "DailyQuota",
    "Fault",
    "FaultKind",
    "Faults",
    "Journal",
    "Manner",
    "NonsenseError",
    "Request",
    "RollingLimit",
    "Router",
    "SandboxCrm",
    "StillClock",
    "html_answer",
    "json_answer",
    "read_faults",
]

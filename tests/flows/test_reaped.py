"""What the reaper does where a server does not let it mark a run; on a real server: tests/operations/test_reap."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from recyclekit import clock
from recyclekit_flows import reap
from recyclekit_flows.reap import Silent, reaped


def silent(name: str) -> Silent:
    now = clock.now()
    return Silent(flow_run=str(uuid4()), name=name, state="Running", last_sign=now, silent_seconds=900)


def test_a_run_that_cannot_be_marked_keeps_no_other_from_being_marked(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    beyond, dead = silent("beyond"), silent("dead")

    def marked(_: Any, flow_run: UUID, *__: Any, **___: Any) -> bool:
        if str(flow_run) == beyond.flow_run:
            request = httpx.Request("POST", "http://127.0.0.1/api/flow_runs/set_state")
            raise httpx.HTTPStatusError("500", request=request, response=httpx.Response(500, request=request))
        return True

    monkeypatch.setattr(reap, "_going", lambda _: [beyond, dead])
    monkeypatch.setattr(reap, "_silent", lambda _, run, __: run)
    monkeypatch.setattr(reap, "_marked", marked)
    with caplog.at_level(logging.WARNING):
        assert reaped(object(), timedelta(minutes=10)) == [dead]  # type: ignore[arg-type]  # nobody asks it
    assert f"beyond ({beyond.flow_run}) could not be marked" in caplog.text

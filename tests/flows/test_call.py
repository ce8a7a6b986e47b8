"""Calling a flow from this process: its result comes back whole, and trouble with the server is told in plain words."""

from __future__ import annotations

import socket

import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Completed, Failed

from recyclekit.errors import ExitCode, GuardError, RemoteError
from recyclekit.events import Event, StageEnded, silence
from recyclekit_flows.call import call
from recyclekit_flows.heard import hear
from recyclekit_flows.held import Held

pytestmark = pytest.mark.prefect


@flow(persist_result=False)
def ending(how: str):  # type: ignore[no-untyped-def]  # a flow for this file only
    hear(StageEnded(run="r1", stage="extract", seconds=0.1, figures={"deals": 3}))
    if how == "guard":
        return Failed(message="stopped", data=GuardError("stopped", why="too many", fix="look at the plan"))
    if how == "bug":
        raise ZeroDivisionError
    return (Failed if how == "failed" else Completed)(message=how, data=Held({"rows": 1}))


@pytest.mark.parametrize("how", ["good", "failed"])
def test_what_a_flow_ends_with_comes_back_whole_however_it_ended(api: str, how: str) -> None:
    assert call(ending, {"how": how}, silence) == {"rows": 1}


def test_the_error_that_stopped_a_flow_is_raised_again_as_it_was(api: str) -> None:
    with pytest.raises(GuardError) as caught:
        call(ending, {"how": "guard"}, silence)
    assert caught.value.fix == "look at the plan"


def test_a_bug_in_a_flow_stays_a_bug(api: str) -> None:
    with pytest.raises(ZeroDivisionError):
        call(ending, {"how": "bug"}, silence)


def test_the_caller_hears_the_events_and_the_terminal_stays_quiet(api: str, capfd: pytest.CaptureFixture[str]) -> None:
    heard: list[Event] = []
    call(ending, {"how": "good"}, heard.append)
    assert [type(event) for event in heard] == [StageEnded]
    assert capfd.readouterr().err == ""


def test_a_server_that_does_not_answer_is_told_in_plain_words() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/api"
        with temporary_settings({PREFECT_API_URL: url}), pytest.raises(RemoteError) as caught:
            call(ending, {"how": "good"}, silence)
    assert caught.value.exit_code == ExitCode.UNREACHABLE
    assert url in caught.value.what
    assert "PREFECT_API_URL" in caught.value.fix

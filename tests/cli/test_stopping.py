"""Signals: the first asks for a polite end, the second ends at once, and afterwards all is as before."""

from __future__ import annotations

import json
import signal

import pytest

from recyclekit import cli
from recyclekit.cli import stopping
from recyclekit.cli.stopping import stoppable


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks_to_stop_and_the_second_interrupts(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stoppable() as should_stop:
        assert not should_stop()
        signal.raise_signal(number)
        assert should_stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize(("begun", "says"), [(False, "before anything was written"), (True, "recyclekit retry")])
def test_an_interruption_says_whether_anything_may_have_been_written(
    begun: bool, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(stopping, "_writing", [True] if begun else [])
    monkeypatch.setattr("recyclekit.cli.app.app", interrupted)
    assert cli.run(["apply", "plan.json", "--json"]) == 130
    shown = capsys.readouterr()
    assert says in shown.err
    assert json.loads(shown.out)["error"]["exit_code"] == 130, "the document says what the process ends with"

"""What `recyclekit sandbox` says where it cannot run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from recyclekit.cli import run


def test_a_missing_part_of_the_test_kit_is_named_with_the_way_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    assert run(["sandbox", "salesforce", "--deals", "1"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "needs trustme" in said.err
    assert "pip install 'recyclekit[testing]'" in said.err


def test_a_port_that_is_taken_leaves_no_certificate_behind(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import socket

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["sandbox", "salesforce", "--deals", "1", "--port", str(port)]) == 2
    assert f"Port {port} cannot be used" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []

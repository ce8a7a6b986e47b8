"""References in a project file: environment, files and what plugins read; each error with its place and what to do."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

from recyclekit.errors import ProjectError, RemoteError
from recyclekit.project_file import references
from recyclekit.project_file.references import fill
from recyclekit.yaml_file import parse


@pytest.fixture
def filled(tmp_path: Path) -> Any:
    def of(value: str) -> Any:
        return fill(parse(f"a:\n  b: {value}\n", str(tmp_path / "recyclekit.yaml"))).data["a"]["b"]

    return of


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of reference that a package brings, called `safe`."""
    entry = EntryPoint(name="safe", value=f"{__name__}:read_safe", group=references.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda _: read_safe)
    monkeypatch.setattr(references, "entry_points", lambda group: EntryPoints([entry]))
    references._reader.cache_clear()


def read_safe(place: str) -> Any:
    if place == "down":
        raise RemoteError("The safe did not answer.", fix="Open it.")
    if place == "gone":
        raise ProjectError("there is nothing in the safe.", fix="Put it in.")
    return {"all": {"token": "t", "tries": 3}, "tries": 3}.get(place, f"<{place}>")


def test_an_environment_variable_is_put_in_also_inside_a_text(filled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_OF_TEST", "crm.test")
    assert filled("https://${HOST_OF_TEST}/x") == "https://crm.test/x"
    assert filled("plain $5 {x} ${") == "plain $5 {x} ${"


@pytest.mark.parametrize("text", ["pa ss\n", "pa ss", "pa ss\r\n", "\ufeffpa ss\n"])
def test_a_file_gives_its_content_without_the_newline_at_its_end(filled: Any, tmp_path: Path, text: str) -> None:
    (tmp_path / "secret").write_bytes(text.encode())
    assert filled("${file:secret}") == "pa ss"
    assert filled(f"${{file:{tmp_path}/secret}}") == "pa ss"


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), (b"\xff\xfe\x00", "not UTF-8"), (b"x" * 100_001, "larger than")],
)
def test_a_file_that_gives_no_secret_is_named_with_its_place(
    filled: Any, tmp_path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ProjectError) as caught:
        filled("${file:secret}")
    assert caught.value.what.startswith(f"{tmp_path / 'recyclekit.yaml'}:2:6: the file {tmp_path / 'secret'}")
    assert said in caught.value.what
    assert caught.value.fix


def test_a_kind_that_a_package_brings_gives_values_of_any_shape(filled: Any, installed: None) -> None:
    assert filled("${safe:x.y}") == "<x.y>"
    assert filled("${safe:tries}") == 3
    assert filled("${safe:all}") == {"token": "t", "tries": 3}
    assert filled("a-${safe:tries}-${safe:x}") == "a-3-<x>"


def test_several_values_cannot_be_part_of_a_text(filled: Any, installed: None) -> None:
    with pytest.raises(ProjectError, match="stands for several values"):
        filled("a-${safe:all}")


def test_an_unknown_kind_is_told_with_those_that_there_are(filled: Any, installed: None) -> None:
    with pytest.raises(ProjectError) as caught:
        filled("${sefe:x}")
    assert "there is no kind of reference 'sefe'" in caught.value.what
    assert "safe" in caught.value.what
    assert "${file:…}" in caught.value.why


def test_what_the_reader_says_gets_the_place_and_keeps_its_exit_code(filled: Any, installed: None) -> None:
    with pytest.raises(RemoteError) as caught:
        filled("${safe:down}")
    assert "recyclekit.yaml:2:6: The safe did not answer." in str(caught.value)
    assert "Open it." in str(caught.value)
    with pytest.raises(ProjectError, match=r"recyclekit.yaml:2:6: there is nothing in the safe"):
        filled("${safe:gone}")


def test_the_kind_block_is_brought_by_the_flows() -> None:
    (found,) = [e for e in references.entry_points(group=references.GROUP) if e.name == "block"]
    assert found.value == "recyclekit_flows.block_reading:read"

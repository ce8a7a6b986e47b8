from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from recyclekit import yaml_file
from recyclekit.errors import ConfigError, PolicyError


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    days: int | None = None
    kind: Literal["phone", "mail"] = "mail"
    from_: str | None = Field(default=None, alias="from")


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    token: SecretStr = SecretStr("")
    inner: Inner | None = None
    by_name: dict[str, Inner] = {}
    many: tuple[Inner, ...] = ()


def refusal(text: str) -> str:
    with pytest.raises(PolicyError) as caught:
        yaml_file.parse(text, "p.yaml", error=PolicyError)
    return str(caught.value)


def invalid(text: str) -> str:
    document = yaml_file.parse(text, "p.yaml")
    with pytest.raises(ConfigError) as caught:
        yaml_file.validate(document, Outer, error=PolicyError)
    return str(caught.value)


def test_scalars_follow_yaml_1_2_and_keep_words_that_yaml_1_1_would_turn_into_booleans_or_dates() -> None:
    text = "[on, yes, No, true, ~, null, 012, 0x1F, 0o17, 1.5, 1e3, '5', 2026-01-01, 12:30]"
    expected = ["on", "yes", "No", True, None, None, 12, 31, 15, 1.5, 1000.0, "5", "2026-01-01", "12:30"]
    assert yaml_file.parse(text, "x").data == expected


def test_every_value_and_key_has_its_position() -> None:
    document = yaml_file.parse("a: 1\n日本:\n  - x: [1, 22]\n", "p.yaml")
    assert document.data == {"a": 1, "日本": [{"x": [1, 22]}]}
    assert document.position(("a",)) == (1, 4)
    assert document.position(("日本", 0, "x", 1)) == (3, 12)
    assert document.where(("日本", 0, "x"), key=True) == "p.yaml:3:5"
    assert document.where(("日本", 0, "missing")) == "p.yaml:3:5"


def test_a_duplicate_key_is_refused_with_its_position() -> None:
    assert refusal("a: 1\nb:\n  c: 1\n  c: 2\n").startswith("p.yaml:4:3: the key 'c' stands here twice")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: !!python/object:os.system x", "1:4: a tag"),
        ("a: !x {b: 1}", "1:4: a tag"),
        ("a: &x 1\nb: {<<: *x}", "2:5: a merge key"),
        ("? [1]\n: 2", "1:3: a key that is not a word"),
        ("a: *nowhere", "unknown alias *nowhere"),
        ("a: &a [*a]", "unknown alias *a"),
        ("a: 1\n---\nb: 2", "a second document"),
        ("a: [1", "p.yaml:1:6: not valid YAML"),
        ("a: 1\n\tb: 2", "p.yaml:2:1: not valid YAML"),
        ("a: 1\nb: \0", "p.yaml:2: a NUL character"),
        ("a: \x07", "not valid YAML"),
        ("[" * 101 + "]" * 101, f"nested deeper than {yaml_file.MAX_DEPTH}"),
    ],
)
def test_what_could_surprise_is_refused_in_words(text: str, says: str) -> None:
    assert says in refusal(text)


def test_aliases_are_expanded_within_bounds() -> None:
    document = yaml_file.parse("a: &x {b: [1, 2]}\nc: *x\nd: &s word\ne: *s", "x")
    assert document.data == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}, "d": "word", "e": "word"}


def test_a_bomb_of_aliases_is_refused_before_it_goes_off() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    bomb = "\n".join(lines)
    assert len(bomb) < 500
    assert "once aliases are expanded" in refusal(bomb)


def test_a_file_that_is_no_utf8_or_too_large_or_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    for raw, says in (("a: 1\nb: 価格".encode("cp932"), ":2: not UTF-8"), (b"#" * 5_000_001, "larger than 5 MB")):
        path.write_bytes(raw)
        with pytest.raises(ConfigError, match=says):
            yaml_file.load(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        yaml_file.load(tmp_path / "nothing.yaml")
    path.write_bytes("\ufeffa: 価格".encode())
    assert yaml_file.load(path).data == {"a": "価格"}


def test_every_error_is_reported_at_once_with_its_place_and_what_was_expected() -> None:
    text = """naem: x
inner: {dayz: 3, kind: fone, days: soon}
by_name:
  a: {form: x}
many:
  - {days: 1}
  - {dais: 1}
"""
    message = invalid(text)
    assert "p.yaml:1:1: naem: unknown key; did you mean 'name'?" in message
    assert "p.yaml:1:1: the file: the key 'name' is missing" in message
    assert "p.yaml:2:9: inner.dayz: unknown key; did you mean 'days'?" in message
    assert "p.yaml:2:24: inner.kind: 'phone' or 'mail' is expected; did you mean 'phone'?" in message
    assert "p.yaml:2:36: inner.days: a valid integer" in message
    assert "p.yaml:4:7: by_name.a.form: unknown key; did you mean 'from'?" in message
    assert "p.yaml:7:6: many.1.dais: unknown key; did you mean 'days'?" in message
    assert message.startswith("p.yaml has 7 errors")


def test_no_value_is_ever_printed_so_no_secret_can_be() -> None:
    message = invalid("name: x\ntoken: [hunter2]\ninner: {days: hunter2}")
    assert "p.yaml:2:8: token:" in message
    assert "hunter2" not in message


def test_a_good_document_becomes_its_model() -> None:
    document = yaml_file.parse("name: x\ninner: {from: a, days: 3}", "p.yaml")
    model = yaml_file.validate(document, Outer)
    assert model.inner == Inner.model_validate({"from": "a", "days": 3})


@given(st.text(max_size=200))
def test_any_text_is_either_read_or_refused_as_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        yaml_file.parse(text, "x")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file: nothing stands here; keys with values are expected: name"),
        ("only words", "the file: keys with values are expected: name"),
        ("name: a\nby_name:", "by_name: nothing stands here; keys with values are expected, by names of your own"),
        ("name: a\nmany: 3", "many: a list is expected"),
    ],
)
def test_what_has_the_wrong_shape_is_told_without_the_words_of_a_library(text: str, told: str) -> None:
    said = invalid(text)
    assert told in said
    assert "dictionary" not in said
    assert "instance" not in said

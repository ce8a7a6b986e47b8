from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recyclekit.errors import PolicyError
from recyclekit.policy.loader import Policy, load_policy

SMALL = """\
name: small
version: "1"
labels: {ja: 小, en: small}
rules:
  - {name: stalled, when: status = 'stalled', verdict: recycle, track: call, labels: {ja: 停滞, en: stalled}}
tracks:
  call:
    labels: {ja: 電話, en: call}
    timing: same_day
    steps: [{name: call, channel: phone, subject: {ja: 電話, en: call}, hook: {ja: 用件, en: topic}}]
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a policy file: the small one, with text added or replaced."""

    def write_it(text: str = SMALL, name: str = "p.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_it


@pytest.fixture
def refusal(write: Write) -> Callable[[str], str]:
    """Return the message with which a policy text is refused."""

    def message(text: str) -> str:
        with pytest.raises(PolicyError) as caught:
            load_policy(str(write(text)))
        return str(caught.value).replace(str(write(text).parent) + "/", "")

    return message


@pytest.fixture
def policy(write: Write) -> Callable[[str], Policy]:
    """Load a policy from its text."""
    return lambda text: load_policy(str(write(text)))

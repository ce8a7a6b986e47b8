"""The secrets that this process was given, and how to take them out of a text before anybody sees it.

Whoever reads a secret remembers it here; whoever shows, logs or stores a text that others wrote redacts it. A secret
is found as it is and as it looks base64-coded, quoted for an address, escaped in JSON or in Python's repr.
"""

from __future__ import annotations

import base64
import json
import re
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from pydantic import BaseModel, SecretBytes, SecretStr

SHOWN = "**********"
"""What stands in a secret's place; the same as pydantic shows."""
SHORTEST = 6
"""Secrets with fewer characters are not looked for: they would be found inside ordinary words."""

_PASSWORDS = (re.compile(r"://[^:/@\s]*:([^@\s]+)@"), re.compile(r"[?&](?:ssl)?password=([^&\s]+)"))
_known: set[str] = set()


def remember(secret: str) -> None:
    """Take a secret out of all texts from now on."""
    if len(secret.strip()) >= SHORTEST:
        _known.add(secret)
        if secret != secret.strip():
            _known.add(secret.strip())


def remember_all(settings: Any) -> None:
    """Remember every secret in a settings model, also in models, lists and dicts inside it."""
    if isinstance(settings, SecretStr):
        remember(settings.get_secret_value())
    elif isinstance(settings, SecretBytes):
        remember(settings.get_secret_value().decode(errors="replace"))
    elif isinstance(settings, BaseModel):
        remember_all(list(dict(settings).values()))
    elif isinstance(settings, dict):
        remember_all(list(settings.values()))
    elif isinstance(settings, (list, tuple, set, frozenset)):
        for inner in settings:
            remember_all(inner)


def remember_address(url: str) -> None:
    """Remember the password in an address like `postgresql://user:password@host/database`, or behind its `?`."""
    for found in (shape.search(url) for shape in _PASSWORDS):
        if found:
            remember(found[1])
            remember(unquote(found[1]))


def redact(text: str) -> str:
    """Return a text without the secrets that are remembered."""
    if not _known:
        return text
    return _pattern(frozenset(_known)).sub(SHOWN, text)


@lru_cache(maxsize=4)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str]:
    looks = {look for secret in secrets for look in looks_of(secret)}
    return re.compile("|".join(re.escape(look) for look in sorted(looks, key=len, reverse=True)))


def looks_of(secret: str) -> set[str]:
    """Return a secret as it is, base64-coded wherever it may begin in a longer text, URL-quoted, and escaped."""
    looks = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    looks |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    looks |= {json.dumps(look)[1:-1] for look in set(looks)}  # a JSON text inside a JSON text
    for shift in range(3):
        # Inside a longer coded text (`user:secret`) the secret's own characters begin at one of three places.
        coded = _coded_at(secret.encode(), shift)
        looks |= {coded, coded.translate(str.maketrans("+/", "-_"))}
    return {look for look in looks if len(look) >= SHORTEST}


def _coded_at(raw: bytes, shift: int) -> str:
    coded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
    begins = -(-shift * 8 // 6)
    ends = (shift + len(raw)) * 8 // 6  # what follows may change the last, half-filled character
    return coded[begins:ends]

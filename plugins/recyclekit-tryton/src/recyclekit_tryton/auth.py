"""How a call signs in: the key of a user application, sent with every call; Tryton has nothing to refresh."""

from __future__ import annotations

from pydantic import SecretStr


def headers(key: SecretStr) -> dict[str, str]:
    """Return the headers that sign a call in. Not for logs."""
    return {"Authorization": f"bearer {key.get_secret_value()}"}

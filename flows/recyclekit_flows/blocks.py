"""Prefect blocks for credentials, one class per installed connector, made from its settings; and one for the ledger.

Found by the entry point group `prefect.collections`: a server that starts with recyclekit installed offers them in its
pages, and `recyclekit deploy` registers them on any other. A project refers to what a block holds; it is never a
parameter. Whoever reaches the server's API can read a block's secrets: see docs/operations/deploy.md.
"""

from __future__ import annotations

import re
from copy import copy
from typing import Any, ClassVar

from prefect.blocks.core import Block
from pydantic import BaseModel, Field, HttpUrl, SecretStr, create_model

from recyclekit.project import installed_connectors

DOCS = "https://github.com/recyclekit/recyclekit/blob/main/docs/operations/deploy.md"


class Ledger(Block):
    """Where recyclekit remembers what it planned and wrote."""

    _block_type_name: ClassVar[str] = "recyclekit ledger"
    _block_type_slug: ClassVar[str] = "recyclekit-ledger"
    _documentation_url: ClassVar[Any] = DOCS
    _description: ClassVar[str] = "Address of recyclekit's ledger, with its password."
    _code_example: ClassVar[str] = "```yaml\nledger: ${block:recyclekit-ledger/main.url}\n```"

    url: SecretStr = Field(
        description="SQLAlchemy address: postgresql+psycopg://user:password@host/database, or sqlite:////srv/ledger.db."
    )


def block_of(name: str, summary: str, settings: type[BaseModel]) -> type[Block]:
    """Return the block class of a connector: the same fields, descriptions and secrets as its settings.

    What the settings check beyond single fields is checked when a project that refers to the block is opened.
    """
    slug = f"recyclekit-{re.sub(r'[^a-z0-9]+', '-', name.lower())}"
    fields: dict[str, Any] = {field: (info.annotation, copy(info)) for field, info in settings.model_fields.items()}
    made: type[Block] = create_model(_class_name(name), __base__=Block, __module__=__name__, **fields)
    made.__doc__ = summary
    made._block_type_name = f"recyclekit {name}"
    made._block_type_slug = slug
    made._documentation_url = HttpUrl(DOCS)
    made._description = f"Settings of recyclekit's connector {name}: {summary}"
    made._code_example = (
        f"```yaml\nconnections:\n  crm:\n    connector: {name}\n    settings: ${{block:{slug}/main}}\n```"
    )
    return made


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"[^a-z0-9]+", name.lower())) + "Settings"


def _installed() -> dict[str, type[Block]]:
    """Make the classes of all connectors that can be used; a broken one is left out, `recyclekit check` names it."""
    made = [block_of(found.name, found.summary, found.settings) for found in installed_connectors().values()]
    return {one.__name__: one for one in made}


CLASSES: tuple[type[Block], ...] = (Ledger, *_installed().values())
"""All our blocks, for registering them."""

globals().update({one.__name__: one for one in CLASSES})  # `prefect block register -m recyclekit_flows.blocks`

"""A connector that says its secrets out loud at every turn, installed for a worker by a folder on its path.

Reads and writes as the CSV connector does. What it logs and raises quotes its three secrets plain, base64-coded,
URL-quoted, JSON-escaped and as Python shows them, as vendors' libraries sometimes do.
"""

from __future__ import annotations

from pathlib import Path

CANARIES = {
    "environment": 'env "cänary"\\ 1f6b/+=',
    "file": 'file "cänary"\\ 7c2d/+=',
    "block": 'block "cänary"\\ 90ae/+=',
}

_MODULE = """
import base64, json, logging
from urllib.parse import quote

from pydantic import Field, SecretStr, create_model

from recyclekit.connectors import ConnectorManifest, hookimpl
from recyclekit.connectors.registry import discover
from recyclekit.errors import SignInError

csv = discover().manifest("csv")
Settings = create_model("Settings", __base__=csv.settings, environment=(SecretStr, Field(description="One.")),
    file=(SecretStr, Field(description="Two.")), block=(SecretStr, Field(description="Three.")),
    refuses=(str, Field(default="no", description="How the sign-in fails.")))


def said(settings):
    secrets = [getattr(settings, name).get_secret_value() for name in ("environment", "file", "block")]
    every = [f"{s} {base64.b64encode(s.encode()).decode()} {base64.b64encode(f'me:{s}'.encode()).decode()} "
             f"{quote(s)} {quote(s, safe='')} {json.dumps(s)} {s!r}" for s in secrets]
    return "you sent " + " and ".join(every)


def plain(settings):
    own = {"environment", "file", "block", "refuses"}
    return csv.settings.model_validate({k: v for k, v in dict(settings).items() if k not in own})


def source(settings, opening):
    logging.getLogger("prefect.flow_runs").warning("signing in: %s", said(settings))
    if settings.refuses == "in words":
        raise SignInError("401: " + said(settings), why=said(settings), fix="Look at " + said(settings))
    if settings.refuses == "by a bug":
        raise KeyError(said(settings))
    return csv.open_source(plain(settings), opening)


def sink(settings, opening):
    return csv.open_sink(plain(settings), opening)


@hookimpl
def recyclekit_connectors():
    return [ConnectorManifest(name="leaky", summary="Says everything.", version="1", settings=Settings,
                              open_source=source, open_sink=sink, capabilities=csv.capabilities)]
"""


def install_leaky(folder: Path) -> Path:
    """Make a folder for PYTHONPATH in which the connector `leaky` is installed."""
    about = folder / "recyclekit_leaky-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: recyclekit-leaky\nVersion: 1\n", encoding="utf-8")
    (about / "entry_points.txt").write_text("[recyclekit]\nleaky = recyclekit_leaky\n", encoding="utf-8")
    (folder / "recyclekit_leaky.py").write_text(_MODULE, encoding="utf-8")
    return folder

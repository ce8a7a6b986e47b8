"""The flow run that waits with a plan: where its page is, and waking it once the shell has decided."""

from __future__ import annotations

import importlib
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recyclekit.models.proposal import Proposal, Verdict


def wake(proposal: Proposal, verdict: Verdict) -> None:
    """Wake the flow run that waits with a plan, so that it ends; where it cannot be reached, say so and go on."""
    if proposal.flow_run is None:
        return
    from recyclekit.cli.terminal import say

    if api_url() is None:
        say(f"Flow run {proposal.flow_run} waits with this plan: set PREFECT_API_URL to tell it, or resume it there.")
        return
    # By name, so that nothing of this package imports Prefect: the flows are a room of their own.
    flows = importlib.import_module("recyclekit_flows.waking")
    said: str = flows.wake_quietly(proposal.flow_run, verdict)
    if said:
        say(said)


def page(flow_run: str | None) -> str | None:
    """Return the address of a flow run's page; None where it cannot be told."""
    own = _setting("PREFECT_UI_URL")
    api = api_url()
    root = own or (api.removesuffix("/").removesuffix("/api") if api else None)
    return f"{root.rstrip('/')}/runs/flow-run/{flow_run}" if root and flow_run else None


def api_url() -> str | None:
    """Return the address of Prefect's server, as Prefect itself would find it, without the seconds its import takes."""
    return _setting("PREFECT_API_URL")


def _setting(name: str) -> str | None:
    if name in os.environ:
        return os.environ[name] or None
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    try:
        found: dict[str, Any] = tomllib.loads((home / "profiles.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    active = os.environ.get("PREFECT_PROFILE", found.get("active"))
    value = found.get("profiles", {}).get(active, {}).get(name)
    return str(value) if value else None

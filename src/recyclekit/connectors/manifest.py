"""A connector's self-description: its name, settings, doors and what it can do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from recyclekit.connectors.protocols import Sink, Source
from recyclekit.connectors.sharing import Exchange
from recyclekit.models.budget import Ask, Grant
from recyclekit.stopping import never

API_VERSION = 1
"""Raised when a protocol changes in a way that a plugin must follow; older plugins are then named and left out."""

SettingsT = TypeVar("SettingsT", bound=BaseModel)


class Capability(StrEnum):
    """What a connector may be able to do; the kit chooses its tests by these."""

    READ_DEALS = "read_deals"
    """Deals can be read: `Source.pages` of `deals`."""
    READ_ACTIVITIES = "read_activities"
    """Calls, mails and meetings, with the moment and the deal or contact: what the clock of inactivity runs on."""
    READ_CONTACTS = "read_contacts"
    """Contacts, with who asked not to be mailed."""
    READ_ACCOUNTS = "read_accounts"
    """Companies: country, fiscal year."""
    READ_SIGNALS = "read_signals"
    """Signs of interest that a machine saw: clicks, visits, downloads."""
    READ_HISTORY = "read_history"
    """Changes of deals' fields in the past: what a backtest replays."""
    INCREMENTAL = "incremental"
    """From the last cursor of a full reading on, `pages` gives only what changed or came since."""
    WRITE_FIELDS = "write_fields"
    """Our own fields can be written on deals: set_fields."""
    WRITE_TASKS = "write_tasks"
    """Tasks can be created at deals, with a date, an owner and our key: create_task."""
    ENROL = "enrol"
    """Contacts can be put on a list, campaign or scenario: enrol."""
    READ_BACK = "read_back"
    """Single deals can be re-read just before writing (ReadsBack): the drift check."""
    FIND_BY_KEY = "find_by_key"
    """The system can be asked what became of a write (FindsByKey): doubt is settled without a person."""
    UNDO = "undo"
    """Writes can be taken back (Undoes)."""
    ERASE = "erase"
    """What we wrote about a person's deals can be erased (Erases). Never where the system itself erases people."""


class Level(StrEnum):
    """How far: works; ours to do; or never, for a reason of the system itself."""

    FULL = "full"
    NOT_YET = "not_yet"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Support:
    """A capability's level; `reason` is required for NEVER."""

    level: Level
    reason: str = ""


FULL = Support(Level.FULL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Where a connection is opened, and by whom.

    Attributes:
        folder: where relative paths start.
        timezone: the business zone.
        should_stop: asked before a call and while waiting for one, from any thread; once it says yes, make no further
            call and raise StoppedError.
        share: asks for slots of a window that processes share, by its name; see `sharing`.
    """

    folder: Path
    timezone: ZoneInfo
    should_stop: Callable[[], bool] = never
    share: Callable[[str, Ask], Grant | None] | None = None

    def sharing(self, account: str, window: str) -> Exchange | None:
        """Return what a pacing.Limiter shares its window through, between all processes on one ledger.

        Args:
            account: what the vendor counts calls by (an app's token, an account's id); kept as a digest only.
            window: the limit's name, where the account has several.
        """
        if self.share is None:
            return None
        return partial(self.share, f"{hashlib.sha256(account.encode()).hexdigest()[:16]}:{window}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorManifest(Generic[SettingsT]):
    """What a plugin provides under one unique name.

    Attributes:
        name: unique for ever; a clash is an error, never a rename.
        settings: pydantic model; each field described, secrets as SecretStr.
        open_source, open_sink: open the doors; vendor SDKs are imported inside, so that listing is cheap.
        capabilities: absent means unknown, which the kit reports as a fault.
    """

    name: str
    summary: str
    version: str
    settings: type[SettingsT]
    open_source: Callable[[SettingsT, Opening], Source] | None = None
    open_sink: Callable[[SettingsT, Opening], Sink] | None = None
    capabilities: Mapping[Capability, Support] = field(default_factory=dict)
    api: int = API_VERSION

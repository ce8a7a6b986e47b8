"""Who holds a lease: told to people, and kept in the ledger as one text that is made and taken apart here alone."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from recyclekit import clock


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that took a lease for a run. Each taking is another holder: `since` tells them apart."""

    host: str
    pid: str
    run: str
    since: str  # ISO 8601, UTC

    @classmethod
    def here(cls, run: str) -> Holder:
        """Return this process, from now on."""
        return cls(host=socket.gethostname(), pid=str(os.getpid()), run=run, since=clock.now().isoformat())

    @classmethod
    def parse(cls, text: str) -> Holder:
        """Return the holder whose text this is; what an unknown program left there is all taken for a host."""
        parts = text.split(":", 3)
        return cls(*parts) if len(parts) == 4 else cls(host=text, pid="", run="", since="")

    def __str__(self) -> str:
        return ":".join((self.host, self.pid, self.run, self.since)) if self.since else self.host

    @property
    def words(self) -> str:
        """Which run, process, machine and moment, for a person."""
        return f"run {self.run}, process {self.pid} on {self.host}, since {self.since}"

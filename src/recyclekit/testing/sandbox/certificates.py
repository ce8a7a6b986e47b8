"""A certificate authority to throw away, for vendors whose clients speak only https."""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from recyclekit.testing.sandbox.server import HOST


@dataclass(frozen=True, slots=True)
class Throwaway:
    """A context for the server, and the file by which a client trusts it. `remove` deletes the file."""

    context: ssl.SSLContext
    ca_file: Path

    def remove(self) -> None:
        """Delete the authority's file and its folder. Twice has one effect."""
        self.ca_file.unlink(missing_ok=True)
        if self.ca_file.parent.exists():
            self.ca_file.parent.rmdir()


def throwaway(*names: str) -> Throwaway:
    """Return a fresh authority and a server certificate for the loopback address and these host names."""
    import trustme

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST, "localhost", *names).configure_cert(context)
    ca_file = Path(tempfile.mkdtemp(prefix="recyclekit-sandbox-")) / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    return Throwaway(context, ca_file)

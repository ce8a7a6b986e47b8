"""The tests' own PostgreSQL server ends with whoever asked for it, however that ends."""

from __future__ import annotations

import fcntl
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres_server import MISSING, ROOT, programs
from tests.postgres_watch import HELD

ASK = """
from tests.postgres_server import server
one = server()
print(one.folder, one.port, flush=True)
input()
"""


@pytest.mark.postgres
def test_a_server_does_not_outlive_a_test_process_that_is_killed() -> None:
    if programs() is None:
        pytest.skip(MISSING)
    asking = subprocess.Popen(
        [sys.executable, "-c", ASK], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with asking:
        assert asking.stdout is not None
        folder, port = asking.stdout.readline().split()
        socket.create_connection(("127.0.0.1", int(port))).close()
        with (Path(folder) / HELD).open() as held:
            asking.send_signal(signal.SIGKILL)
            fcntl.flock(held, fcntl.LOCK_EX)  # until its keeper has ended
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)))

"""The fixtures of the suite, and the choice of its tests."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from recyclekit.connectors.manifest import ConnectorManifest, Level, Opening
from recyclekit.testing.proving import choose, proof_of
from recyclekit.testing.stand import Stand

BUSINESS_ZONE = ZoneInfo("Asia/Tokyo")
PROPERTY = "recyclekit"
"""Name of the note on each test's report, from which the tier is computed."""


class Room:
    """What every room of the suite stands on."""

    @pytest.fixture
    def manifest(self) -> ConnectorManifest[Any]:
        """Return the connector's manifest. Yours to give."""
        raise NotImplementedError("Give the suite a fixture `manifest` that returns the connector's manifest.")

    @pytest.fixture
    def config(self) -> BaseModel:
        """Return settings with which the connector opens on the bench. Yours to give."""
        raise NotImplementedError("Give the suite a fixture `config` that returns settings to open the connector with.")

    @pytest.fixture
    def bench(self) -> object:
        """Return a bench (recyclekit.testing.bench); without one, only what needs no system is proven."""
        return None

    @pytest.fixture
    def opening(self, tmp_path: Path) -> Opening:
        """Return where the connection is opened: an empty folder, in the business zone Asia/Tokyo."""
        return Opening(folder=tmp_path, timezone=BUSINESS_ZONE)

    @pytest.fixture
    def waits(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """Let nothing sleep in this process, and note for how long it would have.

        Override it where a connector waits by other means than `time.sleep`, looked up when it is called.
        """
        waited: list[float] = []
        monkeypatch.setattr(time, "sleep", waited.append)
        return waited

    @pytest.fixture
    def hosts(self) -> frozenset[str]:
        """Return the hosts that may be connected to: this machine. Override it for a sandbox that lies elsewhere."""
        return frozenset({"127.0.0.1", "::1", "localhost"})

    @pytest.fixture(autouse=True)
    def nobody_else(self, monkeypatch: pytest.MonkeyPatch, hosts: frozenset[str]) -> None:
        """Refuse connections to any other host: a test must never reach a live account."""
        connect = socket.socket.connect

        def guarded(self: socket.socket, address: Any, /) -> None:
            if isinstance(address, tuple) and address[0] not in hosts:
                raise AssertionError(f"a test may not connect to {address[0]}; see the fixture `hosts`")
            connect(self, address)

        monkeypatch.setattr(socket.socket, "connect", guarded)

    @pytest.fixture
    def stand(  # noqa: PLR0917  # fixtures are not passed by hand
        self,
        request: pytest.FixtureRequest,
        manifest: ConnectorManifest[Any],
        config: BaseModel,
        bench: object,
        opening: Opening,
        waits: list[float],
    ) -> Stand:
        """Return the connector on its bench."""
        return Stand(manifest, config, opening, bench, waits, seed=request.node.name)

    @pytest.fixture(autouse=True)
    def chosen(self, request: pytest.FixtureRequest, manifest: ConnectorManifest[Any]) -> None:
        """Run, expect to fail, or leave out: by what the connector declares and what the bench can do."""
        proof = proof_of(request.function)
        if proof is None:
            return
        choice = choose(proof, manifest.capabilities, lambda: request.getfixturevalue("bench"))
        note = {"connector": manifest.name, "tier": int(proof.tier), "how": choice.how, "why": choice.why}
        request.node.user_properties.append((PROPERTY, note))
        if choice.how == "expect":
            reason = f"{choice.why} (it works: declare it {Level.FULL})"
            request.node.add_marker(pytest.mark.xfail(strict=True, reason=reason))
        elif choice.how != "run":
            pytest.skip(choice.why)

"""A HubSpot account that runs here and speaks the vendor's wire format: HubSpotSandbox."""

from __future__ import annotations

from recyclekit.testing.sandbox.hubspot.records import API, PERSON, WORKFLOW, Change, Origin, Record
from recyclekit.testing.sandbox.hubspot.sandbox import HubSpotSandbox
from recyclekit.testing.sandbox.loaded import Loaded

__all__ = ["API", "PERSON", "WORKFLOW", "Change", "HubSpotSandbox", "Loaded", "Origin", "Record"]

"""A Salesforce org that runs here and can be hurt: real wire format over https, state, faults and a journal."""

from __future__ import annotations

from recyclekit.testing.sandbox.loaded import Loaded
from recyclekit.testing.sandbox.salesforce.sandbox import SalesforceSandbox

__all__ = ["Loaded", "SalesforceSandbox"]

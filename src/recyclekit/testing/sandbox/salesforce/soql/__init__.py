"""SOQL: reading a statement, and answering it from the org's records. Knows nothing of HTTP.

The subset that a connector emits and a bit more. Where the vendor refuses what looser parsers take (AND beside OR
without parentheses, a date that no calendar has), this one refuses it too.
"""

from __future__ import annotations

from recyclekit.testing.sandbox.salesforce.soql.faults import SoqlError
from recyclekit.testing.sandbox.salesforce.soql.parser import parse

__all__ = ["SoqlError", "parse"]

"""What a source has told so far, kept beside the project, so that the next run asks only for what changed since.

A mirror is a hint, never the truth: whatever is wrong with it, the table is read whole again; and before a write the
deal itself is asked, so that a stale mirror costs a skipped write, not a wrong one.
"""

from __future__ import annotations

from recyclekit.connectors.mirror.files import FOLDER
from recyclekit.connectors.mirror.reading import KEYS, Mirror, identify

__all__ = ["FOLDER", "KEYS", "Mirror", "identify"]

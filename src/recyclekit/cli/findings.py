"""Findings of a check, as a table or JSON, and the exit code that they mean."""

from __future__ import annotations

from collections.abc import Sequence

from recyclekit.errors import ExitCode
from recyclekit.models.snapshot import Finding


def report_findings(findings: Sequence[Finding], *, as_json: bool) -> int:
    """Print findings; an error among them ends with exit code 2."""
    from recyclekit.cli.terminal import emit, show

    errors = sum(f.level == "error" for f in findings)
    if as_json:
        emit({"ok": errors == 0, "findings": list(findings)})
    else:
        from recyclekit.cli.render import findings_view

        show(findings_view(findings))
    return ExitCode.USAGE if errors else ExitCode.DONE

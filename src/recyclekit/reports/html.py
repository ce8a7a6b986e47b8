"""A run as one HTML page: no network, no script, readable on paper, in light and dark, in English and Japanese."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recyclekit.errors import InputError
from recyclekit.models.plan import Plan
from recyclekit.models.run import Outcome
from recyclekit.reports.page import page, share
from recyclekit.reports.words import Words
from recyclekit.whole_file import write_whole

if TYPE_CHECKING:
    from jinja2 import Environment

    from recyclekit.policy.loader import Policy


def write_report(
    path: Path,
    plan: Plan,
    *,
    policy: Policy | None = None,
    outcome: Outcome | None = None,
) -> Path:
    """Write the report of a plan, and of what became of it, to a file; the file is there whole or not at all.

    Args:
        path: the file; its folder is made where needed.
        plan: where its decisions have a column `amount` (and `currency`), money is shown as well.
        policy: gives rules and tracks their labels.
        outcome: of applying it; without one the page says that nothing was written.

    Raises:
        InputError: the file cannot be written.
    """
    text = render_report(plan, policy=policy, outcome=outcome)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The report cannot be saved to {path}.", why=f"{error}.") from error
    return path


def render_report(
    plan: Plan,
    *,
    policy: Policy | None = None,
    outcome: Outcome | None = None,
) -> str:
    """Return the page as text; the same input gives the same text."""
    language = policy.spec.language if policy is not None else "en"
    variables = page(plan, words=Words.of(policy), outcome=outcome) | {"language": language}
    return _environment().get_template("report.html.j2").render(variables)


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("recyclekit.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    made.globals["share"] = share
    made.filters["number"] = lambda value: f"{value:,}"
    return made


def _printable(value: Any) -> Any:
    """Leave out what no reader can see and a browser or a printer may obey: control and direction characters."""
    from markupsafe import Markup

    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, Markup):
        return "".join(c for c in value if c == "\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs"})
    return value

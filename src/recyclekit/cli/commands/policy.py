"""`recyclekit policy`: check a policy, print it as a document, or print its JSON schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from recyclekit.cli.options import Json, Where

if TYPE_CHECKING:
    from recyclekit.policy.loader import Policy

app = App(name="policy", help="Check a policy, read it as a document, or get its JSON schema.")
Named = Annotated[str | None, Parameter(help="A packaged policy or a path; default: the project's.")]


@app.command
def check(policy: Named = None, *, where: Where = Where(), as_json: Json = False) -> int:
    """Say what is wrong or doubtful in a policy: errors with line and column, rules that overlap or can never fire."""
    from recyclekit.cli.findings import report_findings
    from recyclekit.policy.check import check_policy

    return report_findings(check_policy(_load(policy, where)), as_json=as_json)


@app.command
def doc(
    policy: Named = None,
    *,
    where: Where = Where(),
    language: Annotated[Literal["en", "ja"], Parameter(help="Language of the document.")] = "en",
    out: Annotated[Path | None, Parameter(help="Write it here instead of to the terminal.")] = None,
) -> int:
    """Print the policy as the definition document that everyone can read (Markdown)."""
    from recyclekit.reports.definition import definition

    text = definition(_load(policy, where), language=language)
    if out is None:
        print(text)  # noqa: T201  # plain Markdown, to be piped
    else:
        out.write_text(text, encoding="utf-8")
    return 0


@app.command
def schema() -> int:
    """Print the JSON schema of policy files, for editors."""
    from recyclekit.cli.terminal import emit
    from recyclekit.policy.schema import json_schema

    emit(json_schema())
    return 0


def _load(policy: str | None, where: Where) -> Policy:
    from recyclekit.policy.loader import load_policy

    if policy is not None:
        return load_policy(policy, folder=Path())
    project = where.open()
    return project.policy(project.pipeline_name(where.pipeline))

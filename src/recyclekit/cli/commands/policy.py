"""`recyclekit policy`: check a policy, print it as a document, or print its JSON schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from recyclekit.cli.options import AsOf, Json, Where, business_date

if TYPE_CHECKING:
    import polars as pl

    from recyclekit.models.snapshot import Finding
    from recyclekit.policy.loader import Policy

app = App(name="policy", help="Check a policy, read it as a document, or get its JSON schema.")
Named = Annotated[str | None, Parameter(help="A packaged policy or a path; default: the project's.")]


@app.command
def check(policy: Named = None, *, where: Where = Where(), as_of: AsOf = None, as_json: Json = False) -> int:
    """Say what is wrong or doubtful in a policy: errors with line and column, rules that overlap or can never fire.

    Where there is a project, its own deals are tried as well; else only deals that are made up for the purpose.
    """
    from recyclekit.cli.findings import report_findings
    from recyclekit.policy.check import check_policy

    loaded = _load(policy, where)
    facts, unread = _own_deals(loaded, where, as_of)
    return report_findings([*unread, *check_policy(loaded, facts)], as_json=as_json)


@app.command
def doc(
    policy: Named = None,
    *,
    where: Where = Where(),
    as_of: AsOf = None,
    language: Annotated[Literal["en", "ja"], Parameter(help="Language of the document.")] = "en",
    out: Annotated[Path | None, Parameter(help="Write it here instead of to the terminal.")] = None,
    as_json: Json = False,
) -> int:
    """Print the policy as the definition document that everyone can read (Markdown).

    Where there is a project, examples and counter-examples come from its own deals, as ids.
    """
    from recyclekit.cli.terminal import complain, emit
    from recyclekit.reports.definition import definition

    loaded = _load(policy, where)
    facts, unread = _own_deals(loaded, where, as_of)
    for finding in unread:
        complain(finding.what, fix=finding.fix)
    text = definition(loaded, language=language, facts=facts)
    if out is not None:
        out.write_text(text, encoding="utf-8")
    if as_json:
        emit({"policy": loaded.stamp, "language": language, "document": text})
    elif out is None:
        print(text)  # noqa: T201  # plain Markdown, to be piped
    return 0


@app.command
def schema(*, as_json: Json = False) -> int:  # noqa: ARG001  # taken as by all commands; it changes nothing here
    """Print the JSON schema of policy files, for editors; it is a JSON document with and without --json."""
    from recyclekit.cli.terminal import emit
    from recyclekit.policy.schema import json_schema

    emit(json_schema())
    return 0


def _own_deals(policy: Policy, where: Where, as_of: str | None) -> tuple[pl.DataFrame | None, list[Finding]]:
    """Return facts of the project's own deals under a policy; none where there is no project, or why they lack."""
    from recyclekit.asking import seen_by
    from recyclekit.errors import RecyclekitError
    from recyclekit.models.snapshot import Finding
    from recyclekit.project_file.spec import FILE

    if not (where.project / FILE).is_file() and not where.project.is_file():
        return None, []
    day = business_date(as_of)
    try:
        return seen_by(policy, where.open().job(where.pipeline, day)), []
    except RecyclekitError as error:
        what = f"Your own deals cannot be read, so only made-up ones were tried: {error.what} {error.why}".strip()
        return None, [Finding(level="warning", where="data", what=what, fix=error.fix)]


def _load(policy: str | None, where: Where) -> Policy:
    from recyclekit.policy.loader import load_policy

    if policy is not None:
        return load_policy(policy, folder=Path())
    project = where.open()
    return project.policy(project.pipeline_name(where.pipeline))

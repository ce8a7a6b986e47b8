"""`recyclekit init`: a new project folder, ready to be filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from recyclekit.cli.options import Json


def init(
    folder: Path = Path(),
    *,
    template: Annotated[Literal["csv", "hubspot", "salesforce"], Parameter(help="The system that you have.")] = "csv",
    timezone: Annotated[str, Parameter(help="Time zone of the business, like Europe/Berlin.")] = "Asia/Tokyo",
    as_json: Json = False,
) -> int:
    """Write a project file, a policy of your own, a README and deployments/ into a folder. Overwrites nothing.

    Args:
        folder: Where to put them; made if it does not exist.
    """
    import json

    from recyclekit.cli.terminal import emit, say
    from recyclekit.errors import ConfigError
    from recyclekit.policy import schema
    from recyclekit.project_file import spec as project_file
    from recyclekit.samples.template import POLICY_SCHEMA, PROJECT_SCHEMA, render_project

    # The schemas lie beside the files that name them, so that an editor completes and checks them without a network.
    schemas = {PROJECT_SCHEMA: project_file.json_schema(), POLICY_SCHEMA: schema.json_schema()}
    if not project_file.is_zone(timezone):
        raise ConfigError(f"--timezone {timezone!r} is no time zone.", fix="Write it like Asia/Tokyo or Europe/Berlin.")
    files = render_project(template, timezone=timezone)
    files |= {name: json.dumps(shape, indent=1, ensure_ascii=False) + "\n" for name, shape in schemas.items()}
    there = [name for name in files if (folder / name).exists()]
    if there:
        raise ConfigError(
            f"{folder.resolve()} already holds {', '.join(sorted(there))}.",
            why="init overwrites nothing.",
            fix="Choose another folder, or remove these files first.",
        )
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        say(f"  wrote {path}")
    if as_json:
        emit({"folder": folder.resolve(), "wrote": sorted(files)})
    where = "" if folder == Path() else f" --project {folder}"
    say(f"\nNext: {_first(files[project_file.FILE])}, then:")
    say(f"  recyclekit check{where}\n  recyclekit plan{where} --out plan.json")
    return 0


def _first(project: str) -> str:
    """Return what is to be done before anything can be read: a system asks for a sign-in, files for their columns."""
    import re

    variables = dict.fromkeys(re.findall(r"\$\{(\w+)\}", re.sub(r"#.*", "", project)))
    if variables:
        return f"set what recyclekit.yaml takes from the environment ({', '.join(variables)})"
    return "put your exports there, name their columns in recyclekit.yaml"

"""What a command may load before it knows what it is asked to do."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("polars", "sqlalchemy", "alembic", "prefect", "holidays", "jinja2", "dataframely", "pydantic")


def test_the_command_line_loads_nothing_heavy() -> None:
    loaded = _loaded_by("import recyclekit.cli, recyclekit.cli.app")
    assert not loaded & set(HEAVY)


def test_the_library_never_loads_prefect() -> None:
    assert "prefect" not in _loaded_by("import recyclekit.project, recyclekit.pipeline, recyclekit.connectors")


def _loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())

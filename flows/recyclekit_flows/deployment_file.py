"""deployments/prefect.yaml: read, with what the project knows filled in. What it means, Prefect itself decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from recyclekit.errors import ConfigError
from recyclekit.project import Project
from recyclekit.samples.template import packaged_deployments

PLACE = Path("deployments/prefect.yaml")
PIPELINE, FOLDER, ZONE = "{{ $RECYCLEKIT_PIPELINE }}", "{{ $RECYCLEKIT_PROJECT }}", "{{ $RECYCLEKIT_TIMEZONE }}"


@dataclass(frozen=True, slots=True)
class DeploymentFile:
    """The file's content with the project's values in it; `path` is None where the packaged one was taken."""

    path: Path | None
    content: Mapping[str, Any]

    @property
    def deployments(self) -> list[Mapping[str, Any]]:
        """One mapping per deployment, in the file's order."""
        return list(self.content["deployments"])

    @property
    def pools(self) -> list[str]:
        """The work pools that deployments name, each once."""
        named = [(one.get("work_pool") or {}).get("name") for one in self.deployments]
        return list(dict.fromkeys(str(name) for name in named if name))

    def full_names(self) -> list[str]:
        """Return flow/deployment of each, as Prefect calls them.

        Raises:
            ConfigError: a deployment names no flow that can be imported here.
        """
        return [f"{_flow_name(one)}/{one['name']}" for one in self.deployments]


def read_deployments(project: Project) -> DeploymentFile:
    """Read the project's file, or the packaged one where there is none.

    Raises:
        ConfigError: it cannot be read, or is no file of deployments.
    """
    path = project.folder / PLACE
    text = path.read_text(encoding="utf-8") if path.is_file() else packaged_deployments()["prefect.yaml"]
    shown = path if path.is_file() else None
    try:
        content = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise ConfigError(f"{path} is not YAML.", why=str(error), fix="Correct it.") from error
    listed = content.get("deployments") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, dict) and "name" in one for one in listed):
        raise ConfigError(
            f"{path} holds no list of named deployments.", fix="Compare it with what `recyclekit init` writes."
        )
    filled = [inner for one in listed for inner in _each(one, project)]
    return DeploymentFile(shown, {"name": content.get("name", "recyclekit"), "deployments": filled})


def _flow_name(one: Mapping[str, Any]) -> str:
    from prefect.flows import load_flow_from_entrypoint

    entrypoint = one.get("entrypoint")
    if not isinstance(entrypoint, str):
        raise ConfigError(
            f"The deployment {one['name']} has no entrypoint.", fix="Name a flow, as the packaged file does."
        )
    try:
        module, _, function = entrypoint.rpartition(".")
        found = load_flow_from_entrypoint(entrypoint) if ":" in entrypoint else getattr(import_module(module), function)
        return str(found.name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"The flow {entrypoint} cannot be imported here.",
            why=str(error),
            fix="Install its package here too: a deployment's form is made from the flow itself.",
        ) from error


def _each(one: Mapping[str, Any], project: Project) -> Iterator[dict[str, Any]]:
    """Yield a deployment, once per pipeline where it mentions that."""
    known = {FOLDER: str(project.folder.resolve()), ZONE: project.spec.timezone}
    if PIPELINE in str(one):
        for pipeline in project.spec.pipelines:
            yield _filled(one, {**known, PIPELINE: pipeline})
    else:
        yield _filled(one, known)


def _filled(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {name: _filled(inner, known) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, known) for inner in value]
    if isinstance(value, str):
        for placeholder, meant in known.items():
            value = value.replace(placeholder, meant)
    return value

"""The policy file's JSON schema: what makes an editor complete and check it while typing."""

from __future__ import annotations

from typing import Any

from recyclekit.policy.spec import TIMINGS, PolicyFile

EDITOR_LINE = "# yaml-language-server: $schema=policy.schema.json"
"""First line of a policy file; editors with the YAML language server then read the schema that lies beside it."""


def json_schema() -> dict[str, Any]:
    """Return the schema of a policy file. What `extends` may bring along is not required."""
    schema = PolicyFile.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "recyclekit policy"
    schema["required"] = ["name", "version"]
    track = schema["$defs"]["Track"]
    track.pop("required", None)
    timing = track["properties"]["timing"]
    description = timing.pop("description", "")
    track["properties"]["timing"] = {"anyOf": [timing, {"enum": list(TIMINGS)}], "description": description}
    years = schema["$defs"]["CalendarSpec"]["properties"]["fiscal_years"]
    years["additionalProperties"] = {"type": ["string", "integer"]}
    return schema

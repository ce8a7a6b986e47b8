"""Deal pipelines and their stages: the metadata says what is closed and what is won, never the label."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_SINCE = "2020-01-01T00:00:00.000Z"


@dataclass(slots=True)
class Stage:
    """One stage. Closed and 1.0 is won, closed and 0.0 is lost. `read_only`: only a person may move a deal here."""

    id: str
    label: str
    closed: bool = False
    probability: str = "0.5"
    read_only: bool = False

    def shown(self, place: int) -> dict[str, Any]:
        """Return it as the pipelines API shows it."""
        return {
            "label": self.label,
            "displayOrder": place,
            "metadata": {"isClosed": "true" if self.closed else "false", "probability": self.probability},
            "id": self.id,
            "createdAt": _SINCE,
            "updatedAt": _SINCE,
            "archived": False,
            "writePermissions": "READ_ONLY" if self.read_only else "CRM_PERMISSIONS_ENFORCEMENT",
        }


@dataclass(slots=True)
class Pipeline:
    """One pipeline with its stages in order."""

    id: str
    label: str
    stages: dict[str, Stage] = field(default_factory=dict)

    def shown(self, place: int) -> dict[str, Any]:
        """Return it as the pipelines API shows it."""
        return {
            "label": self.label,
            "displayOrder": place,
            "id": self.id,
            "stages": [stage.shown(number) for number, stage in enumerate(self.stages.values())],
            "createdAt": _SINCE,
            "updatedAt": _SINCE,
            "archived": False,
        }


def sales_pipeline() -> Pipeline:
    """Return the pipeline that every portal starts with."""
    stages = (
        Stage("appointmentscheduled", "Appointment Scheduled", probability="0.2"),
        Stage("qualifiedtobuy", "Qualified To Buy", probability="0.4"),
        Stage("presentationscheduled", "Presentation Scheduled", probability="0.6"),
        Stage("contractsent", "Contract Sent", probability="0.9"),
        Stage("closedwon", "Closed Won", closed=True, probability="1.0"),
        Stage("closedlost", "Closed Lost", closed=True, probability="0.0"),
    )
    return Pipeline("default", "Sales Pipeline", {stage.id: stage for stage in stages})

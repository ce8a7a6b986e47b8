"""What is asked of a run beside its job: who has the last word, how many deals, where reports are served."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from recyclekit.project import Project
from recyclekit.project_file.spec import PipelineSpec

Limit = Annotated[int, Field(ge=1)]


class Approval(StrEnum):
    """Who has the last word before anything is written."""

    PROJECT = "project"
    """What the project file says."""
    NONE = "none"
    """Nobody: the plan is written at once."""
    REQUIRED = "required"
    """A person: the run waits, and its process ends, until somebody has looked at the plan."""
    PLAN_ONLY = "plan_only"
    """Nothing is written: the run ends with its plan."""


@dataclass(frozen=True)
class Wish:
    """What is asked of a run, beside its job."""

    project: Project
    spec: PipelineSpec
    approval: Approval
    limit: int | None
    approve_guards: bool

    @property
    def reports(self) -> str | None:
        """The address under which HTML reports are served."""
        return self.project.spec.reports.base_url

    @property
    def asks(self) -> bool:
        """Whether a person has the last word."""
        wanted = self.spec.approval if self.approval is Approval.PROJECT else self.approval
        return wanted == Approval.REQUIRED

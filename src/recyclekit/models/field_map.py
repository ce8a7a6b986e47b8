"""The field map as data: canonical column → the system's column, with the format where the system does not say."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from recyclekit.models.tables import Table


class FieldSpec(BaseModel):
    """Where one canonical column comes from. A bare string in a file means `{column: that string}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | None = Field(default=None, description="The system's column. Left out where `const` is given.")
    format: str | tuple[str, ...] | None = Field(
        default=None,
        description="Date or time format(s) in strptime letters, `epoch_ms`, `epoch_s` or `iso` (what needs no"
        " declaration, for use beside others); of numbers `1,234.5` or `1.234,5`.",
    )
    timezone: str | None = Field(
        default=None, description="IANA zone of times written without one; default: the project's."
    )
    values: Mapping[str, str] | None = Field(
        default=None, description="The system's values → ours; others are kept as they are."
    )
    const: str | None = Field(default=None, description="The same value for every row, instead of a column.")


def _bare_string_is_column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


Spec = Annotated[FieldSpec, BeforeValidator(_bare_string_is_column)]
FieldMap = Mapping[Table, Mapping[str, Spec]]


class StageMap(BaseModel):
    """Which of the CRM's deal stages are won and which lost; every other stage is open.

    Connectors fill it from the CRM's own stage metadata; a project file only where the system has none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    won: tuple[str, ...] = Field(default=(), description="Deal stages that mean won.")
    lost: tuple[str, ...] = Field(default=(), description="Deal stages that mean lost.")
    open: tuple[str, ...] | None = Field(
        default=None, description="Deal stages that mean open; where given, a stage in none of the three is set aside."
    )


class Mapped(BaseModel):
    """All that normalize must know of one connection, as data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fields: dict[Table, dict[str, Spec]] = Field(
        default_factory=dict, description="Canonical column → system's column, per table."
    )
    stages: StageMap = Field(default_factory=StageMap, description="Won and lost stages.")
    reasons: dict[str, str | tuple[str, ...]] = Field(
        default_factory=dict,
        description="The system's picklist value → canonical reason, or the set of reasons it may mean.",
    )

    def over(self, defaults: Mapped) -> Mapped:
        """Return these entries laid over a connector's defaults, column by column."""
        tables = {*self.fields, *defaults.fields}
        fields = {t: {**defaults.fields.get(t, {}), **self.fields.get(t, {})} for t in tables}
        has_stages = self.stages.won or self.stages.lost
        return Mapped(
            fields=fields,
            stages=self.stages if has_stages else defaults.stages,
            reasons={**defaults.reasons, **self.reasons},
        )

    def declaring(self, readings: Mapping[Table, Mapping[str, tuple[str, ...]]]) -> Mapped:
        """Return the map with these formats (Snapshot.readings) declared wherever none is."""
        fields = {table: dict(specs) for table, specs in self.fields.items()}
        for table, formats in readings.items():
            for name, found in formats.items():
                spec = fields.get(table, {}).get(name)
                if spec is not None and spec.format is None:
                    fields[table][name] = spec.model_copy(update={"format": found})
        return self.model_copy(update={"fields": fields})

    def columns_for(self, wanted: Mapping[Table, Collection[str]]) -> dict[Table, list[str]]:
        """Return the system's columns behind those of ours that are wanted, for each table of which any is."""
        return {
            table: [spec.column for name, spec in specs.items() if spec.column is not None and name in wanted[table]]
            for table, specs in self.fields.items()
            if wanted.get(table)
        }


def columns_of(specs: Mapping[str, FieldSpec]) -> Sequence[str]:
    """Return the system's columns that a table's specs read, each once, in order."""
    return list(dict.fromkeys(spec.column for spec in specs.values() if spec.column is not None))

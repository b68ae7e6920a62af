"""What a mapping does differently from the deployed one, field by field."""

from __future__ import annotations

from dataclasses import dataclass

from lume_dagster.flows.model import Flow
from lume_dagster.mapper.nodes import expressions


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A target field that is made otherwise; None where it is made from nothing, or not there."""

    path: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.path}: {self.after}"
        if self.after is None:
            return f"- {self.path}: {self.before}"
        return f"~ {self.path}: {self.before} -> {self.after}"


def field_changes(before: Flow | None, after: Flow) -> tuple[FieldChange, ...]:
    """The fields whose expressions differ, in order of the schema."""
    old = {} if before is None else expressions(before.mapping, before.target_schema)
    new = expressions(after.mapping, after.target_schema)
    return tuple(
        FieldChange(path, old.get(path), new.get(path))
        for path in dict.fromkeys([*new, *old])
        if old.get(path) != new.get(path)
    )

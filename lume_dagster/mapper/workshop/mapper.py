"""The mapper: how each target field is made, with its lineage and what was looked up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lume_dagster.errors import counted
from lume_dagster.mapper.nodes import Leaf, leaves

if TYPE_CHECKING:
    from lume_dagster.flows.model import Flow
    from lume_dagster.flows.schema import SchemaField
    from lume_dagster.mapper.lineage import Lineage
    from lume_dagster.mapper.workshop.documents import Proposed


@dataclass(frozen=True, slots=True, repr=False)
class Mapper(Mapping[str, str]):
    """Target field -> expression, in order of the schema; deterministic ever after.

    The paths of fields are those of the schema: ``customer.city``; ``lines`` for the list that is
    made from, ``lines[].sku`` for what is in its items. Fields that are made from nothing are not
    there.
    """

    flow: Flow
    version: str  # flow:vN, or flow:draft
    proposals: Mapping[str, Proposed] = field(default_factory=dict)
    lookup_confidence: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Mapper of {self.version}: {counted(len(self), 'field')}>"

    def __getitem__(self, path: str) -> str:
        return self._leaves()[path].expression

    def __iter__(self) -> Iterator[str]:
        return iter(self._leaves())

    def __len__(self) -> int:
        return len(self._leaves())

    def _leaves(self) -> dict[str, Leaf]:
        return {leaf.path: leaf for leaf in leaves(self.flow.mapping, self.flow.target_schema)}

    @property
    def mapping(self) -> Mapping[str, Any]:
        """The mapping as the flow file writes it."""
        return self.flow.mapping

    @property
    def transformations(self) -> list[dict[str, str]]:
        """The fields as a list of ``targetField`` (items as ``[*]``) and ``transformation``."""
        return [
            {"targetField": path.replace("[]", "[*]"), "transformation": expression}
            for path, expression in self.items()
        ]

    @property
    def manifest(self) -> list[dict[str, Any]]:
        """The lineage of each field: what it depends on, with its children inside it."""
        lineage = self._lineage()
        return [_manifest(f, lineage) for f in self.flow.target_schema.fields]

    @property
    def spec(self) -> dict[str, dict[str, Any]]:
        """For each field its sources, constants and lookups, and how sure the lookups are."""
        return {path: self._spec(path, found) for path, found in self._lineage().items()}

    def dependents(self, source: str) -> tuple[str, ...]:
        """The target fields that are made from a source column, or from what is inside it."""
        return tuple(
            path
            for path, found in self._lineage().items()
            if any(s == source or s.startswith((f"{source}.", f"{source}[")) for s in found.sources)
        )

    def _lineage(self) -> dict[str, Lineage]:
        from lume_dagster.mapper.lineage import lineage_of  # with the parser, which loads slowly

        return {
            path: lineage_of(leaf.expression, f"mapping.{path}", leaf.variables)
            for path, leaf in self._leaves().items()
        }

    def _spec(self, path: str, found: Lineage) -> dict[str, Any]:
        spec: dict[str, Any] = {
            "@sources": list(found.sources),
            "@default_values": list(found.defaults),
            "@lookup": dict(found.lookups),
        }
        scored, proposed = self.lookup_confidence.get(path), self.proposals.get(path)
        if found.lookups and scored is None and proposed is not None:
            from lume_dagster.mapper.convert.program import Confidence

            sure = Confidence.of(proposed.confidence).value
            scored = {source: sure for source, _ in found.lookups}
        if found.lookups and scored is not None:
            spec["confidence_score"] = {"lookup_confidence": dict(scored)}
        return spec


def _manifest(target: SchemaField, lineage: Mapping[str, Lineage]) -> dict[str, Any]:
    from lume_dagster.mapper.lineage import Lineage

    found = lineage.get(target.path, Lineage())
    inner = target.items.fields if target.items is not None else target.fields
    types = [target.type, *(["null"] if target.nullable else [])]
    return {
        "property": {"name": target.name, "path": target.path, "types": types},
        "dependencies": {
            "source_properties": list(found.sources),
            "default_values": list(found.defaults),
            "target_properties": list(found.fields),
            "seeds": [{"seed": seed, "column": column} for seed, column in found.seeds],
        },
        "lookup_mappings": [{"source": s, "target": t} for s, t in found.lookups],
        "conditional": found.conditional,
        "children": [_manifest(f, lineage) for f in inner],
    }

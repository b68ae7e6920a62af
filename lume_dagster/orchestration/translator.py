"""What the assets of a flow version are called and how they are shown: one function decides it.

The key that it gives an asset is used everywhere: in its spec, in what depends on it, in column
lineage, in checks, sensors and schedules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import dagster as dg

from lume_dagster.flows.model import FlowVersion
from lume_dagster.orchestration import names
from lume_dagster.orchestration.checks.options import USUAL, Checks
from lume_dagster.orchestration.code_references import file_reference, step_reference
from lume_dagster.orchestration.workspace import Workspace
from lume_dagster.runs.status import STEPS

_DESCRIPTIONS = {
    "source": "The batch as it was delivered, staged as Parquet.",
    "transform": "Rows in the target schema, and rejects with every reason why.",
    "target": "Mapped rows and rejects in the target system.",
}


@dataclass(frozen=True, slots=True)
class FlowProps:
    """What a translator is given: a step of a version.

    Attributes:
        version: The flow version.
        step: ``source``, ``transform`` or ``target``.
        prefix: The first part of every key, unless the translator decides otherwise.
        kinds: What each connector of the code location is a kind of, by its name.
    """

    version: FlowVersion
    step: str
    prefix: str
    kinds: Mapping[str, str]

    @property
    def flow(self) -> str:
        """The name of the flow, for templates."""
        return self.version.flow.flow

    @property
    def number(self) -> int:
        """The number of the version, for templates."""
        return self.version.version


@dataclass(frozen=True, slots=True)
class SeedProps:
    """What a translator is given for a seed file, which several flows may share.

    Attributes:
        path: Where it lies, links followed.
        name: The same within the library of flows: ``contacts/seeds/countries.csv``.
        prefix: The first part of every key, unless the translator decides otherwise.
    """

    path: Path
    name: str
    prefix: str


class LumeTranslator:
    """Override its methods to call assets otherwise, or to show more with them."""

    def get_seed_spec(self, props: SeedProps) -> dg.AssetSpec:
        """The spec of a seed file."""
        return dg.AssetSpec(
            [props.prefix, *PurePosixPath(props.name).with_suffix("").parts],
            description=f"What lookups of flows find in `{props.name}`.",
            group_name="seeds",
            kinds={"csv"},
            metadata={
                "dagster/uri": props.path.as_uri(),
                **file_reference(props.path, 1, props.name),
            },
        )

    def get_asset_spec(self, props: FlowProps) -> dg.AssetSpec:
        """The spec of one step; partitions and the step before it are added to what it says."""
        flow = props.version.flow
        return dg.AssetSpec(
            names.asset_key(props.prefix, props.version, props.step),
            description="\n\n".join(filter(None, [flow.description, _DESCRIPTIONS[props.step]])),
            group_name=f"{flow.flow}/v{props.number}",  # nodes of the graph show only "source"
            owners=list(flow.owners),
            tags={**flow.tags, "lume/flow": flow.flow, "lume/version": str(props.number)},
            code_version=props.version.digest,
            kinds={_kind(props)},
            metadata={**_metadata(props), **step_reference(props.version, props.step)},
        )


def _kind(props: FlowProps) -> str:
    flow = props.version.flow
    connectors = {"source": flow.source.connector, "target": flow.target.connector}
    return props.kinds[connectors[props.step]] if props.step in connectors else "sql"


def _metadata(props: FlowProps) -> Mapping[str, str]:
    if props.step != "target":
        return {}
    target = props.version.flow.target
    return {
        "dagster/table_name": target.table,
        "dagster/storage_kind": props.kinds[target.connector],
        "lume/write": target.write,
        "lume/rejects_table": f"{target.table}_rejects",
    }


@dataclass(frozen=True, slots=True)
class SeedPlace:
    """A seed file that people edit, and the asset it is."""

    path: Path
    spec: dg.AssetSpec


@dataclass(frozen=True, slots=True)
class Placed:
    """A flow version as it stands in Dagster.

    Attributes:
        version: What runs.
        specs: Its assets, in the order of the steps.
        partitions: The name of its partitions; None where a translator gave it fixed ones.
        workspace: Where its data lies; None where the resource ``lume`` says so.
        connectors: Its connectors by name, those that are no resources of the code location.
        checks: What its batches are held to beside what the flow says.
        seeds: Its seed files as assets, by the names it gives them.
    """

    version: FlowVersion
    specs: tuple[dg.AssetSpec, ...]
    partitions: str | None
    workspace: Workspace | None = None
    connectors: Mapping[str, object] = field(default_factory=dict)
    checks: Checks = USUAL
    seeds: Mapping[str, SeedPlace] = field(default_factory=dict)

    def key(self, step: str) -> dg.AssetKey:
        """The asset of a step."""
        return self.specs[STEPS.index(step)].key

    @property
    def keys(self) -> list[dg.AssetKey]:
        """The assets in their order."""
        return [spec.key for spec in self.specs]

    def connector(self, resources: object, name: str) -> Any:
        """A connector by its name, its own or of the code location."""
        return self.connectors[name] if name in self.connectors else getattr(resources, name)

    def resources_of(self, *connectors: str) -> set[str]:
        """The keys of the resources that stand for these connectors."""
        return set(connectors) - self.connectors.keys()


def place(  # noqa: PLR0913 - what a code location says of all its versions, by name
    version: FlowVersion,
    prefix: str,
    kinds: Mapping[str, str],
    translator: LumeTranslator | None = None,
    *,
    workspace: Workspace | None = None,
    connectors: Mapping[str, object] | None = None,
    checks: Checks = USUAL,
    seen: dict[Path, SeedPlace | None] | None = None,
) -> Placed:
    """The version with the keys that the translator gives it.

    ``seen`` are the seeds of versions that were placed together with this one: most are the same.
    """
    chosen = translator or LumeTranslator()
    dynamic = dg.DynamicPartitionsDefinition(name=names.partitions_name(prefix, version))
    specs: list[dg.AssetSpec] = []
    seeds = _seeds(version, prefix, chosen, {} if seen is None else seen)
    for step in STEPS:
        spec = chosen.get_asset_spec(FlowProps(version, step, prefix, kinds))
        before = [dg.AssetDep(specs[-1].key)] if specs else []
        if step == "transform":
            before += [dg.AssetDep(seed.spec.key) for seed in seeds.values()]
        given = [dep for dep in spec.deps if dep.asset_key not in {d.asset_key for d in before}]
        specs.append(
            spec.replace_attributes(
                deps=[*before, *given],
                partitions_def=spec.partitions_def or dynamic,
                skippable=True,
                metadata={**spec.metadata, names.VERSION: version.name, names.STEP: step},
            ).with_io_manager_key(names.IO_MANAGER)
        )
    partitions = _partitions_name(specs[0])
    return Placed(version, tuple(specs), partitions, workspace, connectors or {}, checks, seeds)


def _seeds(
    version: FlowVersion, prefix: str, chosen: LumeTranslator, seen: dict[Path, SeedPlace | None]
) -> Mapping[str, SeedPlace]:
    """The files beside the draft that the version's seeds were copied from, where they are."""
    home = Path(version.folder).parent
    for path in (home / seed.path for seed in version.flow.seeds.values()):
        if path not in seen:
            seen[path] = _seed(path, home.parent.resolve(), prefix, chosen)
    places = {name: seen[home / seed.path] for name, seed in version.flow.seeds.items()}
    return {name: found for name, found in places.items() if found is not None}


def _seed(path: Path, library: Path, prefix: str, chosen: LumeTranslator) -> SeedPlace | None:
    path = path.resolve()
    if not path.is_file() or not path.is_relative_to(library):
        return None
    props = SeedProps(path, path.relative_to(library).as_posix(), prefix)
    return SeedPlace(path, chosen.get_seed_spec(props))


def placed_in(definitions: dg.Definitions, version: FlowVersion) -> Placed:
    """The version as a code location has placed it."""
    found = {
        str(spec.metadata[names.STEP]): spec
        for asset in definitions.assets or ()
        if isinstance(asset, dg.AssetsDefinition)
        for spec in asset.specs
        if spec.metadata.get(names.VERSION) == version.name
    }
    specs = tuple(found[step] for step in STEPS)
    return Placed(version, specs, _partitions_name(specs[0]))


def _partitions_name(spec: dg.AssetSpec) -> str | None:
    found = spec.partitions_def
    return found.name if isinstance(found, dg.DynamicPartitionsDefinition) else None

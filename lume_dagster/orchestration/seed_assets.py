"""Seed files as assets: what people edit is observed, what a version froze is what its runs used.

A version looks things up in its own copies of its seeds, which never change. The assets stand for
the files beside the draft: when one of them has changed, what was made with an older copy is stale
in Dagster, and it is time to publish.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import dagster as dg

from lume_dagster.flows.library import Library
from lume_dagster.flows.model import FlowVersion
from lume_dagster.flows.seeds import file_digest
from lume_dagster.orchestration import names
from lume_dagster.orchestration.translator import Placed, SeedPlace
from lume_dagster.runs.uploads import Upload

_VERSION_TAG = "dagster/data_version"
_INPUT_TAG = "dagster/input_data_version"

#: One object for a seed that several components of a project share: Dagster merges only the same.
_made: dict[tuple[object, ...], dg.AssetsDefinition] = {}


def seed_assets(placed: Sequence[Placed]) -> list[dg.AssetsDefinition]:
    """An asset for each seed file of some versions; one, if several flows share it."""
    found = {seed.spec.key: seed for one in placed for seed in one.seeds.values()}
    return [_seed_asset(seed) for seed in found.values()]


def frozen_seeds(version: FlowVersion, library: Library) -> Mapping[str, str]:
    """The digest of each seed as it was published, by the seed's name."""
    if not version.flow.seeds:
        return {}
    published = library.lock(version.flow.flow).published(version.version)
    return dict(published.seeds) if published is not None else {}


def used_seeds(
    version: FlowVersion, frozen: Mapping[str, str], upload: Upload | None
) -> Mapping[str, str]:
    """The same of what a batch uses, which may have brought some of its own."""
    digests = dict(frozen)
    if upload is not None:
        given = {file: upload.folder / "seeds" / file for file in upload.seeds}
        for name, seed in version.flow.seeds.items():
            if Path(seed.path).name in given:
                digests[name] = file_digest(given[Path(seed.path).name])
    return digests


def input_tags(placed: Placed, digests: Mapping[str, str]) -> dict[str, str]:
    """Tags by which Dagster compares what a transform used with what the files are now."""
    return {
        f"{_INPUT_TAG}/{seed.spec.key.to_user_string()}": digests[name]
        for name, seed in placed.seeds.items()
        if name in digests
    }


def observe_unseen(context: dg.AssetExecutionContext, placed: Placed) -> None:
    """Look at seeds that nobody has looked at yet: Dagster takes those for changed."""
    for seed in placed.seeds.values():
        key = seed.spec.key
        if seed.path.is_file() and not context.instance.fetch_observations(key, limit=1).records:
            tags = {_VERSION_TAG: file_digest(seed.path)}
            context.log_event(dg.AssetObservation(key, metadata=_metadata(seed), tags=tags))


def _seed_asset(seed: SeedPlace) -> dg.AssetsDefinition:
    spec = seed.spec
    identity = (spec.key, seed.path, spec.group_name, spec.description, repr(spec.metadata))
    if identity not in _made:
        _made[identity] = _observable(seed)
    return _made[identity]


def _observable(seed: SeedPlace) -> dg.AssetsDefinition:
    words = "_".join(names.word(part) for part in seed.spec.key.path)
    name = f"observe_{words[-80:]}_{sha256(str(seed.spec.key).encode()).hexdigest()[:8]}"

    def observe() -> Iterator[dg.ObserveResult]:
        version = dg.DataVersion(file_digest(seed.path))
        yield dg.ObserveResult(
            asset_key=seed.spec.key, data_version=version, metadata=_metadata(seed)
        )

    with warnings.catch_warnings():  # a feature in beta, chosen knowingly
        warnings.filterwarnings("ignore", message=".*multi_observable_source_asset.*")
        decorate: Callable[[object], dg.AssetsDefinition] = dg.multi_observable_source_asset(
            name=name, specs=[seed.spec]
        )
    return decorate(observe)


def _metadata(seed: SeedPlace) -> dict[str, Any]:
    return {"dagster/uri": seed.path.as_uri(), "lume/bytes": seed.path.stat().st_size}

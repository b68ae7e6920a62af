"""One name for each batch: what people write is made the full name before it is a partition.

``contacts.csv``, ``./contacts.csv`` and ``file:///data/contacts.csv`` are one batch. A batch that
Dagster knows by another of its names, in any version of the flow, keeps that one: under two names
its rows would be in the target twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeGuard
from urllib.parse import unquote

import dagster as dg

from lume_dagster.connectors.protocol import NamingSource
from lume_dagster.errors import BatchError, LumeError
from lume_dagster.orchestration.names import check_source_path
from lume_dagster.orchestration.translator import Placed
from lume_dagster.runs.uploads import is_upload

if TYPE_CHECKING:
    from lume_dagster.flows.library import Library
    from lume_dagster.flows.model import FlowVersion


def full_name(connector: object, version: FlowVersion, source_path: str) -> str:
    """The full name of a batch; what a database calls a batch is its name as it stands.

    Raises:
        InvalidRequestError: it cannot be a partition.
        BatchError: it cannot be a name in the flow's source.
    """
    check_source_path(source_path)
    if is_upload(source_path) or not _gives_names(connector, version):
        return source_path
    return check_source_path(connector.full_name(source_path))


def _gives_names(connector: object, version: FlowVersion) -> TypeGuard[NamingSource]:
    return version.flow.source.query is None and isinstance(connector, NamingSource)


@dataclass(frozen=True)
class BatchNames:
    """The names by which Dagster knows the batches of a flow, looked up once.

    Attributes:
        many: Whether more than one will be asked for: then one query answers for all of them.
    """

    instance: dg.DagsterInstance
    placed: Placed
    connector: object
    library: Library
    many: bool = False

    def of(self, source_path: str) -> str:
        """The name under which a batch is to run: one it has already, or else its full name."""
        version = self.placed.version
        if self.placed.partitions is None:  # a translator's own, which are called as they are
            return check_source_path(source_path)
        full = full_name(self.connector, version, source_path)
        if not _gives_names(self.connector, version):
            return full
        if not self.many and self.instance.has_dynamic_partition(self.placed.partitions, full):
            return full
        if full in self._known:
            return full
        return self._others.get(full, full)

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(_partitions(self.instance, self.placed, self.library))

    @cached_property
    def _others(self) -> Mapping[str, str]:
        """Names that are not full ones, by what they stand for."""
        found: dict[str, str] = {}
        for name in sorted(self._known):
            full = _meant(self.connector, self.placed.version, name)
            if full not in (None, name):
                found.setdefault(str(full), name)
        return found


@dataclass(frozen=True, slots=True)
class SecondNames:
    """Of the batches of a run those that Dagster knows by another name too.

    Attributes:
        full: Full names that are partitions, by the names that people typed in their place.
        short: Names that are partitions, by the full names that people typed in their place.
        targets: The target assets of all versions of the flow.
    """

    full: Mapping[str, str] = field(default_factory=dict)
    short: Mapping[str, str] = field(default_factory=dict)
    targets: tuple[dg.AssetKey, ...] = ()

    def refuse(self, instance: dg.DagsterInstance, target: dg.AssetKey, source_path: str) -> None:
        """Refuse to run a batch by a name that it was never run by, while it has another.

        Raises:
            BatchError: its rows would be in the target under two names.
        """
        from lume_dagster.orchestration.newest import newest  # with the engine's values

        full, short = self.full.get(source_path), self.short.get(source_path)
        if full is None and short is None:
            return
        if newest(instance, target, source_path) is not None:
            return
        if full is not None:
            raise BatchError(
                f"{source_path} is the batch {full}, which is a partition already: under two names"
                " its rows would be in the target twice.",
                hint=f"run {full}.",
            )
        if any(newest(instance, key, short) for key in self.targets):
            raise BatchError(
                f"{source_path} is the batch {short}, which was run by that name: under two names"
                " its rows would be in the target twice.",
                hint=f"run {short}, and delete the partition {source_path}.",
            )


def second_names(
    instance: dg.DagsterInstance,
    placed: Placed,
    connector: object,
    library: Library,
    batches: Sequence[str],
) -> SecondNames:
    """The names that the batches of a run have beside those by which it is to take them."""
    version = placed.version
    if placed.partitions is None or not _gives_names(connector, version):
        return SecondNames()
    known = set(_partitions(instance, placed, library))
    meant = {name: _full(connector, version, name) for name in batches}
    full = {name: one for name, one in meant.items() if one != name and one in known}
    wanted = {name for name, one in meant.items() if one == name}
    tails = {tail for name in wanted for tail in _tails(name)}
    short: dict[str, str] = {}
    for name in sorted(name for name in known if not tails.isdisjoint(_tails(name))):
        full_one = _full(connector, version, name)
        if full_one != name and full_one in wanted:
            short.setdefault(full_one, name)
    return SecondNames(full, short, _targets(placed, library) if short else ())


def _tails(name: str) -> tuple[str, str]:
    """The last part of a name, which all names of a batch share, as it stands or as in a URI."""
    last = name.rstrip("/").rpartition("/")[2]
    return last, unquote(last)


def _targets(placed: Placed, library: Library) -> tuple[dg.AssetKey, ...]:
    """The target asset of each version, as far as its key says the version as ours does."""
    key, flow = placed.key("target"), placed.version.flow.flow
    mine = f"v{placed.version.version}"
    others = [
        dg.AssetKey([f"v{number}" if part == mine else part for part in key.path])
        for number in library.versions(flow)
    ]
    return tuple(dict.fromkeys([key, *others]))


def _full(connector: object, version: FlowVersion, name: str) -> str:
    """The full name of a batch; the name itself where it is none here any more."""
    try:
        return full_name(connector, version, name)
    except LumeError:
        return name


def _meant(connector: object, version: FlowVersion, name: str) -> str | None:
    """The full name, or None for one that is none here any more."""
    if "://" in name:
        return name
    try:
        return full_name(connector, version, name)
    except LumeError:
        return None


def _partitions(instance: dg.DagsterInstance, placed: Placed, library: Library) -> Iterator[str]:
    """The batches of all versions of the flow: their rows may be in one table."""
    if placed.partitions is None:
        return
    home = placed.partitions.rpartition("/")[0]
    names = {f"{home}/v{number}" for number in library.versions(placed.version.flow.flow)}
    for name in sorted({*names, placed.partitions}):
        yield from instance.get_dynamic_partitions(name)

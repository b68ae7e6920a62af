"""Find connectors by their kind, through the entry points that a third party's package uses too."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from lume_dagster.errors import ConnectorError, did_you_mean

GROUP = "lume_dagster.connectors"


def connector_kinds() -> Mapping[str, EntryPoint]:
    """Every installed connector by its kind; nothing is imported."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise ConnectorError(
                f"Two installed packages offer the connector kind {point.name!r}: "
                f"{other.value} and {point.value}.",
                hint="uninstall one of them",
            )
    return found


def connector_class(kind: str) -> type[Any]:
    """The class of a kind of connector, imported now.

    Raises:
        ConnectorError: no installed package offers the kind, or it cannot be imported.
    """
    kinds = connector_kinds()
    if kind not in kinds:
        raise ConnectorError(
            f"There is no connector of the kind {kind!r}.", hint=did_you_mean(kind, kinds)
        )
    try:
        loaded = kinds[kind].load()
    except (ImportError, AttributeError) as error:
        raise ConnectorError(
            f"The connector kind {kind!r} stands for {kinds[kind].value}, "
            f"which cannot be imported: {error}.",
            hint="check the entry point and the package that declares it",
        ) from error
    if not isinstance(loaded, type):
        raise ConnectorError(f"The connector kind {kind!r} stands for {loaded!r}, not for a class.")
    return loaded

"""Connectors that a component brings along, as its YAML describes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import ValidationError

from lume_dagster.connectors.registry import connector_class, connector_kinds
from lume_dagster.errors import FlowError, did_you_mean

_ENV = "env"
#: Fields that hold a path of this machine; a relative one is taken from the project's folder.
_PATHS = frozenset({"root", "path"})


def connector_of(name: str, given: Mapping[str, Any], project: Path) -> object:
    """The connector that ``{kind: postgres, host: ..., password: {env: PG_PASSWORD}}`` describes.

    Raises:
        FlowError: the kind, or a field of it, is not there or has no such value.
    """
    fields = {key: _value(value) for key, value in given.items()}
    kind = fields.pop("kind", None)
    if not isinstance(kind, str):
        raise FlowError(
            f"The connection {name!r} does not say what kind it is.",
            hint=f"kind: one of {', '.join(sorted(connector_kinds()))}.",
        )
    connector = connector_class(kind)
    known = getattr(connector, "model_fields", {})
    for key in fields:
        if known and key not in known:
            raise FlowError(
                f"The connection {name!r} has a field {key!r}, which a connector of the kind"
                f" {kind} does not know.",
                hint=did_you_mean(key, known),
            )
    located = {key: _located(key, value, project) for key, value in fields.items()}
    try:
        return connector(**located)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or kind}: {e['msg']}" for e in error.errors()
        )
        raise FlowError(
            f"The connection {name!r} is no {kind} connector: {faults}.",
            hint="lume connect list shows the kinds, docs/connectors.md their fields.",
        ) from None


def _value(given: Any) -> Any:
    """``{env: NAME}`` is read when the connector is used, and shows up nowhere."""
    if isinstance(given, Mapping) and set(given) == {_ENV}:
        return dg.EnvVar(str(given[_ENV]))
    return given


def _located(key: str, value: Any, project: Path) -> Any:
    if key in _PATHS and isinstance(value, str) and "://" not in value:
        return str(project / Path(value).expanduser())
    return value

"""Put what one person changed on top of what another has deployed: three flows become one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lume_dagster.errors import InvalidRequestError, did_you_mean
from lume_dagster.flows.diff import ABSENT, canonical
from lume_dagster.flows.model import Flow
from lume_dagster.mapper.nodes import complete
from lume_dagster.mapper.workshop.pipelines import parsed_schema
from lume_dagster.mapper.workshop.running import changed_flow

Side = Literal["mine", "theirs"]
_ORDER = "schema (order)"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A part that both have changed; None where a side does not have it.

    ``part`` is the name of a target field, for its mapping; ``schema.<field>`` for what the schema
    says of it.
    """

    part: str
    base: Any
    mine: Any
    theirs: Any

    def __str__(self) -> str:
        return f"{self.part}: {self.base!r} became {self.mine!r} here and {self.theirs!r} there"


def merge(
    base: Flow, mine: Flow, theirs: Flow, settle: Mapping[str, Side]
) -> tuple[Flow | None, tuple[Conflict, ...]]:
    """``theirs`` with what ``mine`` changed of ``base``; or what must be settled first.

    Raises:
        InvalidRequestError: something is settled that is no conflict.
    """
    old, own, new = (_parts(flow) for flow in (base, mine, theirs))
    merged: dict[str, Any] = {}
    conflicts: list[Conflict] = []
    for part in dict.fromkeys([*new, *own, *old]):
        b, m, t = (side.get(part, ABSENT) for side in (old, own, new))
        if _same(m, b) or _same(m, t):
            merged[part] = t
        elif _same(t, b) or part == _ORDER:
            merged[part] = m
        else:
            conflicts.append(Conflict(part, *(None if v is ABSENT else v for v in (b, m, t))))
            merged[part] = m if settle.get(part) == "mine" else t
    _require_conflicts(settle, [c.part for c in conflicts])
    open_ones = tuple(c for c in conflicts if c.part not in settle)
    return (None, open_ones) if open_ones else (_assembled(theirs, merged), ())


def _require_conflicts(settle: Mapping[str, Side], parts: list[str]) -> None:
    for part, side in settle.items():
        if part not in parts:
            raise InvalidRequestError(f"{part!r} is no conflict.", hint=did_you_mean(part, parts))
        if side not in ("mine", "theirs"):
            message = f"{part} is settled by {side!r}."
            raise InvalidRequestError(message, hint="say mine or theirs.")


def _same(one: Any, other: Any) -> bool:
    if one is ABSENT or other is ABSENT:
        return one is other
    return canonical(one) == canonical(other)


def _parts(flow: Flow) -> dict[str, Any]:
    """The mapping field by field, and the schema property by property."""
    schema = dict(flow.schema_)
    properties, required = schema.pop("properties"), schema.pop("required", [])
    parts: dict[str, Any] = dict(flow.mapping)
    parts |= {f"schema.{name}": [inner, name in required] for name, inner in properties.items()}
    parts |= {f"schema ({word})": value for word, value in schema.items()}
    return parts | {_ORDER: list(properties)}


def _assembled(theirs: Flow, parts: Mapping[str, Any]) -> Flow:
    there = {part: value for part, value in parts.items() if value is not ABSENT}
    fields = _stripped(there, lambda p: p.startswith("schema."), len("schema."))
    order = [name for name in there[_ORDER] if name in fields]
    order += [name for name in fields if name not in order]
    words = _stripped(there, lambda p: p.startswith("schema (") and p != _ORDER, len("schema ("))
    schema = {word.removesuffix(")"): value for word, value in words.items()}
    required = [name for name in order if fields[name][1]]
    schema["properties"] = {name: fields[name][0] for name in order}
    if required:
        schema["required"] = required
    mapping = {name: there[name] for name in order if name in there}
    return changed_flow(theirs, schema=schema, mapping=complete(mapping, parsed_schema(schema)))


def _stripped(
    parts: Mapping[str, Any], chosen: Callable[[str], bool], length: int
) -> dict[str, Any]:
    return {part[length:]: value for part, value in parts.items() if chosen(part)}

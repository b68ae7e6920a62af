"""What a flow says, part by part: the ground of its digest and of the difference of two flows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from lume_dagster.flows.model import CHECK_KINDS, Flow, FlowVersion
from lume_dagster.flows.seeds import seed_digests


class _Absent(Enum):
    ABSENT = "-"

    def __repr__(self) -> str:
        return "ABSENT"


#: Stands for a part that one of the two flows does not have.
ABSENT: Final = _Absent.ABSENT

Parts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One part that differs; ``ABSENT`` on the side that does not have it."""

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.before is ABSENT:
            return f"+ {self.path}: {_shown(self.after)}"
        if self.after is ABSENT:
            return f"- {self.path}: {_shown(self.before)}"
        return f"~ {self.path}: {_shown(self.before)} -> {_shown(self.after)}"


def diff(before: Flow | FlowVersion, after: Flow | FlowVersion) -> tuple[Change, ...]:
    """What differs, part by part; for versions also the content of their seeds."""
    return tuple(_changes(_all_parts(before), _all_parts(after)))


def render_diff(changes: tuple[Change, ...], before: str, after: str) -> str:
    """The changes as text for people: ``+`` new, ``-`` gone, ``~`` changed."""
    return "\n".join(map(str, changes)) or f"{before} and {after} say the same."


# -- parts ------------------------------------------------------------------------------------


def flow_parts(flow: Flow) -> Parts:
    """What the flow says, by dotted path; what has its default is not said.

    Order is a part of its own where it means something: of columns, rules and checks.
    """
    value = flow.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    schema = dict(value.pop("schema"))
    rules = {rule.pop("name"): rule for rule in value.pop("rules", ())}
    checks = _named_checks(value.pop("checks", ()))
    properties = schema.pop("properties", {})
    parts = dict(_leaves(value))
    parts |= {f"schema.{key}": inner for key, inner in schema.items()}
    for section, named in (("schema.properties", properties), ("rules", rules), ("checks", checks)):
        parts |= {f"{section}.{name}": inner for name, inner in named.items()}
        if named:
            parts[f"{section} (order)"] = list(named)
    return parts


def _leaves(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Sections in pieces a person would name: each entry of seeds and mapping is one."""
    for section, inner in value.items():
        depth = _DEPTHS.get(section, 0)
        yield from _descend(section, inner, depth)


_DEPTHS = {"source": 2, "target": 1, "seeds": 2, "mapping": 1, "errors": 2, "tags": 1}


def _descend(path: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if depth == 0 or not isinstance(value, Mapping) or not value:
        yield path, value
        return
    for key, inner in value.items():
        yield from _descend(f"{path}.{key}", inner, depth - 1)


def _named_checks(checks: tuple[dict[str, Any], ...] | list[dict[str, Any]]) -> dict[str, Any]:
    """Checks by what they are about, for they have no name of their own."""
    named: dict[str, Any] = {}
    for check in checks:
        kind = next(k for k in CHECK_KINDS if k in check)
        about = check[kind]
        fields = about.get("field", "") if isinstance(about, Mapping) else about
        fields = fields if isinstance(fields, str) else ",".join(fields)
        name = f"{kind}({fields})" if fields else kind
        again = sum(other.split("#")[0] == name for other in named)
        named[f"{name}#{again + 1}" if again else name] = check
    return named


def _all_parts(of: Flow | FlowVersion) -> Parts:
    if isinstance(of, Flow):
        return flow_parts(of)
    folder = Path(of.folder)
    digests = seed_digests(of.flow, folder, folder.parent)
    return flow_parts(of.flow) | {f"seeds.{name}.content": d for name, d in digests.items()}


# -- digests ----------------------------------------------------------------------------------


def flow_digest(flow: Flow, seeds: Mapping[str, str]) -> str:
    """The sha256 of what the flow says and of its seeds; layout and comments have no part in it."""
    parts = {path: canonical(value) for path, value in flow_parts(flow).items()}
    return _sha256(json.dumps([sorted(parts.items()), sorted(seeds.items())]))


def part_digests(flow: Flow) -> dict[str, str]:
    """Eight digits for each part: enough to say which one is no longer what it was."""
    return {path: _sha256(canonical(v))[:8] for path, v in sorted(flow_parts(flow).items())}


def canonical(value: Any) -> str:
    """JSON in which equal things are equal texts: 1 and 1.0, keys in any order but properties."""
    return _ENCODER.encode(_normal(value))


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _normal(value: Any) -> Any:
    if isinstance(value, str):  # most are, and to ask whether they are mappings takes longer
        return value
    if isinstance(value, Mapping):
        ordered = {k: _normal(v) for k, v in sorted(value.items())}
        if isinstance(value.get("properties"), Mapping):
            ordered["properties"] = [[k, _normal(v)] for k, v in value["properties"].items()]
        return ordered
    if isinstance(value, list | tuple):
        return [_normal(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# -- differences ------------------------------------------------------------------------------


def _changes(before: Parts, after: Parts) -> Iterator[Change]:
    for path in dict.fromkeys([*before, *after]):
        old, new = before.get(path, ABSENT), after.get(path, ABSENT)
        if path.endswith(" (order)") and not _is_reordered(old, new):
            continue
        yield from _change(path, old, new)


def _is_reordered(old: Any, new: Any) -> bool:
    return old is not ABSENT and new is not ABSENT and sorted(old) == sorted(new)


def _change(path: str, old: Any, new: Any) -> Iterator[Change]:
    if old is not ABSENT and new is not ABSENT and canonical(old) == canonical(new):
        return
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        yield Change(path, old, new)
        return
    inner = [
        change
        for key in dict.fromkeys([*old, *new])
        for change in _change(f"{path}.{key}", old.get(key, ABSENT), new.get(key, ABSENT))
    ]
    yield from inner or [Change(path, old, new)]  # the same properties in another order


_WIDTH = 200


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}..."

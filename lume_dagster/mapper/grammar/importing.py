"""Import a mapper of the older grammar as the mapping of a flow.

It is a list of ``{targetField, transformation}`` (or ``field_name`` for the first), or an object
that has one under ``transformations`` or ``mapper``, or an object of transformations by field.
One thing is stricter than it was: a value that a lookup does not know, and that has no default,
rejects its row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lume_dagster.errors import FlowError, InvalidRequestError, did_you_mean
from lume_dagster.flows.schema import SchemaField, TargetSchema
from lume_dagster.mapper.grammar.paths import ITEMS, Scope, Steps, shown, steps_of
from lume_dagster.mapper.grammar.transformations import expression_of, is_transformation, paths_of

__all__ = ["import_mapper", "import_transformation", "is_transformation", "target_of"]

_NAMES = ("targetField", "field_name")
_LISTED = ("transformations", "mapper")


@dataclass(slots=True)
class _Target:
    """A target field: its own transformation, the fields inside it, or its items."""

    path: str
    given: Any = None
    inner: dict[str, _Target] = field(default_factory=dict)

    def walk(self) -> Iterator[_Target]:
        yield self
        for target in self.inner.values():
            yield from target.walk()


def import_mapper(document: Any, schema: TargetSchema | None = None) -> dict[str, Any]:
    """The mapping of a flow that does what the document says.

    Args:
        document: the mapper, as it was exported.
        schema: of the target; with it, objects and lists that were extracted whole are mapped.

    Raises:
        FlowError: something in it cannot be read, or cannot be said in a flow.
    """
    root = _Target("")
    for path, given in _entries(document):
        _plant(root, steps_of(path, "targetField"), given)
    fields = {} if schema is None else {f.path: f for f in schema.walk()}
    _require_known(root, fields)
    return {name: _node(t, Scope(), fields) for name, t in root.inner.items()}


def import_transformation(given: Any, path: str) -> str:
    """One transformation as an expression over source columns."""
    return expression_of(given, Scope(), path)


def _entries(document: Any) -> Iterator[tuple[str, Any]]:
    inner = document
    if isinstance(document, Mapping):
        inner = next((document[key] for key in _LISTED if key in document), document)
    if isinstance(inner, Mapping):
        yield from inner.items()
    elif isinstance(inner, Sequence) and not isinstance(inner, str | bytes):
        for place, entry in enumerate(inner):
            yield target_of(entry, place), entry["transformation"]
    else:
        hint = "it is a list of {targetField, transformation}."
        raise FlowError(f"{type(document).__name__} is no kind of mapper.", hint=hint)


def target_of(entry: Any, place: int) -> str:
    """The target field of an entry of a mapper.

    Raises:
        FlowError: it has none, or no transformation.
    """
    named = entry.keys() if isinstance(entry, Mapping) else ()
    word = next((word for word in _NAMES if word in named), None)
    if word is None or "transformation" not in named:
        raise FlowError(
            f"entry {place} of the mapper has no targetField and transformation.",
            hint="{targetField: city, transformation: {extract: address.city}}.",
        )
    return str(entry[word])


def _plant(root: _Target, steps: Steps, given: Any) -> None:
    at = root
    for depth, step in enumerate(steps):
        if at.given is not None:
            raise FlowError(
                f"{at.path} is mapped as a whole, and {shown(steps)} inside it as well.",
                hint="keep one of the two.",
            )
        path = shown(steps[: depth + 1]).replace(ITEMS, "[]")
        at = at.inner.setdefault(step, _Target(path))
    if at.given is not None or at.inner:
        hint = "a field has one transformation."
        raise FlowError(f"{shown(steps)} is mapped twice.", hint=hint)
    at.given = given


def _require_known(root: _Target, fields: Mapping[str, SchemaField]) -> None:
    for target in root.walk():
        if fields and target.path and target.path not in fields:
            hint = did_you_mean(target.path, fields)
            raise InvalidRequestError(f"there is no target field {target.path!r}.", hint=hint)


# -- nodes ----------------------------------------------------------------------------------------


def _node(target: _Target, scope: Scope, fields: Mapping[str, SchemaField]) -> Any:
    if ITEMS in target.inner:
        return _list_of(target, scope, fields)
    if target.inner:
        return {name: _node(t, scope, fields) for name, t in target.inner.items()}
    where = f"mapping.{target.path}"
    if isinstance(target.given, Mapping) and target.given.keys() == {"extract"}:
        steps = steps_of(target.given["extract"], where)
        return _whole(steps, scope, fields.get(target.path), where)
    return expression_of(target.given, scope, where)


def _list_of(target: _Target, scope: Scope, fields: Mapping[str, SchemaField]) -> dict[str, Any]:
    """The items of a target list, made from those of the one source list they speak of."""
    items = target.inner[ITEMS]
    where = f"mapping.{target.path}"
    paths = [p for t in items.walk() for p in paths_of(t.given, where)]
    lists = dict.fromkeys(found for p in paths if (found := scope.next_list(p)) is not None)
    if len(lists) != 1:
        named = " and ".join(shown(found) for found in lists)
        what = f"are made from {named}" if lists else "are made from no list"
        raise FlowError(
            f"{where}: the items {what}; one source list is wanted.",
            hint=f"extract paths with {ITEMS}, all of the same list.",
        )
    return _each(next(iter(lists)), scope, where, lambda inner: _node(items, inner, fields))


def _each(items: Steps, scope: Scope, where: str, item: Any) -> dict[str, Any]:
    inner = scope.within(items)
    return {
        "each": scope.refer(items[:-1], where), "as": inner.variable, "item": item(inner)
    }  # fmt: skip


def _whole(steps: Steps, scope: Scope, target: SchemaField | None, where: str) -> Any:
    """A value extracted as it is; an object or a list part by part, as a flow maps them."""
    items = scope.next_list(steps)
    if items is not None:
        inner_field = target.items if target is not None else None
        return _each(items, scope, where, lambda inner: _whole(steps, inner, inner_field, where))
    if target is not None and target.type == "object":
        return {f.name: _whole((*steps, f.name), scope, f, where) for f in target.fields}
    if target is not None and target.items is not None and target.items.type == "object":
        return _whole((*steps, ITEMS), scope, target, where)
    return scope.refer(steps, where)

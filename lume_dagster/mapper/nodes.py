"""The nodes of a flow's mapping by the paths of target fields: ``customer.city``, ``lines[].sku``.

The path of a list stands for the list it is made from; the paths of its items, for what an item is
made from, where an expression speaks of the item by the name the mapping gives it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lume_dagster.errors import InvalidRequestError, did_you_mean
from lume_dagster.flows.schema import SchemaField, TargetSchema

Nodes = Mapping[str, Any]

#: What a required field is mapped to until somebody says what it is made from.
NOTHING = "NULL"
_NO_LIST = "string_split(NULL, ',')"
_ITEM = "item"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One expression of a mapping."""

    path: str
    expression: str
    #: Names an expression may use for items, each with the path of the source list, inner last.
    variables: tuple[tuple[str, str], ...] = ()


def leaves(mapping: Nodes, schema: TargetSchema) -> Iterator[Leaf]:
    """Every expression, in order of the schema; those that say nothing are left out."""
    for field in schema.fields:
        yield from _leaves(mapping.get(field.name), field, ())


def _leaves(
    node: object, field: SchemaField, variables: tuple[tuple[str, str], ...]
) -> Iterator[Leaf]:
    if isinstance(node, str):
        if not says_nothing(node):
            yield Leaf(field.path, node, variables)
    elif isinstance(node, Mapping) and field.type == "object":
        for inner in field.fields:
            yield from _leaves(node.get(inner.name), inner, variables)
    elif isinstance(node, Mapping) and field.items is not None:
        each = str(node["each"])
        if says_nothing(each):
            return
        yield Leaf(field.path, each, variables)
        within = (*variables, (str(node.get("as", _ITEM)), each))
        yield from _leaves(node.get("item"), field.items, within)


def says_nothing(expression: str) -> bool:
    """Whether the expression only stands where one must stand."""
    return expression.strip().upper() == NOTHING or expression.strip() == _NO_LIST


def expressions(mapping: Nodes, schema: TargetSchema) -> dict[str, str | None]:
    """Every path that may have an expression, with the one it has; None for none.

    An object has no expression of its own, only its properties have.
    """
    found = {leaf.path: leaf.expression for leaf in leaves(mapping, schema)}
    return {f.path: found.get(f.path) for f in schema.walk() if f.type != "object"}


def unmade(mapping: Nodes, schema: TargetSchema) -> Iterator[str]:
    """The paths of fields that every row must have, and that are made from nothing."""
    yield from _unmade(schema.fields, expressions(mapping, schema))


def _unmade(fields: tuple[SchemaField, ...], found: Mapping[str, str | None]) -> Iterator[str]:
    for field in fields:
        if not field.required or field.nullable or field.has_default:
            continue
        if field.type == "object":
            yield from _unmade(field.fields, found)
        elif found[field.path] is None:
            yield field.path


def node_at(mapping: Nodes, schema: TargetSchema, path: str) -> Any:
    """The node of a field, as the mapping writes it; None for none.

    Raises:
        InvalidRequestError: no such field.
    """
    first, *rest = _steps(schema, path)
    node, outer = mapping.get(first.name), first
    for step in rest:
        inside = node if isinstance(node, Mapping) else {}
        node = inside.get(step.name if outer.type == "object" else "item")
        outer = step
    return node


# -- change ---------------------------------------------------------------------------------------


def with_node(mapping: Nodes, schema: TargetSchema, path: str, node: Any) -> dict[str, Any]:
    """The mapping with another node for a field; None takes the field's node away.

    For a list of objects, an expression in place of a node says what list it is made from; its
    items stay as they are.

    Raises:
        InvalidRequestError: no such field, or a list whose items cannot be reached yet.
    """
    steps = _steps(schema, path)
    return _put(mapping, steps, node)


def _steps(schema: TargetSchema, path: str) -> list[SchemaField]:
    """The fields from the outermost to the one at the path."""
    steps: list[SchemaField] = []
    inner: tuple[SchemaField, ...] = schema.fields
    while inner:
        at = next((f for f in inner if path == f.path or _leads_to(f, path)), None)
        if at is None:
            break
        steps.append(at)
        if at.path == path:
            return steps
        inner = (at.items,) if at.items is not None else at.fields
    hint = did_you_mean(path, [f.path for f in schema.walk()])
    raise InvalidRequestError(f"there is no target field {path!r}.", hint=hint)


def _leads_to(field: SchemaField, path: str) -> bool:
    return path.startswith((f"{field.path}.", f"{field.path}[]"))


def _put(nodes: Nodes, steps: list[SchemaField], node: Any) -> dict[str, Any]:
    field, *rest = steps
    after = dict(nodes)
    before = after.get(field.name)
    changed = _inside(before, field, rest, node) if rest else _own(before, field, node)
    if changed is None:
        after.pop(field.name, None)
    else:
        after[field.name] = changed
    return after


def _own(before: Any, field: SchemaField, node: Any) -> Any:
    of_objects = field.items is not None and field.items.type == "object"
    if of_objects and isinstance(node, str) and isinstance(before, Mapping):
        return {**before, "each": node}
    return node


def _inside(before: Any, field: SchemaField, rest: list[SchemaField], node: Any) -> Any:
    if field.type == "object":
        return _put(before if isinstance(before, Mapping) else {}, rest, node)
    if before is None or (isinstance(before, str) and says_nothing(before)):
        message = f"{rest[-1].path} lies in the list {field.path}, which is made from nothing yet."
        raise InvalidRequestError(message, hint=f"say what {field.path} is made from first.")
    whole = dict(before) if isinstance(before, Mapping) else {"each": before}
    _, *deeper = rest
    if not deeper:
        item: Any = node
    else:
        given = whole.get("item")
        item = _inside(given if isinstance(given, Mapping) else {}, rest[0], deeper, node)
    return {**whole, "item": item} if item is not None else whole


def complete(mapping: Nodes, schema: TargetSchema) -> dict[str, Any]:
    """The mapping with a node for each required field: NULL until there is a better one."""
    return _complete(mapping, schema.fields)


def _complete(nodes: Nodes, fields: tuple[SchemaField, ...]) -> dict[str, Any]:
    after: dict[str, Any] = {}
    for field in fields:
        node = nodes.get(field.name)
        if node is None and field.required and not field.has_default:
            node = _nothing(field)
        elif isinstance(node, Mapping) and field.type == "object":
            node = _complete(node, field.fields)
        elif isinstance(node, Mapping) and isinstance(node.get("item"), Mapping) and field.items:
            node = {**node, "item": _complete(node["item"], field.items.fields)}
        if node is not None:
            after[field.name] = node
    return after


def _nothing(field: SchemaField) -> Any:
    if field.type == "object":
        return _complete({}, field.fields)
    if field.items is None:
        return NOTHING
    if field.items.type == "object":
        return {"each": _NO_LIST, "item": _complete({}, field.items.fields)}
    return _NO_LIST


def fitting(mapping: Nodes, schema: TargetSchema) -> dict[str, Any]:
    """What of a mapping can stand under another schema: fields that stay, in the same shape."""
    return _fitting(mapping, schema.fields)


def _fitting(nodes: Nodes, fields: tuple[SchemaField, ...]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for field in fields:
        node = nodes.get(field.name)
        if field.type == "object" and isinstance(node, Mapping):
            kept[field.name] = _fitting(node, field.fields)
        elif field.items is not None and node is not None:
            kept |= _fitting_list(node, field)
        elif isinstance(node, str) and field.type != "object":
            kept[field.name] = node
    return kept


def _fitting_list(node: Any, field: SchemaField) -> dict[str, Any]:
    items = field.items
    if isinstance(node, str) and items is not None and items.type != "object":
        return {field.name: node}
    if not isinstance(node, Mapping) or "each" not in node or items is None:
        return {}
    given = node.get("item")
    if items.type == "object":
        inner = _fitting(given if isinstance(given, Mapping) else {}, items.fields)
        return {field.name: {**node, "item": inner}}
    bare = {key: value for key, value in node.items() if key != "item"}
    return {field.name: {**bare, "item": given} if isinstance(given, str) else bare}

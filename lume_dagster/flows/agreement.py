"""Check that the parts of a flow agree: what one part names, another part must define.

Each check needs a few sections only, so that a flow whose other sections are broken is still
checked as far as it can be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lume_dagster.errors import FlowError, Problem, did_you_mean
from lume_dagster.flows.schema import HANDLED_KEYWORDS, SchemaField, TargetSchema

if TYPE_CHECKING:
    from lume_dagster.flows.model import Check, ErrorHandling, Flow, Rule, Seed, Target

Path = tuple[str | int, ...]


def require_agreement(flow: Flow) -> None:
    """Raise one FlowError with everything that does not fit together."""
    problems = disagreements({name: getattr(flow, name) for name in type(flow).model_fields})
    if problems:
        raise FlowError.of(problems)


def disagreements(sections: Mapping[str, Any]) -> list[Problem]:
    """What is wrong between the sections, given by their model names; a broken one is None."""
    problems, known = [], dict(sections)
    if sections.get("schema_") is not None:
        from lume_dagster.flows.json_schema import read_schema

        schema, found = read_schema(sections["schema_"])
        known["schema_"] = schema if schema.fields else None
        problems += [Problem(p.message, p.hint, ("schema", *p.path)) for p in found]
    broken = {p.path[2] for p in problems if len(p.path) > 2}  # noqa: PLR2004 - schema.properties.x
    for check, needs in _CHECKS:
        if all(known.get(name) is not None for name in needs):
            found = tuple(check(*(known[name] for name in needs)))
            problems += [p for p in found if p.path[1:2] == () or p.path[1] not in broken]
    return problems


# -- target and checks: fields that must be columns -------------------------------------------


def _key_fields(target: Target, schema: TargetSchema) -> Iterator[Problem]:
    for index, name in enumerate(target.key):
        yield from _column(name, schema, ("target", "key", index))


def _check_fields(checks: tuple[Check | None, ...], schema: TargetSchema) -> Iterator[Problem]:
    for index, check in enumerate(checks):
        if check is not None and check.null_rate is not None:
            path: Path = ("checks", index, "null_rate", "field")
            yield from _known(check.null_rate.field, (f.name for f in schema.fields), path)
        unique = () if check is None or check.unique is None else check.unique
        for name in (unique,) if isinstance(unique, str) else unique:
            yield from _column(name, schema, ("checks", index, "unique"))


def _column(name: str, schema: TargetSchema, path: Path) -> Iterator[Problem]:
    by_name = {f.name: f for f in schema.fields}
    yield from _known(name, by_name, path)
    if name in by_name and by_name[name].type in ("object", "array"):
        message = f"{name!r} is an {by_name[name].type}, which cannot be compared."
        yield Problem(message, "name fields of a single value.", path)


def _known(name: str, names: Iterable[str], path: Path) -> Iterator[Problem]:
    known = list(names)
    if name not in known:
        yield Problem(f"there is no target field {name!r}.", did_you_mean(name, known), path)


# -- rules, seeds -----------------------------------------------------------------------------


def _rule_names(rules: tuple[Rule | None, ...]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for index, rule in enumerate(rules):
        if rule is None:
            continue
        first = seen.setdefault(rule.name.lower(), index)
        if first != index:
            path: Path = ("rules", index, "name")
            yield Problem(f"rules[{first}] is already called {rule.name!r}.", "rename one.", path)


def _seed_paths(seeds: Mapping[str, Seed]) -> Iterator[Problem]:
    for name, seed in seeds.items():
        if not seed.path.lower().endswith(".csv"):
            message = f"the path {seed.path!r} does not end in .csv."
            yield Problem(message, "a seed is a CSV file with a header.", ("seeds", name, "path"))
        parts = re.split(r"[/\\]", seed.path)
        if ".." in parts or not parts[0] or "\\" in seed.path or ":" in parts[0]:
            message = f"the path {seed.path!r} leaves the flow's folder."
            yield Problem(
                message, "write it relative, with /: seeds/name.csv.", ("seeds", name, "path")
            )


# -- error handling ---------------------------------------------------------------------------


def _handling_keys(errors: ErrorHandling, schema: TargetSchema) -> Iterator[Problem]:
    fields = {f.path: f for f in schema.walk()}
    for key in errors.handling:
        place, _, keyword = key.rpartition(".")
        flaw = _handling_flaw(place, keyword, fields)
        if flaw is not None:
            yield Problem(*flaw, ("errors", "handling", key))


def _handling_flaw(
    place: str, keyword: str, fields: Mapping[str, SchemaField]
) -> tuple[str, str] | None:
    if keyword == "const":
        return "a const is an enum of one value.", f"write {place + '.' if place else ''}enum."
    if keyword not in HANDLED_KEYWORDS:
        return f"{keyword!r} is not a keyword that rows can break.", did_you_mean(
            keyword, HANDLED_KEYWORDS
        )
    if place and place not in fields:
        return f"there is no target field {place!r}.", did_you_mean(place, fields)
    if place and keyword not in fields[place].keywords:
        return f"{place} has no {keyword}.", f"it has {', '.join(fields[place].keywords)}."
    return None


# -- mapping ----------------------------------------------------------------------------------


def _mapping_fits(mapping: Mapping[str, Any], schema: TargetSchema) -> Iterator[Problem]:
    yield from _properties(mapping, schema.fields, ("mapping",))


def _key_is_mapped(
    target: Target, mapping: Mapping[str, Any], schema: TargetSchema
) -> Iterator[Problem]:
    """A field of the key must have a value in every row, whether or not the schema requires it."""
    for field in schema.fields:
        empty = not field.required and not field.has_default and field.name not in mapping
        if field.name in target.key and empty:
            message = f"{field.path} is part of the key and has no mapping."
            yield Problem(message, "add it under mapping.", ("target", "key"))


def _properties(
    nodes: Mapping[Any, Any], fields: tuple[SchemaField, ...], path: Path
) -> Iterator[Problem]:
    by_name = {f.name: f for f in fields}
    for name, node in nodes.items():
        if name in by_name:
            yield from _node(node, by_name[name], (*path, name))
        else:
            hint = did_you_mean(str(name), by_name)
            yield Problem(f"there is no target field {name!r}.", hint, (*path, name))
    for field in fields:
        if field.required and field.name not in nodes and not field.has_default:
            hint = f"add it under {'.'.join(map(str, path))}, or give it a default."
            yield Problem(f"{field.path} is required and has no mapping.", hint, path)


def _node(node: object, field: SchemaField, path: Path) -> Iterator[Problem]:
    if node is None or (isinstance(node, str) and not node.strip()):
        yield Problem("has no expression.", "write NULL to leave it empty, or leave it out.", path)
    elif isinstance(node, str) and field.type == "object":
        names = ", ".join(f.name for f in field.fields)
        yield Problem("an object is mapped property by property.", f"map {names}.", path)
    elif not isinstance(node, str | Mapping):
        yield Problem("must be an expression, as text.", "put it in quotes.", path)
    elif isinstance(node, Mapping):
        yield from _SHAPES.get(field.type, _scalar)(node, field, path)


def _scalar(_: Mapping[Any, Any], field: SchemaField, path: Path) -> Iterator[Problem]:
    yield Problem(f"is a {field.type}: its mapping is one expression.", "put it in quotes.", path)


def _object(node: Mapping[Any, Any], field: SchemaField, path: Path) -> Iterator[Problem]:
    yield from _properties(node, field.fields, path)


_EACH = "for example {each: lines, as: line, item: {sku: line.sku}}."
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _array(node: Mapping[Any, Any], field: SchemaField, path: Path) -> Iterator[Problem]:
    for name in node.keys() - {"each", "as", "item"}:
        yield Problem(f"{name!r} means nothing for an array.", _EACH, (*path, name))
    if not isinstance(node.get("each"), str) or not node["each"].strip():
        yield Problem("each must be an expression that gives a list.", _EACH, path)
    variable = node.get("as", "item")
    if not isinstance(variable, str) or not _VARIABLE.fullmatch(variable):
        yield Problem(f"as must be a name, not {variable!r}.", _EACH, (*path, "as"))
    if field.items is not None and ("item" in node or field.items.type == "object"):
        yield from _node(node.get("item"), field.items, (*path, "item"))


_SHAPES: dict[str, Callable[[Mapping[Any, Any], SchemaField, Path], Iterator[Problem]]] = {
    "object": _object,
    "array": _array,
}

#: Each check, and the sections it needs.
_CHECKS: tuple[tuple[Callable[..., Iterator[Problem]], tuple[str, ...]], ...] = (
    (_key_fields, ("target", "schema_")),
    (_check_fields, ("checks", "schema_")),
    (_rule_names, ("rules",)),
    (_seed_paths, ("seeds",)),
    (_handling_keys, ("errors", "schema_")),
    (_mapping_fits, ("mapping", "schema_")),
    (_key_is_mapped, ("target", "mapping", "schema_")),
)

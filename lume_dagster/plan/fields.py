"""Compile the fields of a target schema: each becomes a typed value and the tests it must pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from lume_dagster.errors import FlowError, LumeError, PlanError
from lume_dagster.flows.model import Handling
from lume_dagster.flows.schema import SchemaField
from lume_dagster.plan.constraints import constraints, duckdb_type, literal
from lume_dagster.plan.expressions import parse_expression
from lume_dagster.plan.items import any_item, list_of
from lume_dagster.plan.plan import RowTest
from lume_dagster.plan.rewrite import Failure, Rewriter
from lume_dagster.plan.sql import (
    Sql,
    all_of,
    any_of,
    call,
    cast,
    is_null,
    is_true,
    lambda_,
    not_,
    present,
    struct,
    when,
)
from lume_dagster.plan.strict import convert, family

Severities = Callable[[str, str], Handling]  # field path, keyword


@dataclass(frozen=True, slots=True)
class Test:
    """A RowTest with the SQL that decides it and the SQL that shows what broke it.

    ``broken`` is TRUE where one of the ``causes`` is, if there are any; or where ``bare`` is TRUE
    and none of the ``excuses``, if there is a ``bare``.
    """

    row: RowTest
    broken: Sql
    value: Sql
    causes: tuple[Sql, ...] = ()
    bare: Sql | None = None
    excuses: tuple[Sql, ...] = ()


@dataclass(frozen=True, slots=True)
class Compiled:
    """A field's value, the tests on it and below it, and whether anything of it is there."""

    value: Sql
    tests: tuple[Test, ...]
    presence: Sql


def compile_field(
    field: SchemaField, node: object, rewriter: Rewriter, severity: Severities
) -> Compiled:
    """The value of a field from its mapping; ``node`` is None where the flow maps nothing."""
    try:
        if field.type == "object":
            return _object(field, node, rewriter, severity)
        if field.type == "array":
            return _array(field, node, rewriter, severity)
        return _scalar(field, node, rewriter, severity)
    except (FlowError, PlanError) as error:
        raise _located(error, field.path) from None


def _located(error: LumeError, path: str) -> LumeError:
    prefix = f"mapping.{path}: "
    if error.message.startswith("mapping."):
        return error
    return type(error)(prefix + error.message, hint=error.hint)


# -- scalars ----------------------------------------------------------------------------------


def _scalar(field: SchemaField, node: object, rewriter: Rewriter, severity: Severities) -> Compiled:
    to = duckdb_type(field)
    before, upstream = len(rewriter.failures), len(rewriter.upstream)
    value = cast(exp.null(), to) if node is None else _converted(field, node, rewriter, to)
    failures = rewriter.failures[before:]
    presence = present(value)
    if field.has_default and field.default is not None:
        value = rewriter.bind(call("coalesce", value, literal(field.default, field)))
        presence = exp.false()
    tests = [*_failure_tests(field, failures, severity)]
    if field.required and not field.nullable:
        explained = [*_excuses(field, failures, severity), *rewriter.upstream[upstream:]]
        tests.append(_required(field, value, explained, severity))
    tests += _constraint_tests(field, value, severity)
    return Compiled(value, tuple(tests), presence)


def _converted(field: SchemaField, node: object, rewriter: Rewriter, to: str) -> Sql:
    if not isinstance(node, str):
        raise FlowError("a single value is mapped by an expression.", hint="write it as one text.")
    root = rewriter.rewrite(parse_expression(node, f"mapping.{field.path}"))
    of = rewriter.type_of(root)
    if convert(root, of, to, lambda value: value) is None:
        raise PlanError(
            f"{_giver(node)} {of}, the schema wants {field.column_type}.",
            hint=_HINTS.get(family(of), "write the conversion you mean, such as CAST(... AS ...)."),
        )
    return rewriter.strict(root, lambda x, bind: _must(convert(x, of, to, bind)))


#: What to do with values of a kind that is no single value of a target.
_HINTS = {
    "list": "make one text of it by array_to_string(x, ', '), or take an item: x[1].",
    "struct": "take one of its values, such as x.name.",
    "map": "take one of its values, such as x['key'].",
    "binary": "have the bytes delivered as a text, in base64 or hexadecimal.",
    "interval": "take a figure of it, such as date_part('day', x).",
}


def _giver(node: str) -> str:
    """The column itself, or the expression over it."""
    tree = parse_expression(node, "")
    return (
        f"the column {tree.name!r} is" if isinstance(tree, exp.Column) else "the expression gives"
    )


def _must(conversion: Any) -> Any:
    assert conversion is not None  # noqa: S101
    return conversion


# -- tests ------------------------------------------------------------------------------------


def _row_test(
    field: SchemaField, keyword: str, code: str, message: str, severity: Severities
) -> RowTest:
    pointer = "/".join(
        f"properties/{part}" for part in field.path.replace("[]", "/items").split(".")
    )
    kind = {"LOOKUP_NOT_FOUND": "lookup"}.get(code, "conversion" if keyword == "type" else "schema")
    return RowTest(
        id=f"{field.path}.{keyword}:{code}",
        kind=kind,  # type: ignore[arg-type]
        field=field.path,
        code=code,
        severity=severity(field.path, keyword),
        message=message,
        schema_path=f"#/{pointer}/{keyword}",
    )


def _failure_tests(field: SchemaField, failures: list[Failure], severity: Severities) -> list[Test]:
    """One test for each code: what can fail twice in one way is still one thing."""
    by_code: dict[str, list[Failure]] = {}
    for failure in failures:
        by_code.setdefault(failure.code, []).append(failure)
    tests = []
    for code, same in by_code.items():
        message = _either(dict.fromkeys(f.message for f in same))
        shown = exp.Case(
            ifs=[exp.If(this=f.condition.copy(), true=cast(f.value, "VARCHAR")) for f in same]
        )
        broken = any_of(f.condition for f in same) if len(same) > 1 else same[0].condition
        row = _row_test(field, "type", code, message, severity)
        value = cast(same[0].value, "VARCHAR") if len(same) == 1 else shown
        tests.append(Test(row, broken, value, causes=tuple(f.condition for f in same)))
    return tests


_SAME_WORDS = 4  # is not a number


def _either(messages: Iterable[str]) -> str:
    """What is wrong, in one sentence that names a thing only once."""
    every = list(messages)
    said = [m for m in every if not any(m != other and _is_said_in(m, other) for other in every)]
    first, *others = said
    noun = first.split()[:_SAME_WORDS]
    told = [first]
    for words in (message.split() for message in others):
        alike = len(words) > _SAME_WORDS and words[:_SAME_WORDS] == noun
        told.append(" ".join(["not one", *words[_SAME_WORDS:]] if alike else words))
    return " or ".join(told)


def _is_said_in(message: str, other: str) -> bool:
    """Whether another has all its words in their order: what is no number is no finite number."""
    words = iter(other.split())
    return all(word in words for word in message.split())


def _excuses(field: SchemaField, failures: list[Failure], severity: Severities) -> list[Sql]:
    """Failures that reject the row; one that only warns leaves a required field without a value."""
    warns = severity(field.path, "type") == "warn"
    return [] if warns else [f.condition for f in failures]


def _required(field: SchemaField, value: Sql, explained: list[Sql], severity: Severities) -> Test:
    """NULL where nothing else explains it."""
    absent = is_null(value)
    broken = all_of([absent, not_(is_true(any_of(explained)))]) if explained else absent
    row = _row_test(field, "required", "MISSING_REQUIRED_FIELD", "has no value", severity)
    shown = cast(exp.null(), "VARCHAR")
    return Test(row, broken, shown, bare=absent, excuses=tuple(explained))


def _constraint_tests(field: SchemaField, value: Sql, severity: Severities) -> list[Test]:
    shown = (
        cast(value, "VARCHAR")
        if field.type not in ("object", "array")
        else cast(call("to_json", value), "VARCHAR")
    )
    return [
        Test(_row_test(field, c.keyword, c.code, c.message, severity), c.broken, shown)
        for c in constraints(field, value)
    ]


# -- objects ----------------------------------------------------------------------------------


def _object(field: SchemaField, node: object, rewriter: Rewriter, severity: Severities) -> Compiled:
    if node is not None and not isinstance(node, Mapping):
        raise FlowError(
            "an object is mapped property by property.",
            hint=f"map {', '.join(f.name for f in field.fields)}.",
        )
    given: Mapping[str, object] = node if isinstance(node, Mapping) else {}
    parts = [compile_field(f, given.get(f.name), rewriter, severity) for f in field.fields]
    value = struct((f.name, part.value) for f, part in zip(field.fields, parts, strict=True))
    tests = [test for part in parts for test in part.tests]
    presence = any_of(part.presence for part in parts)
    must_exist = field.required and not field.nullable
    if must_exist:
        return Compiled(rewriter.bind(value), tuple(tests), presence)
    tests = [_only_if(presence, test) for test in tests]
    return Compiled(rewriter.bind(when(presence, value)), tuple(tests), presence)


def _only_if(presence: Sql, test: Test) -> Test:
    if not test.row.id.endswith(".required:MISSING_REQUIRED_FIELD"):
        return test
    bare = all_of([presence, test.bare]) if test.bare is not None else None
    return replace(test, broken=all_of([presence, test.broken]), bare=bare)


# -- arrays -----------------------------------------------------------------------------------


def _array(field: SchemaField, node: object, rewriter: Rewriter, severity: Severities) -> Compiled:
    assert field.items is not None  # noqa: S101 - the schema parser sees to it
    if node is None:
        value: Sql = cast(exp.null(), "VARCHAR[]")
        required = (
            [_required(field, value, [], severity)] if field.required and not field.nullable else []
        )
        return Compiled(value, tuple(required), exp.false())
    each, variable, item = _each(node)
    before = len(rewriter.failures)
    items, kind = items_of(each, rewriter, field)
    failures = rewriter.failures[before:]
    inner = Rewriter(rewriter.scope, {**rewriter.variables, variable: kind})
    element = compile_field(field.items, item, inner, severity)
    rewriter.sources |= inner.sources
    rewriter.seeds |= inner.seeds
    value = rewriter.bind(call("list_transform", items, lambda_(variable, element.value)))
    tests = [*_failure_tests(field, failures, severity)]
    if field.required and not field.nullable:
        tests.append(_required(field, value, _excuses(field, failures, severity), severity))
    tests += _constraint_tests(field, value, severity)
    tests += [_any_item(test, items, variable) for test in element.tests]
    return Compiled(value, tuple(tests), present(value))


def _each(node: object) -> tuple[str, str, object]:
    if isinstance(node, str):
        return node, "item", "item"
    if isinstance(node, Mapping) and "each" in node and set(node) <= {"each", "as", "item"}:
        name = str(node.get("as", "item"))
        return str(node["each"]), name, node.get("item", name)
    raise FlowError(
        "an array is mapped by a list, or by {each: <list>, as: <name>, item: <mapping>}.",
        hint="for example {each: lines, as: line, item: {sku: line.sku}}.",
    )


def items_of(each: str, rewriter: Rewriter, field: SchemaField) -> tuple[Sql, str]:
    """The list itself and the type of its items; a JSON array stays JSON inside."""
    return list_of(parse_expression(each, f"mapping.{field.path}"), rewriter)


def _any_item(test: Test, items: Sql, variable: str) -> Test:
    return Test(test.row, *any_item(items, variable, test.broken, test.value))

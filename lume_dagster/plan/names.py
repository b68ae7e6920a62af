"""What the names in an expression stand for: source columns, and paths into their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from lume_dagster.errors import FlowError, PlanError, did_you_mean
from lume_dagster.plan.plan import SourceColumn
from lume_dagster.plan.sql import Sql, call, cast, text, when


def path_of(node: exp.Column | exp.Dot) -> tuple[str, ...]:
    """``a.b.c`` as its parts.

    Raises:
        FlowError: a path that starts with something else than a name.
    """
    if isinstance(node, exp.Column):
        parts = ("catalog", "db", "table", "this")
        return tuple(node.args[p].name for p in parts if node.args.get(p) is not None)
    inner = node.this.unnest()
    if not isinstance(inner, exp.Column | exp.Dot):
        raise FlowError(f"{node.sql('duckdb')!r}: a path starts with a column.")
    return (*path_of(inner), node.expression.name)


def find_column(
    name: str, columns: Sequence[SourceColumn], also_called: Mapping[str, Sequence[str]]
) -> SourceColumn:
    """The column of that name; case matters only where two differ by nothing else.

    ``also_called`` are other names of columns, which count where there is none of the name itself.

    Raises:
        PlanError: there is none, or more than one.
    """
    others = (other for key in also_called if _same(key, name) for other in also_called[key])
    alike = _named(name, columns) or [c for other in others for c in _named(other, columns)]
    if len(alike) == 1:
        return alike[0]
    if alike:
        found = ", ".join(repr(c.name) for c in alike)
        raise PlanError(
            f"the column {name!r} could be any of {found}.", hint="write its exact case."
        )
    if not columns:
        raise PlanError("the source has no columns.", hint="the batch is empty, header and all.")
    raise PlanError(
        f"the source has no column {name!r}.",
        hint=did_you_mean(name, (c.name for c in columns)),
    )


def _named(name: str, columns: Sequence[SourceColumn]) -> list[SourceColumn]:
    exact = [c for c in columns if c.name == name]
    return exact or [c for c in columns if _same(c.name, name)]


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def step_into(value: Sql, duckdb_type: str, path: Sequence[str]) -> Sql:
    """The value at a path inside a JSON value or a struct."""
    if not path:
        return value
    if duckdb_type == "JSON":
        quoted = "".join('."' + part.replace('"', '\\"') + '"' for part in path)
        return call("json_extract", value, text("$" + quoted))
    for part in path:
        value = call("struct_extract", value, text(part))
    return value


def json_text(value: Sql) -> Sql:
    """A JSON scalar as text: a string without quotes, a number digit for digit."""
    written = cast(value, "VARCHAR")
    unquoted = call("json_extract_string", value, text("$"))
    is_string = call("starts_with", written, text('"'))
    return when(is_string, unquoted, call("nullif", written, text("null")))

"""Tables made from a delivery's columns, and the comparison with a table that is already there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lume_dagster.connectors.protocol import Column
from lume_dagster.errors import ConnectorError

if TYPE_CHECKING:
    from sqlglot import exp

RUN_ID, SOURCE_PATH, ROW = "_lume_run_id", "_lume_source_path", "_lume_row"

#: What a target adds to every row.
SYSTEM_COLUMNS = (
    Column(RUN_ID, "string", nullable=False),
    Column(SOURCE_PATH, "string", nullable=False),
    Column(ROW, "integer", nullable=False),
)

#: The rejects table. ``record`` and ``errors`` are types of its own: the original record as JSON
#: text exactly as it was, and the list of reasons.
REJECT_COLUMNS = (
    *SYSTEM_COLUMNS,
    Column("_lume_file", "string"),
    Column("_lume_file_row", "integer"),
    Column("original", "record"),
    Column("errors", "errors"),
)

_REASONS = ", ".join(f"{part} VARCHAR" for part in ("field", "code", "message", "value"))

DUCKDB_TYPES: Mapping[str, str] = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "decimal": "DECIMAL({0},{1})",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "time": "TIME",
    "uuid": "UUID",
    "json": "JSON",
    "record": "JSON",
    "errors": f"STRUCT({_REASONS})[]",
}

#: As ``format_type`` spells them. ``record`` and ``errors`` are json, not jsonb: jsonb cannot hold
#: the escape of a NUL character, which the original of a damaged record may well carry.
POSTGRES_TYPES: Mapping[str, str] = {
    "string": "text",
    "integer": "bigint",
    "number": "double precision",
    "decimal": "numeric({0},{1})",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp without time zone",
    "time": "time without time zone",
    "uuid": "uuid",
    "json": "jsonb",
    "record": "json",
    "errors": "json",
}

_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")


@dataclass(frozen=True, slots=True)
class Found:
    """A column of a table that is already there."""

    name: str
    type: str
    nullable: bool
    computed: bool = False  # by the table itself: nobody else may write it


def mapped_columns(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns of the mapped table: the flow's, then what the target adds."""
    return (*columns, *SYSTEM_COLUMNS)


def sql_type(column: Column, types: Mapping[str, str]) -> str:
    """The column's type in a system's words, spelled as its catalog spells it."""
    decimal = _DECIMAL.fullmatch(column.type)
    word = "decimal" if decimal else column.type
    if word not in types:
        raise ConnectorError(
            f"The field {column.name!r} has the type {column.type!r}, which no target knows.",
            hint=f"known: {', '.join(t for t in types if t not in {'record', 'errors'})}",
        )
    return types[word].format(*decimal.groups()) if decimal else types[word]


def digits_of_fraction(column: Column) -> int | None:
    """How many digits a decimal has that has none before its point; None: it is no such column."""
    decimal = _DECIMAL.fullmatch(column.type)
    return int(decimal[1]) if decimal and decimal[1] == decimal[2] else None


def create_table(
    table: exp.Table, columns: Sequence[Column], types: Mapping[str, str], dialect: str
) -> Iterator[str]:
    """The statements that make a table and describe its columns."""
    from sqlglot import exp

    definitions = [_definition(column, types, dialect) for column in columns]
    schema = exp.Schema(this=table.copy(), expressions=definitions)
    yield exp.Create(this=schema, kind="TABLE").sql(dialect)
    for column in columns:
        if column.description:
            path = exp.Column(
                this=exp.to_identifier(column.name, quoted=True),
                table=table.this.copy(),
                db=table.args["db"].copy(),
                catalog=table.args["catalog"].copy() if table.args.get("catalog") else None,
            )
            text = exp.Literal.string(column.description)
            yield exp.Comment(this=path, kind="COLUMN", expression=text).sql(dialect)


def _definition(column: Column, types: Mapping[str, str], dialect: str) -> exp.ColumnDef:
    from sqlglot import exp

    constraints = [exp.ColumnConstraint(kind=exp.NotNullColumnConstraint())]
    return exp.ColumnDef(
        this=exp.to_identifier(column.name, quoted=True),
        kind=exp.DataType.build(sql_type(column, types), dialect=dialect),
        constraints=[] if column.nullable else constraints,
    )


def create_schema(name: str, dialect: str, catalog: str | None = None) -> str:
    """The statement that makes a schema where there is none."""
    from sqlglot import exp

    place = exp.to_identifier(catalog, quoted=True) if catalog else None
    schema = exp.Table(this=None, db=exp.to_identifier(name, quoted=True), catalog=place)
    return exp.Create(this=schema, kind="SCHEMA", exists=True).sql(dialect)


def refuse_twins(columns: Sequence[Column], system: str, same_name: Callable[[str], str]) -> None:
    """Refuse fields that a system takes for one column; ``same_name`` folds names as it does."""
    seen: dict[str, str] = {}
    for column in columns:
        twin = seen.setdefault(same_name(column.name), column.name)
        if twin != column.name:
            raise ConnectorError(
                f"{system} takes the fields {twin!r} and {column.name!r} for the same column.",
                hint="rename one of them in the flow's schema",
            )


def refuse_other_shape(
    where: str,
    wanted: Sequence[Column],
    found: Sequence[Found],
    types: Mapping[str, str],
    same_name: Callable[[str], str] = str,
) -> None:
    """Refuse a table whose columns are not the wanted ones, and say which.

    ``same_name`` folds names as the system does: DuckDB's are the same in any case.
    """
    have = {same_name(column.name): column for column in found}
    want = {same_name(column.name): column for column in wanted}
    missing = [f"{c.name} {sql_type(c, types)}" for n, c in want.items() if n not in have]
    extra = [f"{c.name} {c.type}" for n, c in have.items() if n not in want]
    pairs = [(c, have[n]) for n, c in want.items() if n in have]
    other = [text for c, f in pairs if (text := _difference(c, f, types))]
    faults = {"missing": missing, "not in the flow": extra, "different": other}
    if any(faults.values()):
        said = "; ".join(f"{word}: {', '.join(names)}" for word, names in faults.items() if names)
        raise ConnectorError(
            f"The table {where} is there with other columns. {said}.",
            hint="change the flow's schema or its target table, or alter or drop the table",
        )


def _difference(column: Column, found: Found, types: Mapping[str, str]) -> str | None:
    wanted = sql_type(column, types)
    if wanted.upper().replace('"', "") != found.type.upper().replace('"', ""):
        return f"{column.name} is {found.type}, the flow says {wanted}"
    if found.computed:
        return f"{column.name} is computed by the table, the flow would write it"
    if column.nullable and not found.nullable:
        return f"{column.name} is NOT NULL, the flow lets it be empty"
    return None

"""T-SQL to DuckDB's SQL, as far as the tests speak it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokens import TokenType

from lume_dagster_tests.servers.sqlserver.declared import Declared, read_declared
from lume_dagster_tests.servers.sqlserver.faults import SqlError

_TYPES = {
    "bit": "BOOLEAN",
    "tinyint": "UTINYINT",
    "real": "REAL",
    "float": "DOUBLE",
    "datetime": "TIMESTAMP",
    "datetime2": "TIMESTAMP",
    "datetimeoffset": "TIMESTAMPTZ",
    "time": "TIME",
    "nvarchar": "VARCHAR",
    "varchar": "VARCHAR",
    "varbinary": "BLOB",
    "uniqueidentifier": "UUID",
}
#: What tells a server how to lock; sqlglot knows it in some places only.
_LOCK_HINT = re.compile(r"\bWITH\s*\(\s*(?:TABLOCK|UPDLOCK|HOLDLOCK|[\s,])+\)")
_OF_SESSION = re.compile(r"@@|HAS_PERMS|SUSER|SESSIONS", re.IGNORECASE)
_WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter)


@dataclass(frozen=True)
class Statement:
    """A statement that DuckDB runs."""

    tree: exp.Expr
    sql: str
    writes: bool
    counts: bool  # whether it says how many rows it changed
    parameters: frozenset[str]

    @property
    def tables(self) -> Iterator[tuple[str, str]]:
        """Schema and name of the tables it speaks of."""
        for table in self.tree.find_all(exp.Table):
            yield table.db or "dbo", table.name


@lru_cache(maxsize=4096)
def split(batch: str) -> tuple[str, ...]:
    """The statements of a batch, parted by semicolons."""
    try:
        tokens = sqlglot.tokenize(batch, read="tsql")
    except TokenError as error:
        raise SqlError(105, f"Unclosed quotation mark: {error}", 15) from None
    ends = [t.start for t in tokens if t.token_type == TokenType.SEMICOLON] + [len(batch)]
    starts = [0, *(end + 1 for end in ends[:-1])]
    parts = (batch[start:end].strip() for start, end in zip(starts, ends, strict=True))
    return tuple(part for part in parts if part)


def translate(text: str, values: Mapping[str, Any]) -> Statement:
    """One statement; ``values`` stand for ``@@`` variables and functions of the session."""
    if not _OF_SESSION.search(text):
        return _translate_once(text)
    return _translate(text, values)


@lru_cache(maxsize=4096)
def _translate_once(text: str) -> Statement:
    return _translate(text, {})


def _translate(text: str, values: Mapping[str, Any]) -> Statement:
    try:
        tree = sqlglot.parse_one(_LOCK_HINT.sub("", text), read="tsql")
    except ParseError as error:
        words = error.errors[0]["description"] if error.errors else str(error)
        raise SqlError(102, f"Incorrect syntax: {words}", 15) from None
    tree = _translated(tree, values)
    if isinstance(tree, exp.Delete):
        tree.set("tables", None)
    return Statement(
        tree=tree,
        sql=tree.sql("duckdb"),
        writes=isinstance(tree, _WRITES),
        counts=isinstance(tree, (exp.Insert, exp.Update, exp.Delete)),
        parameters=frozenset(p.name for p in tree.find_all(exp.Parameter)),
    )


def _translated(tree: exp.Expr, values: Mapping[str, Any]) -> exp.Expr:
    """The tree rewritten from its leaves up."""
    for node in reversed(list(tree.walk())):
        rewrite = _REWRITES.get(type(node))
        made = rewrite(node, values) if rewrite else node
        if node is tree:
            tree = made
        elif made is not node:
            node.replace(made)
    return tree


def _variable(node: exp.Expr, values: Mapping[str, Any]) -> exp.Expr:
    inner = node.this
    return exp.convert(values[f"@@{inner.name.upper()}"]) if _is_parameter(inner) else node


def _is_parameter(node: Any) -> bool:
    return isinstance(node, exp.Parameter)


def _function(node: exp.Expr, values: Mapping[str, Any]) -> exp.Expr:
    made = values.get(node.name.upper())
    return exp.convert(made(*node.expressions)) if callable(made) else node


def _table(node: exp.Expr, values: Mapping[str, Any]) -> exp.Expr:
    if isinstance(node.this, exp.OpenJSON):
        texts = exp.Anonymous(
            this="from_json", expressions=[node.this.this, exp.Literal.string('["VARCHAR"]')]
        )
        each = exp.alias_(exp.Anonymous(this="unnest", expressions=[texts]), "value")
        return exp.select(each).subquery(node.alias or "opened")
    if node.name.lower() != "dm_exec_sessions":
        return node
    names = ("session_id", "program_name", "login_name", "open_transaction_count")
    return exp.values(values["SESSIONS"], alias=node.alias or "sessions", columns=names)


def _division(node: exp.Expr, _: Mapping[str, Any]) -> exp.Expr:
    """DuckDB takes x / 0 for infinity."""
    fails = exp.Anonymous(this="error", expressions=[exp.Literal.string("divide by zero")])
    zero = exp.EQ(this=node.expression.copy(), expression=exp.Literal.number(0))
    return exp.Case(ifs=[exp.If(this=zero, true=fails)], default=node.copy())


def _addition(node: exp.Expr, _: Mapping[str, Any]) -> exp.Expr:
    """``+`` joins texts; that they are texts is seen by a literal among them."""
    parts = [node.left, node.right]
    if not any(isinstance(part.unnest(), exp.DPipe) or part.is_string for part in parts):
        return node
    return exp.DPipe(this=node.left.copy(), expression=node.right.copy())


def _type(node: exp.Expr, _: Mapping[str, Any]) -> exp.Expr:
    if node.find_ancestor(exp.ColumnDef):
        return node  # see create_table
    declared = declared_type(node)
    if declared.name == "datetime2" and declared.scale == 7 and node.expressions:
        return exp.DataType.build("TIMESTAMP_NS", dialect="duckdb")  # 100 ns, in fewer years
    return exp.DataType.build(_TYPES.get(declared.name, node), dialect="duckdb")


_REWRITES: Mapping[type, Callable[[Any, Mapping[str, Any]], exp.Expr]] = {
    exp.Parameter: _variable,
    exp.CurrentUser: lambda _, values: exp.convert(values["SUSER_SNAME"]),
    exp.National: lambda node, _: exp.Literal.string(node.name),
    exp.Anonymous: _function,
    exp.Table: _table,
    exp.Collate: lambda node, _: node.this.copy(),
    exp.Add: _addition,
    exp.Div: _division,
    exp.DataType: _type,
}


def declared_type(node: exp.Expr) -> Declared:
    """The type that an expression of sqlglot declares."""
    return read_declared(node.sql("tsql"))


def columns_of(create: exp.Expr) -> Iterator[tuple[str, Declared, bool]]:
    """The columns that CREATE TABLE declares: name, type, whether they may be NULL."""
    for column in create.find_all(exp.ColumnDef):
        kinds = [constraint.args["kind"] for constraint in column.constraints]
        required = any(
            isinstance(kind, exp.NotNullColumnConstraint) and not kind.args.get("allow_null")
            for kind in kinds
        )
        declared = declared_type(column.args["kind"])
        counts = any(isinstance(kind, exp.GeneratedAsIdentityColumnConstraint) for kind in kinds)
        yield column.name, replace(declared, is_identity=counts), not required


def create_table(create: exp.Expr) -> str:
    """CREATE TABLE for DuckDB. A text that would be too long for its column is refused."""
    table = create.find(exp.Table)
    definitions = []
    for name, declared, nullable in columns_of(create):
        quoted = exp.to_identifier(name, quoted=True).sql("duckdb")
        parts = [quoted, _TYPES.get(declared.name, declared.name)]
        if declared.name == "decimal":
            parts[1] = f"DECIMAL({declared.precision},{declared.scale})"
        if not nullable:
            parts.append("NOT NULL")
        if declared.most_characters:
            parts.append(f"CHECK (length({quoted}) <= {declared.most_characters})")
        definitions.append(" ".join(parts))
    return f"CREATE TABLE {table.sql('duckdb')} ({', '.join(definitions)})"

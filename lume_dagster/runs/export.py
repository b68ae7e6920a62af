"""Write one Parquet file of mapped rows or rejects as CSV or JSON Lines, streaming."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    import duckdb

_NESTED = ("STRUCT", "MAP", "UNION")
_ORIGINAL, _ERRORS, _RECORD = "original", "errors", "_lume_record"


RUN_ID = "_lume_run_id"


def write_csv(source: Path, target: Path, *, rejects: bool, run_id: str | None = None) -> None:
    """Write CSV with a header: nested values as JSON, the original of a reject in its columns.

    Rejects end with the run, where it is said: whoever resubmits them need not name it.
    """
    with open_source([source]) as connection:
        query = _expanded_rejects(connection) if rejects else _flat(connection)
        query = query.select(*_run(run_id, rejects=rejects))
        copy_query(connection, query, target, ("FORMAT CSV", "HEADER TRUE"))


def write_jsonl(source: Path, target: Path, *, rejects: bool, run_id: str | None = None) -> None:
    """Write one JSON object a line; the original record of a reject is an object, not text."""
    with open_source([source]) as connection:
        columns = [
            _named(_json(name), name) if rejects and name == _ORIGINAL else _column(name)
            for name in _names(connection)
        ]
        query = exp.select(*columns, *_run(run_id, rejects=rejects)).from_("source")
        copy_query(connection, query, target, ("FORMAT JSON",))


def _run(run_id: str | None, *, rejects: bool) -> list[exp.Expr]:
    if run_id is None or not rejects:
        return []
    return [_named(exp.Literal.string(run_id), RUN_ID)]


def open_source(files: Sequence[Path]) -> duckdb.DuckDBPyConnection:
    """A connection with the rows of Parquet files as the view ``source``."""
    import duckdb

    connection = duckdb.connect()
    connection.read_parquet([str(file) for file in files]).create_view("source")
    return connection


def copy_query(
    connection: duckdb.DuckDBPyConnection,
    query: exp.Select,
    target: Path,
    options: Sequence[str],
) -> None:
    """COPY to a file beside the target, then rename: a stopped download leaves no half file."""
    new = target.with_name(f".{target.name}.new")
    path = exp.Literal.string(str(new)).sql(dialect="duckdb")
    connection.execute(f"COPY ({query.sql(dialect='duckdb')}) TO {path} ({', '.join(options)})")
    new.replace(target)


def _flat(connection: duckdb.DuckDBPyConnection) -> exp.Select:
    """All columns, nested ones as JSON text."""
    columns = [
        _named(exp.func("to_json", _column(name)), name) if _is_nested(type_) else _column(name)
        for name, type_ in _types(connection)
    ]
    return exp.select(*columns).from_("source")


@dataclass(frozen=True, slots=True)
class Originals:
    """Original values, each in a column of its own, and the subquery they are selected from."""

    names: tuple[str, ...]
    columns: tuple[exp.Expr, ...]
    source: exp.Subquery


def columns_of_originals(
    connection: duckdb.DuckDBPyConnection, view: str, *, as_text: bool
) -> Originals:
    """The original columns of the rejects in a view, as text or as JSON values."""
    keys = _original_keys(connection, view)
    record = exp.cast(_json(_ORIGINAL), exp.DataType.build("MAP(VARCHAR, JSON)", dialect="duckdb"))
    inner = exp.select("*", _named(record, _RECORD)).from_(view)
    value = _value_of if as_text else _item
    columns = tuple(_named(value(key), key) for key in keys)
    return Originals(tuple(keys), columns, inner.subquery("r"))


def _expanded_rejects(connection: duckdb.DuckDBPyConnection) -> exp.Select:
    """Where the row came from, each original value in its own column, and the errors as JSON."""
    kept = [name for name in _names(connection) if name not in (_ORIGINAL, _ERRORS)]
    originals = columns_of_originals(connection, "source", as_text=True)
    errors_name = _ERRORS if _ERRORS not in originals.names else f"_lume_{_ERRORS}"
    errors = _named(exp.func("to_json", _column(_ERRORS)), errors_name)
    return exp.select(*map(_column, kept), *originals.columns, errors).from_(originals.source)


def _original_keys(connection: duckdb.DuckDBPyConnection, view: str) -> list[str]:
    """The names of the original columns, in the order in which they first appear."""
    rows = connection.execute(
        "SELECT k FROM (SELECT _lume_row, unnest(ks) AS k, generate_subscripts(ks, 1) AS i"
        f" FROM (SELECT _lume_row, json_keys(original) AS ks FROM {view}))"
        " GROUP BY k ORDER BY min((_lume_row, i))"
    ).fetchall()
    return [row[0] for row in rows]


def _item(key: str) -> exp.Expr:
    """One original value as JSON."""
    return exp.Bracket(this=_column(_RECORD), expressions=[exp.Literal.string(key)])


def _value_of(key: str) -> exp.Expr:
    """The text of one original value; ``json_extract_string`` turns a JSON null into NULL."""
    path = exp.Literal.string("$")
    return exp.Anonymous(this="json_extract_string", expressions=[_item(key), path])


def _json(name: str) -> exp.Expr:
    return exp.cast(_column(name), "JSON", dialect="duckdb")


def _column(name: str) -> exp.Expr:
    return exp.column(exp.to_identifier(name, quoted=True))


def _named(value: exp.Expr, name: str) -> exp.Expr:
    return exp.alias_(value, name, quoted=True)


def _names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [name for name, _ in _types(connection)]


def _types(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return [(r[0], r[1]) for r in connection.execute("DESCRIBE source").fetchall()]


def _is_nested(type_: str) -> bool:
    return type_.endswith("]") or type_.startswith(_NESTED)

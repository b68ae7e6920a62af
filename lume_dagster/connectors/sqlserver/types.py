"""The columns of SQL Server: what a table is made of, and what a catalog says of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lume_dagster.connectors.protocol import Column
from lume_dagster.connectors.sql.ddl import RUN_ID, SOURCE_PATH, sql_type
from lume_dagster.connectors.sqlserver.statement import EXACT, quoted

#: As the catalog tells them, see ``catalog_type``.
SQLSERVER_TYPES: Mapping[str, str] = {
    "string": "nvarchar(max)",
    "integer": "bigint",
    "number": "float",
    "decimal": "decimal({0},{1})",
    "boolean": "bit",
    "date": "date",
    "timestamp": "datetime2(6)",
    "time": "time(6)",
    "uuid": "uniqueidentifier",
    "json": "nvarchar(max)",
    "record": "nvarchar(max)",
    "errors": "nvarchar(max)",
}

#: Texts that are compared or indexed: how many UTF-16 units they may have.
_WIDTHS: Mapping[str, int] = {
    RUN_ID: 400,
    SOURCE_PATH: 4000,
    "target_table": 300,
    "flow": 400,
    "source_path": 4000,
    "run_id": 400,
    "mode": 40,
}

#: The most bytes of the columns of an index, and what a key column that is no text may take.
_INDEX_BYTES, _OTHER_BYTES = 1700, 17
_MOST_KEY_UNITS = 400

#: Columns that hold the same values are told by one name.
_SAME = {"numeric": "decimal", "datetime2(7)": "datetime2(6)", "time(7)": "time(6)"}
_SCALED = {"datetime2", "time", "datetimeoffset"}
_DIGITS = {"decimal", "numeric"}
_IN_BYTES = {"varbinary", "binary", "varchar", "char"}


@dataclass(frozen=True, slots=True)
class CatalogType:
    """A column's type as ``sys.columns`` and ``sys.types`` tell it."""

    name: str
    max_length: int
    precision: int
    scale: int

    def __str__(self) -> str:
        if self.name in _DIGITS:
            return f"{_SAME.get(self.name, self.name)}({self.precision},{self.scale})"
        if self.name in _SCALED:
            text = f"{self.name}({self.scale})"
            return _SAME.get(text, text)
        if self.name in {"nvarchar", "nchar"}:
            # A shorter nvarchar holds what fits; the server refuses what does not.
            return "nvarchar(max)" if self.name == "nvarchar" else f"nchar({self.max_length // 2})"
        if self.name in _IN_BYTES:
            return f"{self.name}({'max' if self.max_length < 0 else self.max_length})"
        return self.name


def key_units(columns: Sequence[Column], key: Sequence[str]) -> int:
    """How long each text of a key may be, so that an index can hold all of it."""
    types = {column.name: column.type for column in columns}
    texts = [name for name in key if types.get(name) == "string"]
    left = _INDEX_BYTES - _OTHER_BYTES * (len(key) - len(texts))
    return max(1, min(_MOST_KEY_UNITS, left // 2 // max(1, len(texts))))


def definition(column: Column, widths: Mapping[str, int] | None = None) -> str:
    """The column in CREATE TABLE; ``widths`` are of texts that an index or a key compares."""
    type_ = sql_type(column, SQLSERVER_TYPES)
    units = {**_WIDTHS, **(widths or {})}.get(column.name)
    if units is not None and type_ == "nvarchar(max)":
        type_ = f"nvarchar({units}) COLLATE {EXACT}"
    null = "NULL" if column.nullable else "NOT NULL"
    return f"{quoted(column.name)} {type_} {null}"


def stage_definition(column: Column) -> str:
    """The column of a stage table, which takes everything and judges nothing."""
    return f"{quoted(column.name)} {_STAGED.get(column.type) or _plain(column)} NULL"


def from_stage(column: Column) -> str:
    """The expression that makes a stage table's column what the target's is."""
    name = quoted(column.name)
    return f"CAST({name} AS uniqueidentifier)" if column.type == "uuid" else name


#: What the driver's bulk copy has no type of its own for travels as text.
_STAGED: Mapping[str, str] = {"uuid": "nvarchar(36)"}


def _plain(column: Column) -> str:
    return sql_type(column, SQLSERVER_TYPES)

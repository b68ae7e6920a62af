"""Small batches for suites: Parquet files as a transform leaves them, and the delivery of them."""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from lume_dagster.connectors.protocol import Column, Delivery

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Row = Mapping[str, Any]

PLAIN = (
    Column("id", "integer", nullable=False, description="The key: it's unique"),
    Column("name", "string"),
)

#: One column of every type a flow can have.
EVERY_TYPE = (
    Column("id", "integer", nullable=False),
    Column("text", "string"),
    Column("price", "decimal(18,4)"),
    Column("wide", "decimal(38,10)"),
    Column("ratio", "number"),
    Column("flag", "boolean"),
    Column("day", "date"),
    Column("at", "timestamp"),
    Column("clock", "time"),
    Column("uid", "uuid"),
    Column("nested", "json"),
    Column("items", "json"),
)

_MEGABYTE = "żółć 漢字 🎈 " * 40_000

#: Values that systems are known to change.
EVERY_VALUE: Sequence[Row] = (
    {
        "id": 2**63 - 1,
        "text": 'tab\t newline\n cr\r quote\' "double" back\\slash \\N \\. , ; 漢字 שלום 🎈 é',
        "price": Decimal("12345678901234.5678"),
        "wide": Decimal("-1234567890123456789012345678.0123456789"),
        "ratio": 1.7976931348623157e308,
        "flag": True,
        "day": dt.date(1, 1, 1),
        "at": dt.datetime(2024, 2, 29, 23, 59, 59, 999999),  # noqa: DTZ001 - no zone on purpose
        "clock": dt.time(23, 59, 59, 999999),
        "uid": str(UUID("00112233-4455-6677-8899-aabbccddeeff")),
        "nested": {"a": 'quote" \\ 漢', "b": [1.5, None]},
        "items": ["x", None, ""],
    },
    {
        "id": -(2**63),
        "text": "",
        "price": Decimal("-0.0001"),
        "wide": Decimal("0.0000000001"),
        "ratio": 5e-324,
        "flag": False,
        "day": dt.date(9999, 12, 31),
        "at": dt.datetime(1, 1, 1),  # noqa: DTZ001 - no zone on purpose
        "clock": dt.time(0, 0),
        "uid": str(UUID(int=2**128 - 1)),
        "nested": {"a": None, "b": []},
        "items": [],
    },
    {"id": 0, "text": _MEGABYTE, "price": Decimal("10.0000"), "ratio": -0.1},
    {"id": 1},
)


def make_delivery(folder: Path, rows: Sequence[Row], **changes: Any) -> Delivery:
    """A delivery of ``rows`` into ``ops.orders``; ``rejects`` is a number of rejects to make up."""
    rejects = changes.pop("rejects", 0)
    columns = changes.get("columns", PLAIN)
    work = folder / uuid4().hex
    work.mkdir(parents=True)
    _write(_mapped(rows, columns), columns, work / "mapped.parquet")
    _write(_rejects(len(rows), rejects), (Column("original", "json"),), work / "rejects.parquet")
    delivery = Delivery(
        table="ops.orders",
        columns=columns,
        key=("id",),
        mode="replace_batch",
        mapped=(work / "mapped.parquet",),
        rejects=(work / "rejects.parquet",),
        flow="orders",
        version=1,
        source_path="file:///in/orders.csv",
        run_id="run_1",
    )
    return replace(delivery, **changes)


def plain_value(value: Any, type_: str) -> Any:
    """A value as it reads in any system: JSON parsed, uuids as text."""
    if value is None:
        return None
    if type_ == "json":
        return json.loads(value) if isinstance(value, str) else value
    if type_ == "uuid":
        return str(UUID(bytes=value) if isinstance(value, bytes) else value)
    return value


def _arrow_types() -> Mapping[str, pa.DataType]:
    import pyarrow as pa

    return {
        "string": pa.string(),
        "integer": pa.int64(),
        "decimal(18,4)": pa.decimal128(18, 4),
        "decimal(38,10)": pa.decimal128(38, 10),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
        "time": pa.time64("us"),
        "uuid": pa.string(),
        "nested": pa.struct([("a", pa.string()), ("b", pa.list_(pa.float64()))]),
        "items": pa.list_(pa.string()),
    }


def _mapped(rows: Sequence[Row], columns: Sequence[Column]) -> pa.Table:
    import pyarrow as pa

    types = _arrow_types()
    values = {c.name: [row.get(c.name) for row in rows] for c in columns}
    fields = [(c.name, types[c.name if c.type == "json" else c.type]) for c in columns]
    schema = pa.schema([*fields, ("_lume_row", pa.int64())])
    return pa.table({**values, "_lume_row": list(range(1, len(rows) + 1))}, schema=schema)


def _rejects(after: int, count: int) -> pa.Table:
    import pyarrow as pa

    reason = pa.struct([(n, pa.string()) for n in ("field", "code", "message", "value")])
    schema = pa.schema(
        [
            ("_lume_row", pa.int64()),
            ("_lume_file", pa.string()),
            ("_lume_file_row", pa.int64()),
            ("original", pa.string()),
            ("errors", pa.list_(reason)),
        ]
    )
    error = {"field": "id", "code": "INVALID_INTEGER", "message": "not a number", "value": "x\0'"}
    rows = [
        {
            "_lume_row": after + n,
            "_lume_file": "file:///in/orders.csv",
            "_lume_file_row": after + n,
            "original": json.dumps({"id": "x\0'", "name": f"漢 {n}"}),
            "errors": [error],
        }
        for n in range(1, count + 1)
    ]
    return pa.Table.from_pylist(rows, schema=schema)


@functools.cache
def _database() -> duckdb.DuckDBPyConnection:
    """One for all deliveries: to open one takes longer than to write the rows."""
    import duckdb

    return duckdb.connect(":memory:")


def _write(table: pa.Table, columns: Sequence[Column], file: Path) -> None:
    """Write as the engine does: uuids and JSON as Parquet's own types."""
    from sqlglot import exp

    special = {"uuid": "UUID", "original": "JSON"}
    kinds = {c.name: special.get(c.type) or special.get(c.name) for c in columns}
    outputs = [
        exp.alias_(exp.cast(exp.column(name, quoted=True), kind), name, quoted=True)
        if (kind := kinds.get(name))
        else exp.column(name, quoted=True)
        for name in table.column_names
    ]
    with _database().cursor() as connection:
        connection.register("made", table)
        query = exp.select(*outputs).from_("made").sql("duckdb")
        place = exp.Literal.string(str(file)).sql("duckdb")
        connection.execute(f"COPY ({query}) TO {place} (FORMAT parquet)")

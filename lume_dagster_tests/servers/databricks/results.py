"""An Arrow table as the messages of a Thrift result set: its schema, and batches of its rows."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import ttypes as t

OK = t.TStatus(statusCode=t.TStatusCode.SUCCESS_STATUS)

_BATCH_ROWS = 10_000
_IDS = {
    pa.bool_(): t.TTypeId.BOOLEAN_TYPE,
    pa.int8(): t.TTypeId.TINYINT_TYPE,
    pa.int16(): t.TTypeId.SMALLINT_TYPE,
    pa.int32(): t.TTypeId.INT_TYPE,
    pa.int64(): t.TTypeId.BIGINT_TYPE,
    pa.float32(): t.TTypeId.FLOAT_TYPE,
    pa.float64(): t.TTypeId.DOUBLE_TYPE,
    pa.date32(): t.TTypeId.DATE_TYPE,
    pa.binary(): t.TTypeId.BINARY_TYPE,
    pa.null(): t.TTypeId.NULL_TYPE,
}


def handle() -> t.THandleIdentifier:
    """A new handle of a session or an operation."""
    return t.THandleIdentifier(guid=uuid.uuid4().bytes, secret=uuid.uuid4().bytes)


@dataclass
class Operation:
    """A statement that has run, and how much of its result was fetched."""

    rows: pa.Table
    staging: bool
    _batches: list[pa.RecordBatch] = field(init=False)
    _next: int = 0
    _sent: int = 0

    def __post_init__(self) -> None:
        self._batches = self.rows.combine_chunks().to_batches(max_chunksize=_BATCH_ROWS)

    def metadata(self) -> t.TGetResultSetMetadataResp:
        """The columns, as Thrift and as Arrow know them."""
        columns = [_column(i, name) for i, name in enumerate(self.rows.schema, 1)]
        return t.TGetResultSetMetadataResp(
            status=OK,
            schema=t.TTableSchema(columns=columns),
            resultFormat=t.TSparkRowSetType.ARROW_BASED_SET,
            lz4Compressed=False,
            arrowSchema=self.rows.schema.serialize().to_pybytes(),
            isStagingOperation=self.staging,
        )

    def fetch(self, rows: int, size: int) -> t.TFetchResultsResp:
        """The next batches: at least one, then as many as fit in ``rows`` and ``size`` bytes."""
        start, found = self._sent, []
        while self._next < len(self._batches):
            batch = self._batches[self._next]
            rows, size = rows - batch.num_rows, size - batch.nbytes
            if found and (rows < 0 or size < 0):
                break
            found.append(_message(batch))
            self._next, self._sent = self._next + 1, self._sent + batch.num_rows
        return t.TFetchResultsResp(
            status=OK,
            hasMoreRows=self._next < len(self._batches),
            resultSetMetadata=self.metadata(),
            results=t.TRowSet(startRowOffset=start, rows=[], arrowBatches=found),
        )


def _message(batch: pa.RecordBatch) -> t.TSparkArrowBatch:
    return t.TSparkArrowBatch(batch=batch.serialize().to_pybytes(), rowCount=batch.num_rows)


def _column(position: int, found: pa.Field) -> t.TColumnDesc:
    kind, qualifiers = _type(found.type)
    entry = t.TPrimitiveTypeEntry(type=kind, typeQualifiers=qualifiers)
    described = t.TTypeDesc(types=[t.TTypeEntry(primitiveEntry=entry)])
    return t.TColumnDesc(columnName=found.name, position=position, comment="", typeDesc=described)


def _type(found: pa.DataType) -> tuple[Any, Any]:
    if pa.types.is_decimal(found):
        digits = {"precision": found.precision, "scale": found.scale}
        values = {name: t.TTypeQualifierValue(i32Value=n) for name, n in digits.items()}
        return t.TTypeId.DECIMAL_TYPE, t.TTypeQualifiers(qualifiers=values)
    if pa.types.is_timestamp(found):
        return t.TTypeId.TIMESTAMP_TYPE, None
    if pa.types.is_nested(found):
        is_struct = pa.types.is_struct(found)
        return (t.TTypeId.STRUCT_TYPE if is_struct else t.TTypeId.ARRAY_TYPE), None
    return _IDS.get(found, t.TTypeId.STRING_TYPE), None

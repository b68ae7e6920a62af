"""Rows in whatever form a person's Python holds them, as one stream of Arrow batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lume_dagster.errors import InvalidRequestError

if TYPE_CHECKING:
    import pyarrow as pa

KNOWN_TABLES = (
    "a pandas DataFrame, a pyarrow Table or RecordBatchReader, a polars DataFrame or LazyFrame"
)


def is_table(value: object) -> bool:
    """Whether ``reader_of`` takes it; nothing is imported for that."""
    return class_name(type(value)) in _GIVEN or hasattr(value, "__arrow_c_stream__")


def reader_of(frame: object, scratch: Path) -> pa.RecordBatchReader:
    """The rows of a table, as a stream.

    Args:
        frame: The table.
        scratch: A folder for what a LazyFrame makes on its way; its rows are never all in memory.

    Raises:
        InvalidRequestError: it is no table, or its values have no common type.
    """
    import pyarrow as pa

    if isinstance(frame, pa.RecordBatchReader):
        return frame
    name = class_name(type(frame))
    try:
        if name in _GIVEN:
            return _GIVEN[name](frame, scratch)
        if hasattr(frame, "__arrow_c_stream__"):
            return pa.RecordBatchReader.from_stream(frame)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise InvalidRequestError(
            f"The {'.'.join(name)} cannot be stored as a table: {error}",
            hint="give each column values of one type.",
        ) from error
    raise InvalidRequestError(
        f"A {type(frame).__name__} is not a table that can be stored.",
        hint=f"return {KNOWN_TABLES}.",
    )


def class_name(kind: Any) -> tuple[str, str]:
    """A class by the package and the name that people know it by, without importing either."""
    module = str(getattr(kind, "__module__", ""))
    return module.partition(".")[0], str(getattr(kind, "__name__", ""))


def _from_pandas(frame: Any, _: Path) -> pa.RecordBatchReader:
    import pyarrow as pa

    named = any(name is not None for name in frame.index.names)
    return pa.Table.from_pandas(frame, preserve_index=named).to_reader()


def _from_lazy(frame: Any, scratch: Path) -> pa.RecordBatchReader:
    import pyarrow.dataset as ds

    file = scratch / "lazy.parquet"
    frame.sink_parquet(file)
    return ds.dataset(file).scanner(batch_readahead=1, fragment_readahead=1).to_reader()


_GIVEN: Mapping[tuple[str, str], Callable[[Any, Path], pa.RecordBatchReader]] = {
    ("pandas", "DataFrame"): _from_pandas,
    ("polars", "LazyFrame"): _from_lazy,
}

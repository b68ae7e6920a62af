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


#: What pandas and pyarrow raise of values that make no table; Arrow's own errors are some of them.
_UNFIT = (ValueError, TypeError, OverflowError)


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

    name = class_name(type(frame))
    try:
        reader = _opened(frame, name, scratch)
    except (*_UNFIT, pa.ArrowException) as error:
        raise InvalidRequestError(
            f"The {'.'.join(name)} cannot be stored as a table: {error}",
            hint="give each column values of one type, and a name of its own.",
        ) from error
    if reader is None:
        is_nothing = frame is None
        raise InvalidRequestError(
            f"{'None' if is_nothing else f'A {name[1]}'} is not a table that can be stored.",
            hint=f"return {KNOWN_TABLES}{', or say -> None' if is_nothing else ''}.",
        )
    for column in reader.schema:
        _refuse_type(column)
    return reader


def _opened(frame: Any, name: tuple[str, str], scratch: Path) -> pa.RecordBatchReader | None:
    import pyarrow as pa

    if isinstance(frame, pa.RecordBatchReader):
        return frame
    if name in _GIVEN:
        return _GIVEN[name](frame, scratch)
    if hasattr(frame, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(frame)
    return None


def _refuse_type(column: pa.Field) -> None:
    """Refuse what would be stored as something else without a word.

    Raises:
        InvalidRequestError: a period or an interval of pandas, or a decimal that counts thousands.
    """
    import pyarrow as pa

    kind = column.type
    is_decimal = pa.types.is_decimal(kind) and kind.scale < 0
    name = getattr(kind, "extension_name", "")
    if is_decimal or name in {"pandas.period", "pandas.interval"}:
        raise InvalidRequestError(
            f"The column {column.name!r} has the type {name or kind}, which cannot be stored.",
            hint="cast that column: a period or an interval to text, a number to another scale.",
        )


def class_name(kind: Any) -> tuple[str, str]:
    """A class by the package and the name that people know it by, without importing either."""
    module = str(getattr(kind, "__module__", ""))
    return module.partition(".")[0], str(getattr(kind, "__name__", ""))


def _from_pandas(frame: Any, _: Path) -> pa.RecordBatchReader:
    """Its columns, then those levels of its index that have a name."""
    import pyarrow as pa

    names = list(frame.index.names)
    twins = sorted(str(name) for name in names if name is not None and name in frame.columns)
    if twins:
        raise ValueError(f"its index and a column of it are both called {twins[0]!r}")
    nameless = [level for level, name in enumerate(names) if name is None]
    if len(nameless) < len(names):
        frame = frame.reset_index(level=nameless, drop=True) if nameless else frame
    return pa.Table.from_pandas(frame, preserve_index=len(nameless) < len(names)).to_reader()


def _from_polars(frame: Any, _: Path) -> pa.RecordBatchReader:
    import pyarrow as pa

    objects = [name for name, kind in frame.schema.items() if "Object" in str(kind)]
    if objects:  # Arrow would be given the addresses of them
        raise TypeError(f"its column {objects[0]!r} holds Python objects")
    return pa.RecordBatchReader.from_stream(frame)


def _from_lazy(frame: Any, scratch: Path) -> pa.RecordBatchReader:
    import pyarrow.dataset as ds

    file = scratch / "lazy.parquet"
    frame.sink_parquet(file)
    return ds.dataset(file).scanner(batch_readahead=1, fragment_readahead=1).to_reader()


_GIVEN: Mapping[tuple[str, str], Callable[[Any, Path], pa.RecordBatchReader]] = {
    ("pandas", "DataFrame"): _from_pandas,
    ("polars", "DataFrame"): _from_polars,
    ("polars", "LazyFrame"): _from_lazy,
}

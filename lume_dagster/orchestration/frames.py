"""The forms in which a user's asset takes rows: pandas, pyarrow and polars."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, get_args, get_origin

from lume_dagster.engines.tables import KNOWN_TABLES, class_name
from lume_dagster.errors import InvalidRequestError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa

#: Opens the rows; the reader is good until the context ends.
Opens = AbstractContextManager["pa.RecordBatchReader"]


def _polars(table: pa.Table) -> Any:
    try:
        import polars as pl
    except ImportError as error:  # the annotation names it, but only as text
        raise MissingExtraError(
            "An input asks for a polars frame, and polars is not installed.",
            hint="pip install polars",
        ) from error
    return pl.DataFrame(table)


def _pandas(table: pa.Table) -> Any:
    """Whole numbers stay whole where some are missing: pandas would make them floats."""
    import pandas as pd
    import pyarrow as pa

    frame = table.to_pandas()
    nullable = {
        getattr(pa, name.lower())(): getattr(pd, f"{name}Dtype")()
        for name in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")
    }
    for name, column in zip(table.column_names, table.columns, strict=True):
        if column.null_count and column.type in nullable:
            frame[name] = column.to_pandas(types_mapper=nullable.get)
    return frame


#: By the class an input is annotated with: how it is made of a table.
_TAKEN: Mapping[tuple[str, str], Callable[[pa.Table], Any]] = {
    ("pandas", "DataFrame"): _pandas,
    ("pyarrow", "Table"): lambda table: table,
    ("polars", "DataFrame"): _polars,
    ("polars", "LazyFrame"): lambda table: _polars(table).lazy(),
}
_STREAM = ("pyarrow", "RecordBatchReader")
_DEFAULT = ("pandas", "DataFrame")


def wants_each_batch(wanted: object) -> bool:
    """Whether an input asks for a dict of its batches rather than for all rows as one table."""
    return get_origin(wanted) is dict or wanted is dict


def frame_of(opens: Opens, wanted: object) -> Any:
    """The rows in the form an input is annotated with; pandas where it says nothing.

    A RecordBatchReader holds what it reads from until it is read to its end, or forgotten.
    """
    kind = _kind(wanted)
    if kind == _STREAM:
        return _stream(opens)
    with opens as reader:
        return _TAKEN[kind](reader.read_all())


def frames_of(opens: Opens, wanted: object, by: str, keys: list[str]) -> dict[str, Any]:
    """The rows of each batch in the form that an annotation ``dict[str, ...]`` asks for.

    Args:
        opens: Opens the rows.
        wanted: The annotation.
        by: The column that names the batch; it is not handed on.
        keys: The batches that were asked for, each of which gets its frame.
    """
    import pyarrow.compute as pc

    form = get_args(wanted)[1] if get_args(wanted) else None
    with opens as reader:
        table = reader.read_all()
    rows = table.drop_columns([by])
    batches = {key: rows.filter(pc.equal(table[by], key)) for key in keys}
    kind = _kind(form)
    if kind == _STREAM:
        return {key: batch.to_reader() for key, batch in batches.items()}
    return {key: _TAKEN[kind](batch) for key, batch in batches.items()}


def _kind(wanted: object) -> tuple[str, str]:
    kind = class_name(wanted)
    is_plain = get_origin(wanted) not in (list, set, tuple)
    if wanted in {None, object, Any} or (kind[0] == "typing" and is_plain):
        return _DEFAULT
    if kind in _TAKEN or kind == _STREAM:
        return kind
    raise InvalidRequestError(
        f"An input asks for {wanted!r}, which rows cannot be handed over as.",
        hint=f"annotate it with {KNOWN_TABLES}, or a dict[str, ...] of one of these.",
    )


def _stream(opens: Opens) -> pa.RecordBatchReader:
    import pyarrow as pa

    reader = opens.__enter__()

    def batches() -> Any:
        try:
            yield from reader
        finally:
            opens.__exit__(None, None, None)

    return pa.RecordBatchReader.from_batches(reader.schema, batches())

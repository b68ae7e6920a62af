"""Read one sheet of a workbook as text, cell by cell as a person reads it, into Parquet.

The client's own text of a number has nine decimals; it is only kept where it is the number, which
else is written with the fifteen digits that Excel shows. An error such as ``#N/A`` is its text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lume_dagster.engines.parquet_options import staged_parquet
from lume_dagster.engines.readers.header import column_names
from lume_dagster.engines.readers.title_block import LOOKED_AT, header_among
from lume_dagster.engines.readers.workbook_durations import duration_sql, durations
from lume_dagster.engines.readers.workbook_outline import SheetEntry
from lume_dagster.errors import BatchError, MissingExtraError, counted, did_you_mean
from lume_dagster.flows.model import SheetName, SourceFormat

if TYPE_CHECKING:
    import duckdb

#: The column of a staged sheet that says in which row of the sheet a record stands.
SHEET_ROW = "sheet_row"

_ERRORS = {
    "NA": "#N/A", "Div0": "#DIV/0!", "Ref": "#REF!", "Name": "#NAME?", "Null": "#NULL!",
    "Num": "#NUM!", "Value": "#VALUE!", "GettingData": "#GETTING_DATA",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet's records as Parquet: ``sheet_row``, then its columns as c0, c1, ..."""

    name: str
    columns: tuple[str, ...]
    path: Path
    records: int
    header_line: int | None = None  # the row where the header seems to stand, if not where it was


def open_workbook(path: Path, uri: str) -> Any:
    """The workbook.

    Raises:
        BatchError: it is none, or has a password.
    """
    try:
        import fastexcel
    except ImportError as error:
        raise MissingExtraError.for_extra("Reading Excel files", "excel") from error
    try:
        return fastexcel.read_excel(path)
    except fastexcel.FastExcelError as error:
        raise BatchError(
            f"{uri} cannot be read as an Excel workbook: {_first_line(error)}",
            hint="save it as .xlsx, without a password.",
        ) from error


def sheet_name(
    workbook: Any, wanted: SheetName | None, uri: str, entries: Sequence[SheetEntry] = ()
) -> str:
    """The sheet's name, by its name or its number; the first that people see where none is said."""
    names: Sequence[str] = workbook.sheet_names
    if wanted is None:
        seen = [entry.name for entry in entries if entry.has_cells and not entry.is_hidden]
        return next((name for name in seen if name in names), names[0])
    if isinstance(wanted, str) and wanted in names:
        found = wanted
    elif isinstance(wanted, int) and wanted <= len(names):
        found = names[wanted - 1]
    else:
        hint = did_you_mean(wanted, names) if isinstance(wanted, str) else f"it has {len(names)}."
        raise BatchError(f"{uri} has no sheet {wanted!r}.", hint=hint)
    if any(entry.name == found and not entry.has_cells for entry in entries):
        others = [entry.name for entry in entries if entry.has_cells]
        raise BatchError(
            f"The sheet {found!r} of {uri} is a chart, and has no rows.",
            hint=f"name one of {', '.join(map(repr, others))} in source.format.sheet.",
        )
    return found


def read_sheet(
    connection: duckdb.DuckDBPyConnection,
    workbook: Any,
    name: str,
    options: SourceFormat,
    into: Path,
    uri: str,
) -> Sheet:
    """Write the records of a sheet, without its header and its blank rows."""
    texts, numbers = _texts(workbook, name, uri), _loaded(workbook, name, "float", uri)[0]
    filled = _filled_rows(texts, options.skip_lines)
    names, first = _header(texts, filled, options, f"{uri}, sheet {name!r},")
    rows = filled[filled >= first]
    kept = [*range(len(names))] if options.columns else _columns(texts, names)
    counted_columns = {place: names[place] for place in kept}
    spans = durations(workbook, name, texts, counted_columns, f"{uri}, sheet {name!r},")
    table = pa.table(
        {
            SHEET_ROW: pa.array(rows + 1),
            **{f"t{i}": texts.column(place).take(rows) for i, place in enumerate(kept)},
            **{f"n{i}": numbers.column(place).take(rows) for i, place in enumerate(kept)},
            **{f"d{i}": spans[place].take(rows) for i, place in enumerate(kept) if place in spans},
        }
    )
    connection.register("sheet", table)
    outputs = "".join(
        f", {_text_sql(i, is_span=place in spans)} AS c{i}" for i, place in enumerate(kept)
    )
    connection.execute(
        f"COPY (SELECT {SHEET_ROW}{outputs} FROM sheet) TO $into ({staged_parquet(len(kept))})",
        {"into": str(into)},
    )
    connection.unregister("sheet")
    elsewhere = _header_elsewhere(texts, filled) if options.header else None
    return Sheet(name, tuple(names[place] for place in kept), into, len(rows), elsewhere)


def _header_elsewhere(texts: pa.RecordBatch, filled: Any) -> int | None:
    """The row, from 1, that reads like the header where the first one with a cell does not."""
    rows = [int(row) for row in filled[:LOOKED_AT]]
    used = [column for column in texts.columns if column.null_count < len(column)]
    cells = zip(
        *(column.take(pa.array(rows, pa.int64())).to_pylist() for column in used), strict=True
    )
    return header_among(
        [
            (row + 1, [None if text is None else text.encode() for text in values])
            for row, values in zip(rows, cells, strict=False)
        ]
    )


def _text_sql(place: int, *, is_span: bool) -> str:
    """The text of a cell: the client's, but for a number that it rounds, and for times."""
    text, value = f"t{place}", f"n{place}"
    rounded = f"TRY_CAST({text} AS DOUBLE) <> {value}"
    clock = r"^1899-12-3[01] (\d\d:\d\d:\d\d(\.\d+)?)$"
    span = f"WHEN d{place} IS NOT NULL THEN {duration_sql(f'd{place}')} " if is_span else ""
    return (
        f"CASE {span}WHEN {rounded} THEN format('{{:.15g}}', {value})"
        f" WHEN {text} LIKE '1899-12-3%' THEN regexp_replace({text}, '{clock}', '\\1')"
        f" ELSE {text} END"
    )


def _loaded(workbook: Any, name: str, dtype: str, uri: str) -> tuple[pa.RecordBatch, Any]:
    import fastexcel

    try:
        # Without skip_rows=0 blank rows at the top would be left out, and rows misnumbered.
        sheet = workbook.load_sheet(name, header_row=None, dtypes=dtype, skip_rows=0)
        batch, errors = sheet.to_arrow_with_errors()
    except fastexcel.FastExcelError as error:
        raise BatchError(
            f"The sheet {name!r} of {uri} cannot be read: {_first_line(error)}",
            hint="name a sheet with rows in source.format.sheet.",
        ) from error
    return batch, errors


def _texts(workbook: Any, name: str, uri: str) -> pa.RecordBatch:
    """The client's text of each cell, and that of each error."""
    batch, errors = _loaded(workbook, name, "string", uri)
    found: dict[int, dict[int, str]] = {}
    for error in errors.errors if errors is not None else ():
        row, column = error.offset_position
        found.setdefault(column, {})[row] = _error_text(error.detail)
    columns = list(batch.columns)
    for place, texts in found.items():
        rows = np.array(sorted(texts))
        mask = np.zeros(batch.num_rows, dtype=bool)
        mask[rows] = True
        values = pa.array([texts[row] for row in rows], columns[place].type)
        columns[place] = pc.replace_with_mask(columns[place], pa.array(mask), values)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _error_text(detail: str) -> str:
    word = detail.rpartition("Error(")[2].partition(")")[0]
    return _ERRORS.get(word, f"#{word.upper()}!")


def _filled_rows(texts: pa.RecordBatch, skipped: int) -> Any:
    """The rows, from 0, that hold more than blanks, less those to pass over."""
    filled = np.zeros(texts.num_rows, dtype=bool)
    for column in texts.columns:
        there = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(column), ""), fill_value=False)
        filled |= there.to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(filled)
    return rows[rows >= skipped]


def _header(
    texts: pa.RecordBatch, filled: Any, options: SourceFormat, where: str
) -> tuple[tuple[str, ...], int]:
    """The names of all columns, and the first row of data."""
    width = texts.num_columns
    if options.columns is not None and len(options.columns) != width:
        raise BatchError(
            f"{where} has {counted(width, 'column')}; the flow names {len(options.columns)}.",
            hint="mend source.format.columns, or leave it out to use the sheet's header.",
        )
    if not options.header:
        made = options.columns or tuple(f"column_{place + 1}" for place in range(width))
        return made, options.skip_lines
    if not len(filled):
        return (), 0
    row = int(filled[0])
    cells = [texts.column(place)[row].as_py() or "" for place in range(width)]
    return options.columns or column_names(cells), row + 1


def _columns(texts: pa.RecordBatch, names: Sequence[str]) -> list[int]:
    """The columns that count: all but those without a name and without a cell."""
    return [
        place
        for place, column in enumerate(texts.columns[: len(names)])
        if column.null_count < len(column)
    ]


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") + "."

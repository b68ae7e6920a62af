"""Hours of a day and more in an Excel sheet (``[h]:mm``): what they are, and not a date of 1900.

Excel keeps 26:30 as it keeps the second of January 1900, half past two; only the number format of
the cell tells them apart. The client knows, but says so of a column only, so it is asked about the
columns in which something looks like such a date.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lume_dagster.errors import BatchError

#: How the client writes a duration of a day and more, up to fifty years, or one below zero. What
#: is shorter is 1899-12-31, and read as a time of day, which has the same text.
_LOOKS_LIKE_ONE = r"^(18\d\d-(\d\d-[0-2]|0|1[01]|12-30)|19[0-4]\d-)\S* \d\d:\d\d:\d\d"
_KINDS = re.compile(r"\{([^}]*)\}")
_DURATION, _DATE = "Duration", "DateTime"


def durations(
    workbook: Any, name: str, texts: pa.RecordBatch, columns: Mapping[int, str], where: str
) -> dict[int, pa.Array]:
    """Milliseconds of the cells that are durations, by the place of their column.

    Args:
        workbook: What the client has open.
        name: The sheet.
        texts: The client's texts of all its cells.
        columns: The columns that count, by their places.
        where: The sheet, for people.

    Raises:
        BatchError: a column holds dates too, so that it is not known which is which.
    """
    found = {}
    for place, column in columns.items():
        cells = texts.column(place)
        looks = pc.fill_null(pc.match_substring_regex(cells, _LOOKS_LIKE_ONE), fill_value=False)
        if pc.any(looks).as_py():
            first = pc.index(looks, value=True).as_py()
            kinds = _kinds(workbook, name, texts.schema.names[place], first)
            if {_DURATION, _DATE} <= kinds:
                raise BatchError(
                    f"{where} has dates and hours of a day and more ([h]:mm) in its column "
                    f"{column!r}: what stands in row {first + 1} may be either.",
                    hint="give the cells of the column one number format, or one column to each.",
                )
            if _DURATION in kinds:
                spans = _milliseconds(workbook, name, texts.schema.names[place])
                found[place] = pc.if_else(looks, spans, pa.scalar(None, spans.type))
    return found


def _kinds(workbook: Any, name: str, column: str, first: int) -> set[str]:
    """What the client says is in a column, from a row on that looks like a duration."""
    import fastexcel

    try:
        sheet = workbook.load_sheet(
            name,
            header_row=None,
            skip_rows=first,
            use_columns=[column],
            dtype_coercion="strict",
            schema_sample_rows=None,
        )
    except fastexcel.UnsupportedColumnTypeCombinationError as error:
        listed = _KINDS.search(str(error))
        return {kind.strip() for kind in listed[1].split(",")} if listed else {_DURATION, _DATE}
    is_duration = pa.types.is_duration(sheet.to_arrow().schema.types[0])
    return {_DURATION} if is_duration else set()


def _milliseconds(workbook: Any, name: str, column: str) -> pa.Array:
    sheet = workbook.load_sheet(
        name, header_row=None, skip_rows=0, use_columns=[column], dtypes="duration"
    )
    batch, _ = sheet.to_arrow_with_errors()
    return batch.column(0).cast(pa.duration("ms")).cast(pa.int64())


def duration_sql(milliseconds: str) -> str:
    """The text of a duration: ``26:30:00``, ``-01:30:00``, ``00:00:01.250``."""
    whole = f"abs({milliseconds})"
    parts = [f"{whole} // 3600000", f"{whole} // 60000 % 60", f"{whole} // 1000 % 60"]
    text = f"format('{{:02d}}:{{:02d}}:{{:02d}}', {', '.join(parts)})"
    rest = f"CASE WHEN {whole} % 1000 > 0 THEN format('.{{:03d}}', {whole} % 1000) ELSE '' END"
    return f"CASE WHEN {milliseconds} < 0 THEN '-' ELSE '' END || {text} || {rest}"

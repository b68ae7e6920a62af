"""Take a JSON document apart into its records: the elements of an array, or of a list within it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lume_dagster.engines.batch import ROW, StagedFile
from lume_dagster.engines.parquet_options import staged_parquet
from lume_dagster.engines.readers.detect import head_of
from lume_dagster.engines.readers.encoding import UTF8, encoding_of, transcoded
from lume_dagster.engines.readers.staging import Staging, first_rows, staged_file
from lume_dagster.engines.readers.surrogates import RESTORED, marked
from lume_dagster.engines.settings import MIB
from lume_dagster.errors import BatchError, FlowError

_EXPLAINED = 64 * MIB  # documents up to this size are parsed again to name the place of a fault
_BLANK = b" \t\r\n"


def document_lines(staging: Staging) -> tuple[str, tuple[StagedFile, ...]]:
    """A SELECT of ``_lume_row`` and ``line`` over the records of all documents, and their files."""
    counts: list[int] = []
    encodings: list[str] = []
    selects: list[str] = []
    for index, plain in enumerate(staging.files):
        encoding = encoding_of(head_of(plain.path), staging.format.encoding)
        path, into = plain.path, staging.scratch / f"records-{index:06d}.parquet"
        if encoding != UTF8 or head_of(path, 3) == b"\xef\xbb\xbf":
            path = staging.scratch / f"utf8-{index:06d}.json"
            with path.open("wb") as out:
                out.writelines(transcoded(plain.path, encoding))
        counts.append(_split(staging, path, plain.source.uri, into))
        encodings.append(encoding)
    starts = first_rows(counts)
    for index, (start, count) in enumerate(zip(starts, counts, strict=True)):
        if count:
            path = staging.scratch / f"records-{index:06d}.parquet"
            quoted = str(path).replace("'", "''")
            selects.append(
                f"SELECT file_row_number + {start} AS {ROW}, line"
                f" FROM read_parquet('{quoted}', file_row_number = true)"
            )
    files = tuple(
        staged_file(plain, start, count, 0, encoding=encoding)
        for plain, start, count, encoding in zip(
            staging.files, starts, counts, encodings, strict=True
        )
    )
    nothing = f"SELECT 1::BIGINT AS {ROW}, NULL::VARCHAR AS line WHERE false"
    return " UNION ALL ".join(selects) or nothing, files


def _split(staging: Staging, path: Path, uri: str, into: Path) -> int:
    """Write the records of a document as texts; how many there are."""
    import duckdb

    head = head_of(path).lstrip(_BLANK)
    if not head:
        return 0
    try:
        return _copy_records(staging, path, uri, into)
    except duckdb.InvalidInputException as error:
        anew = into.with_suffix(".json")
        if marked(path, anew):
            with suppress(duckdb.InvalidInputException):  # then something else is wrong, too
                return _copy_records(staging, anew, uri, into, RESTORED)
        raise BatchError(
            f"{uri} is not valid JSON{_place(path, str(error))}.",
            hint="a document that cannot be read to its end has no records; deliver it whole.",
        ) from error


def _copy_records(staging: Staging, path: Path, uri: str, into: Path, line: str = "line") -> int:
    """``line`` is what is made of the text of a record."""
    if staging.format.records is not None:
        return _copy_list(staging, path, uri, into, staging.format.records, line)
    array = head_of(path).lstrip(_BLANK).startswith(b"[")
    return _copy_elements(staging, path, into, line, array=array)


def _copy_elements(staging: Staging, path: Path, into: Path, line: str, *, array: bool) -> int:
    layout = "array" if array else "unstructured"
    return _copied(
        staging,
        f"SELECT {line} AS line FROM (SELECT json::VARCHAR AS line FROM read_json_objects($path,"
        f" format = '{layout}', maximum_object_size = $limit, compression = 'uncompressed'))",
        into,
        {"path": str(path), "limit": staging.settings.max_record_bytes},
    )


def _copy_list(staging: Staging, path: Path, uri: str, into: Path, records: str, line: str) -> int:
    import duckdb

    document = "SELECT content FROM read_text($path)"
    try:
        found = staging.connection.execute(
            f"SELECT json_type(json_extract(content, $records)) FROM ({document})",
            {"path": str(path), "records": records},
        ).fetchone()
    except duckdb.BinderException as error:
        raise FlowError(
            f"source.format.records {records!r} is no path.", hint="write it as $.data.items."
        ) from error
    kind = found[0] if found else None
    if kind != "ARRAY":
        raise BatchError(
            f"{uri} has {'nothing' if kind is None else 'no list'} at {records}.",
            hint=f"its top level has {_top_level(staging, path)}.",
        )
    return _copied(
        staging,
        f"SELECT {line} AS line FROM (SELECT"
        " unnest(json_extract(content, $records)::JSON[])::VARCHAR AS line"
        f" FROM ({document}))",
        into,
        {"path": str(path), "records": records},
    )


def _copied(staging: Staging, select: str, into: Path, values: dict[str, str | int]) -> int:
    found = staging.connection.execute(
        f"COPY ({select}) TO $into ({staged_parquet(1)})", {**values, "into": str(into)}
    ).fetchone()
    return int(found[0]) if found else 0


def _top_level(staging: Staging, path: Path) -> str:
    found = staging.connection.execute(
        "SELECT CASE json_type(content) WHEN 'OBJECT' THEN json_keys(content) END"
        " FROM read_text($1)",
        [str(path)],
    ).fetchone()
    keys: Sequence[str] = (found and found[0]) or ()
    return "the keys " + ", ".join(keys[:20]) if keys else "no keys"


def _place(path: Path, said: str) -> str:
    """Where a document is broken: line and column, or what the engine says of a large one."""
    if path.stat().st_size <= _EXPLAINED:
        try:
            json.loads(path.read_bytes())
        except json.JSONDecodeError as error:
            return f": {error.msg} at line {error.lineno}, column {error.colno}"
        except UnicodeDecodeError as error:
            return f": byte 0x{error.object[error.start]:02X} at {error.start + 1} is not UTF-8"
        except RecursionError:
            return ": it is nested too deeply"
    at = re.search(r"at byte \d+ in record/value \d+", said)
    return f" ({at[0]})" if at else ""

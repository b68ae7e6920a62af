"""Stage JSON: lines, an array, or records within a document become columns of JSON text.

Columns are the top-level keys of all records, in order of first appearance. A value keeps its JSON
text, so ``"12"`` and ``12`` stay apart and numbers keep every digit that counts (``1.10`` becomes
``1.1``); a missing key and ``null`` are NULL. A record that is no object, or that has a key twice,
is malformed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lume_dagster.engines.batch import LEFT_OUT, ROW, StagedBatch, StagedColumn, StagedFile
from lume_dagster.engines.parquet_options import staged_parquet
from lume_dagster.engines.readers.csv_batch import stage_csv
from lume_dagster.engines.readers.json_document import document_lines
from lume_dagster.engines.readers.malformed import CODE
from lume_dagster.engines.readers.one_table import refuse_strangers
from lume_dagster.engines.readers.staged_view import staged_view_sql
from lume_dagster.engines.readers.staging import Staging
from lume_dagster.errors import BatchError
from lume_dagster.flows.model import SourceFormat

_MOST_KEYS = 10_000

#: What is wrong with a record. CASE, because AND may look into a text that is not JSON.
_PROBLEM = """CASE
    WHEN NOT json_valid(line) THEN 'the record is not valid JSON'
    WHEN json_type(line) <> 'OBJECT' THEN 'the record is not an object but '
        || CASE json_type(line) WHEN 'ARRAY' THEN 'an array' WHEN 'NULL' THEN 'null'
           WHEN 'VARCHAR' THEN 'a text' WHEN 'BOOLEAN' THEN 'true or false' ELSE 'a number' END
    WHEN len(json_keys(line)) <> len(list_distinct(json_keys(line))) THEN
        'the key "' || list_filter(json_keys(line), lambda k: len(list_filter(
            json_keys(line), lambda j: j = k)) > 1)[1] || '" appears twice'
    END"""

#: The JSON functions read a number as a double unless it is a text: numbers that a double cannot
#: hold are made texts that begin with a mark before, and numbers again after.
_LONG_NUMBER = r"[0-9.]{17}|[eE][+-]?[0-9]{3}"
_TEXT_OR_NUMBER = r'("(?:[^"\\]|\\.)*")|(-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)'
_MARKED = r"""CASE WHEN regexp_matches(line, $long) AND NOT contains(line, '\u0001#')
    THEN replace(replace(replace(
        regexp_replace(line, $token, '\1' || chr(1) || '\2' || chr(2), 'g'),
        chr(1) || chr(2), ''), chr(1), '"\u0001#'), chr(2), '"')
    ELSE line END"""
_UNMARK = r"""CASE WHEN contains({0}, '"\u0001#')
    THEN regexp_replace({0}, '"\\u0001#([^"]*)"', '\1', 'g') ELSE {0} END"""


@dataclass(frozen=True, slots=True)
class Lines:
    """The records of a batch as texts: a SELECT of ``_lume_row`` and ``line``, and their files."""

    sql: str
    files: tuple[StagedFile, ...]
    malformed: Path | None = None


def stage_json_lines(staging: Staging) -> StagedBatch:
    """JSON Lines: a record a line."""
    folder = staging.scratch / "lines"
    folder.mkdir()
    each_line = SourceFormat(
        delimiter="\x1f",
        quote="",
        header=False,
        columns=("line",),
        encoding=staging.format.encoding,
        skip_lines=staging.format.skip_lines,
    )
    lines = stage_csv(replace(staging, folder=folder, format=each_line))
    view = f"SELECT {ROW}, c0 AS line FROM ({staged_view_sql(lines)})"
    broken = lines.malformed_path if lines.malformed_path.exists() else None
    files = tuple(replace(file, details=_text_details(file)) for file in lines.files)
    return _stage(staging, Lines(view, files, broken))


def stage_json_document(staging: Staging) -> StagedBatch:
    """A JSON array, or records within a document."""
    view, files = document_lines(staging)
    return _stage(staging, Lines(view, files))


def _text_details(file: StagedFile) -> dict[str, str | int | bool]:
    kept = ("compression", "encoding", "line_end", "reader", LEFT_OUT)
    return {key: value for key, value in file.details.items() if key in kept}


def _stage(staging: Staging, lines: Lines) -> StagedBatch:
    shapes = _shapes(staging, lines)
    if len(lines.files) > 1:
        refuse_strangers(_keys_by_file(staging, lines))
    broken: Sequence[int] = ()
    if shapes.broken or lines.malformed is not None:
        broken = _save_malformed(staging, lines)
    parts: tuple[str, ...] = ()
    if sum(file.records for file in lines.files) > len(broken):
        _save_records(staging, lines, shapes)
        parts = (staging.part(0).name,)
    return StagedBatch(
        folder=staging.folder,
        columns=tuple(
            StagedColumn(key, f"c{place}", "JSON") for place, key in enumerate(shapes.keys)
        ),
        files=_with_malformed(lines.files, broken),
        parts=parts,
        format="json",
    )


@dataclass(frozen=True, slots=True)
class Shapes:
    """What one pass over the records tells of them all."""

    keys: tuple[str, ...]  # in order of first appearance
    broken: bool  # some record is malformed
    long: bool  # some record may have a number that a double cannot hold


#: The number of the file that a row came from, among those that hold records.
_FILE_OF_ROW = f"""ASOF JOIN
    (SELECT unnest($starts::BIGINT[]) AS start, unnest(range(len($starts))) AS file)
    ON {ROW} >= start"""
_ONE_FILE = "CROSS JOIN (SELECT len($starts) - 1 AS file)"  # a join by rows sorts them first


def _shapes(staging: Staging, lines: Lines) -> Shapes:
    """Look at each record once; the rest is learnt from the few lists of keys that there are."""
    run = staging.connection.execute
    starts = [file.first_row for file in lines.files if file.records]
    run(
        f"""
        CREATE OR REPLACE TEMP TABLE shapes AS
        SELECT CASE WHEN CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' END
               THEN json_keys(line) END AS keys, file,
            min({ROW}) AS row, bool_or(regexp_matches(line, $long)) AS long
        FROM ({lines.sql}) {_FILE_OF_ROW if len(starts) > 1 else _ONE_FILE} GROUP BY ALL""",
        {"long": _LONG_NUMBER, "starts": starts},
    )
    broken, long = run(
        "SELECT bool_or(keys IS NULL OR len(keys) <> len(list_distinct(keys))), bool_or(long)"
        " FROM shapes"
    ).fetchone() or (None, None)
    found = run(
        f"""
        WITH sound AS (SELECT * FROM shapes WHERE len(keys) = len(list_distinct(keys))),
        places AS (
            SELECT unnest(keys) AS key, generate_subscripts(keys, 1) AS place, row FROM sound)
        SELECT key FROM places GROUP BY key ORDER BY min(row), arg_min(place, row)
        LIMIT {_MOST_KEYS + 1}"""
    ).fetchall()
    if len(found) > _MOST_KEYS:
        raise BatchError(
            f"The records have more than {_MOST_KEYS:,} different keys.",
            hint="keys that are data cannot be columns; bring the records into a list of objects.",
        )
    return Shapes(tuple(key for (key,) in found), bool(broken), bool(long))


def _keys_by_file(staging: Staging, lines: Lines) -> Iterator[tuple[str, Sequence[str]]]:
    """The files that hold records, and all keys of their sound ones."""
    names = [file.uri for file in lines.files if file.records]
    found = staging.connection.execute(
        """
        SELECT file, list(key ORDER BY row, place) FROM (
            SELECT file, key, min(row) AS row, arg_min(place, row) AS place FROM (
                SELECT file, row, unnest(keys) AS key, generate_subscripts(keys, 1) AS place
                FROM shapes WHERE len(keys) = len(list_distinct(keys)))
            GROUP BY file, key)
        GROUP BY file ORDER BY file"""
    ).fetchall()
    for number, keys in found:
        yield names[number], keys


def _save_malformed(staging: Staging, lines: Lines) -> Sequence[int]:
    """Write the malformed records; their rows."""
    into = staging.folder / "malformed.parquet"
    query = (
        f"SELECT {ROW}, line AS text, $code AS code, problem AS message"
        f" FROM (SELECT *, {_PROBLEM} AS problem FROM ({lines.sql})) WHERE problem IS NOT NULL"
    )
    values = {"code": CODE, "into": str(into)}
    if lines.malformed is not None:
        query += " UNION ALL SELECT * FROM read_parquet($malformed)"
        values["malformed"] = str(lines.malformed)
    staging.connection.execute(
        f"COPY ({query} ORDER BY {ROW}) TO $into ({staged_parquet(4)})", values
    )
    rows = staging.connection.execute(
        f"SELECT {ROW} FROM read_parquet($1)", [str(into)]
    ).fetchnumpy()[ROW]
    return [int(row) for row in rows]


#: Values that are taken out of a record at once: to take one of a list of so many costs as many.
_AT_ONCE = 100


def _save_records(staging: Staging, lines: Lines, shapes: Shapes) -> None:
    pointers = ["/" + key.replace("~", "~0").replace("/", "~1") for key in shapes.keys]
    clean = _restored if shapes.long else _plain
    starts = range(0, len(pointers), _AT_ONCE)
    lists = [f"json_extract(line, $pointers{number}::VARCHAR[])" for number, _ in enumerate(starts)]
    places = [f"found{place // _AT_ONCE}[{place % _AT_ONCE + 1}]" for place in range(len(pointers))]
    if len(lists) == 1:
        places = [clean(place) for place in places]
    else:  # the engine takes minutes to plan thousands of columns that say a thing twice
        lists = [f"list_transform({each}, lambda x: {clean('x')})" for each in lists]
    found = "".join(f", {each} AS found{number}" for number, each in enumerate(lists))
    columns = "".join(f", {value} AS c{place}" for place, value in enumerate(places))
    where = f"WHERE {_PROBLEM} IS NULL" if shapes.broken else ""
    values: dict[str, object] = {"into": str(staging.part(0))}
    values |= {f"pointers{n}": pointers[at : at + _AT_ONCE] for n, at in enumerate(starts)}
    if shapes.long:
        values |= {"long": _LONG_NUMBER, "token": _TEXT_OR_NUMBER}
    line = _MARKED if shapes.long else "line"
    staging.connection.execute(
        f"""
        COPY (SELECT {ROW}{columns} FROM (
            SELECT {ROW}{found} FROM (SELECT {ROW}, {line} AS line FROM ({lines.sql}) {where})))
        TO $into ({staged_parquet(1 + len(pointers))})""",
        values,
    )


def _plain(value: str) -> str:
    return f"CASE WHEN {value}::VARCHAR <> 'null' THEN {value} END"


def _restored(value: str) -> str:
    text = f"nullif({value}::VARCHAR, 'null')"
    return f"({_UNMARK.format(text)})::JSON"


def _with_malformed(files: Sequence[StagedFile], broken: Sequence[int]) -> tuple[StagedFile, ...]:
    """The files with the number of malformed records in each."""
    edges = [file.first_row for file in files] + [sum(file.records for file in files) + 1]
    places = np.searchsorted(np.array(sorted(broken), np.int64), np.array(edges))
    counts = np.diff(places).tolist()
    return tuple(replace(file, malformed=count) for file, count in zip(files, counts, strict=True))

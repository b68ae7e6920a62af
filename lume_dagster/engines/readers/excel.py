"""Stage Excel workbooks: the rows of a sheet as text, with the columns of other sheets by keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp

from lume_dagster.engines.batch import HEADER_LINE, SHEETS, StagedBatch, StagedColumn
from lume_dagster.engines.parquet_options import staged_parquet
from lume_dagster.engines.readers.files import PlainFile
from lume_dagster.engines.readers.header import is_named
from lume_dagster.engines.readers.one_table import refuse_strangers
from lume_dagster.engines.readers.sheet import (
    SHEET_ROW,
    Sheet,
    open_workbook,
    read_sheet,
    sheet_name,
)
from lume_dagster.engines.readers.staging import Staging, first_rows, staged_file
from lume_dagster.engines.readers.workbook import damage_told, refuse_oversize
from lume_dagster.engines.readers.workbook_outline import SheetEntry, outline
from lume_dagster.errors import BatchError, did_you_mean
from lume_dagster.flows.model import SheetJoin

_TEXT = "VARCHAR"


@dataclass(frozen=True, slots=True)
class _Records:
    """The records of one workbook: a SELECT of ``sheet_row`` and its columns, in their order."""

    sheet: Sheet
    columns: Mapping[str, exp.Column]
    joined: exp.Select
    others: tuple[str, ...]  # sheets that people see, and that were not read


def stage_excel(staging: Staging) -> StagedBatch:
    """Read the wanted sheet of each workbook; columns are the union by name, all of them text."""
    found = [
        _records(staging, file, index) for index, file in enumerate(staging.files) if file.bytes
    ]
    by_file = dict(zip([f.source.uri for f in staging.files if f.bytes], found, strict=True))
    counts = [
        by_file[f.source.uri].sheet.records if f.source.uri in by_file else 0 for f in staging.files
    ]
    refuse_strangers(
        (uri, tuple(filter(is_named, records.columns)))
        for uri, records in by_file.items()
        if records.sheet.records
    )
    starts = first_rows(counts)
    names = tuple(dict.fromkeys(name for records in found for name in records.columns))
    part = staging.part(0)
    if names:
        _write_part(staging, found, names, part)
        _write_places(staging, staging.files, by_file, starts)
    return StagedBatch(
        folder=staging.folder,
        columns=tuple(StagedColumn(name, f"c{i}", _TEXT) for i, name in enumerate(names)),
        files=tuple(
            staged_file(file, start, count, 0, part=part.name, **_details(file, by_file))
            for file, start, count in zip(staging.files, starts, counts, strict=True)
        ),
        parts=(part.name,) if names else (),
        format="excel",
    )


def _details(file: PlainFile, by_file: Mapping[str, _Records]) -> dict[str, str | int]:
    found = by_file.get(file.source.uri)
    if found is None:
        return {}
    line = found.sheet.header_line
    more = {SHEETS: "\n".join(found.others)} if found.others else {}
    return {"sheet": found.sheet.name, **more, **({} if line is None else {HEADER_LINE: line})}


def _records(staging: Staging, file: PlainFile, index: int) -> _Records:
    """The rows of the workbook's sheet, with those of the sheets that are joined to it."""
    uri, options = file.source.uri, staging.format
    uncomputed = refuse_oversize(file.path, uri, staging.settings)
    workbook = open_workbook(file.path, uri)
    with damage_told(uri):
        entries = outline(file.path)
    wanted = [
        sheet_name(workbook, each, uri, entries)
        for each in (options.sheet, *(join.sheet for join in options.join))
    ]
    _refuse_formulas(entries, wanted, uncomputed, uri)
    sheets = [
        read_sheet(
            staging.connection,
            workbook,
            each,
            options,
            staging.scratch / f"sheet-{index:06d}-{place}.parquet",
            uri,
        )
        for place, each in enumerate(wanted)
    ]
    main, *others = sheets
    columns = {name: _cell("s0", i) for i, name in enumerate(main.columns)}
    select = exp.select().from_(_read(main, "s0"))
    for place, (join, other) in enumerate(zip(options.join, others, strict=True), 1):
        _refuse_keys(staging, join, columns, other, uri)
        alias = f"s{place}"
        theirs = {name: _cell(alias, i) for i, name in enumerate(other.columns)}
        same = [columns[key].eq(theirs[key]) for key in join.on]
        select = select.join(_read(other, alias), on=exp.and_(*same), join_type="left")
        for name, cell in theirs.items():
            if name not in join.on:
                columns[name if name not in columns else f"{other.name}.{name}"] = cell
    seen = tuple(e.name for e in entries if e.has_cells and not e.is_hidden)
    return _Records(main, columns, select, tuple(name for name in seen if name not in wanted))


def _refuse_formulas(
    entries: Sequence[SheetEntry], wanted: Sequence[str], uncomputed: Mapping[str, str], uri: str
) -> None:
    """Refuse a sheet with formulas that were never computed: they would be read as empty cells."""
    for entry in entries:
        if entry.name in wanted and entry.member in uncomputed:
            raise BatchError(
                f"The formula in cell {uncomputed[entry.member]} of the sheet {entry.name!r} of"
                f" {uri} has no value: what wrote the file does not compute formulas.",
                hint="open it in Excel or LibreOffice and save it, or have values written in place"
                " of formulas.",
            )


def _refuse_keys(
    staging: Staging, join: SheetJoin, columns: Mapping[str, exp.Column], other: Sheet, uri: str
) -> None:
    """Refuse keys that are not there, or that do not tell the rows of the other sheet apart."""
    sides = (("the rows to join it to have", columns), ("it has", other.columns))
    for key, (which, there) in ((k, side) for k in join.on for side in sides):
        if key not in there:
            raise BatchError(
                f"{uri}: the sheet {other.name!r} cannot be joined, for {which} no column {key!r}.",
                hint=did_you_mean(key, there) if there else "they have no columns at all.",
            )
    keys = [_cell("s0", other.columns.index(key)) for key in join.on]
    count = exp.Count(this=exp.Star())
    given = [exp.Is(this=key.copy(), expression=exp.null()).not_() for key in keys]
    repeated = exp.select(count).from_(_read(other, "s0")).where(*given).group_by(*keys)
    repeated = repeated.having(exp.GT(this=count.copy(), expression=exp.Literal.number(1)))
    if staging.connection.execute(repeated.sql("duckdb")).fetchone() is not None:
        raise BatchError(
            f"{uri}: in the sheet {other.name!r} a value of {' and '.join(join.on)} occurs twice.",
            hint="name columns in source.format.join.on that are unique in the joined sheet.",
        )


def _write_part(
    staging: Staging, found: Sequence[_Records], names: Sequence[str], part: Path
) -> None:
    """The records of all workbooks in their order, under the columns of the batch."""
    pieces = []
    for records in found:
        cells = [
            exp.alias_(records.columns.get(name, exp.cast(exp.null(), _TEXT)), f"c{i}")
            for i, name in enumerate(names)
        ]
        row = exp.column(SHEET_ROW, table="s0")
        piece = records.joined.select(*cells, append=False).order_by(row)
        pieces.append(f"({piece.sql('duckdb')})")
    query = " UNION ALL ".join(pieces)
    form = staged_parquet(len(names))
    staging.connection.execute(f"COPY ({query}) TO $into ({form})", {"into": str(part)})


def _write_places(
    staging: Staging,
    files: Sequence[PlainFile],
    by_file: Mapping[str, _Records],
    starts: Sequence[int],
) -> None:
    """Where the rows of the batch stand in their sheets: an entry for each run without a blank."""
    pieces = []
    for file, start in zip(files, starts, strict=True):
        records = by_file.get(file.source.uri)
        if records is not None:
            path = _text(str(records.sheet.path))
            pieces.append(
                f"SELECT {start} + min(number) - 1 AS first_row, {_text(file.source.uri)} AS uri,"
                f" min({SHEET_ROW}) AS file_row FROM (SELECT {SHEET_ROW},"
                f" row_number() OVER (ORDER BY {SHEET_ROW}) AS number FROM read_parquet({path}))"
                f" GROUP BY {SHEET_ROW} - number"
            )
    query = " UNION ALL ".join(pieces)
    into = staging.folder / "places.parquet"
    form = staged_parquet(3)
    staging.connection.execute(f"COPY ({query}) TO $into ({form})", {"into": str(into)})


def _read(sheet: Sheet, alias: str) -> exp.Table:
    source = exp.Anonymous(this="read_parquet", expressions=[exp.Literal.string(str(sheet.path))])
    return exp.Table(this=source, alias=exp.TableAlias(this=exp.to_identifier(alias)))


def _cell(alias: str, place: int) -> exp.Column:
    return exp.column(f"c{place}", table=alias)


def _text(value: str) -> str:
    return exp.Literal.string(value).sql("duckdb")

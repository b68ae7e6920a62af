"""The default engine: DuckDB, each batch in a session that is locked to its own files."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lume_dagster.engines.batch import ROW, StagedBatch, StagedColumn
from lume_dagster.engines.blame import first_line, told_errors
from lume_dagster.engines.readers.staged_view import staged_view_sql
from lume_dagster.engines.result import Transformed
from lume_dagster.engines.session import open_session
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.errors import BatchError, FlowError, PlanError
from lume_dagster.plan.compile import Compiler
from lume_dagster.plan.plan import Plan, SourceColumn

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from lume_dagster.engines.readers.files import Incoming, InputFile
    from lume_dagster.flows.model import Flow, FlowVersion, SourceFormat
    from lume_dagster.plan.error_origins import Origins


_PlanKey = tuple[str, tuple[StagedColumn, ...], str]  # digest of the version, columns, format

_MOST_PLANS = 256  # some 50 KB each
#: The plans of this process, so that many batches of a flow version are compiled for once; each
#: with what it was made from.
_plans: dict[_PlanKey, tuple[Flow, Mapping[str, tuple[str, ...]], Plan]] = {}


class DuckDBEngine:
    """Nothing of a batch is kept; plans are, for all engines of the process."""

    def __init__(self, settings: EngineSettings) -> None:
        """Nothing is opened before it is used."""
        self._settings = settings
        self._oracle: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        """Use the engine in a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close what was opened."""
        if self._oracle is not None:
            self._oracle.close()
            self._oracle = None

    def stage_files(
        self,
        files: Sequence[InputFile],
        format: SourceFormat,  # noqa: A002 - the flow file's word
        into: Path,
    ) -> StagedBatch:
        """Files as one staged batch in the folder ``into``."""
        from lume_dagster.engines.stage import stage_files

        return stage_files(self._settings, files, format, into)

    def stage_first(
        self,
        files: Sequence[InputFile],
        format: SourceFormat,  # noqa: A002 - the flow file's word
        into: Path,
        rows: int,
        enough: Callable[[tuple[str, ...]], bool],
    ) -> StagedBatch:
        """At least the first ``rows`` records of files, without reading the rest if it can be."""
        from lume_dagster.engines.first import stage_first

        return stage_first(self._settings, files, format, into, rows, enough)

    def stage_stream(self, reader: pa.RecordBatchReader, uri: str, into: Path) -> StagedBatch:
        """A stream of Arrow batches as a staged batch in the folder ``into``."""
        from lume_dagster.engines.stage import stage_stream

        return stage_stream(self._settings, reader, uri, into)

    def stage_many(
        self,
        incoming: Sequence[Incoming],
        format: SourceFormat,  # noqa: A002 - the flow file's word
    ) -> list[StagedBatch | None]:
        """Small batches staged together; None for one that must be staged alone."""
        from lume_dagster.engines.many.stage import stage_many

        return stage_many(self._settings, incoming, format)

    def examine_repairs(
        self, given: StagedBatch, rejects: Sequence[Path], base: StagedBatch | None = None
    ) -> tuple[int, ...]:
        """The numbers of the rows in a file of repairs, all of them rejects."""
        from lume_dagster.engines.repairs import examine_repairs

        return examine_repairs(self._settings, given, rejects, base)

    def apply_repairs(
        self, base: StagedBatch, given: StagedBatch, number: int, into: Path
    ) -> StagedBatch:
        """The batch with repaired rows in place of its own; see engines/repairs.py."""
        from lume_dagster.engines.repairs import apply_repairs

        return apply_repairs(self._settings, base, given, number, into)

    def keep_repaired(
        self, mapped: Sequence[Path], staged: StagedBatch, since: int, into: Path
    ) -> Path:
        """Of mapped rows those that later repairs have written, in the file ``into``."""
        from lume_dagster.engines.repairs import keep_rows

        return keep_rows(self._settings, mapped, staged, since, into)

    def differing_row(self, staged: StagedBatch, rejects: Sequence[Path]) -> int | None:
        """The first reject that does not say what its row in the batch says."""
        from lume_dagster.engines.repairs import differing_row

        return differing_row(self._settings, staged, rejects)

    def describe(self, select: str) -> tuple[str, ...]:
        """The types of the columns of a SELECT that reads no table.

        Raises:
            PlanError: it makes no sense; with the engine's first line.
        """
        return tuple(str(row[1]) for row in self._asked(f"DESCRIBE {select}"))

    def compute(self, select: str) -> None:
        """Compute a SELECT that reads no table.

        Raises:
            PlanError: it cannot be; with the engine's first line.
        """
        self._asked(select)

    def _asked(self, question: str) -> list[tuple[object, ...]]:
        import duckdb

        if self._oracle is None:
            self._oracle = duckdb.connect(":memory:")
            self._oracle.execute("SET threads = 1")
            self._oracle.execute("SET enable_external_access = false")
            self._oracle.execute("SET lock_configuration = true")
        try:
            return self._oracle.execute(question).fetchall()
        except duckdb.Error as error:
            raise PlanError(first_line(error)) from None

    def compile(self, version: FlowVersion, staged: StagedBatch) -> Plan:
        """The plan of a version for the columns of a batch."""
        key = (version.digest, staged.columns, staged.format)
        headers = {name: header for name, (_, header) in _seeds(version).items()}
        known = _plans.get(key)
        if known is not None and known[:2] == (version.flow, headers):
            return known[2]
        columns, no_value = _columns(staged), _empty_is_null(staged)
        try:
            plan = Compiler(version.flow, columns, headers, self, empty_is_null=no_value).plan()
        except PlanError as error:
            if columns or not staged.malformed:
                raise
            raise self._none_read(staged) from error
        if len(_plans) >= _MOST_PLANS:
            _plans.clear()
        _plans[key] = version.flow, headers, plan
        return plan

    def _origins(self, version: FlowVersion, staged: StagedBatch) -> Origins:
        headers = {name: header for name, (_, header) in _seeds(version).items()}
        columns, no_value = _columns(staged), _empty_is_null(staged)
        return Compiler(version.flow, columns, headers, self, empty_is_null=no_value).origins()

    def _none_read(self, staged: StagedBatch) -> BatchError:
        """Without a single record there are no columns either; what is missing is not those."""
        first = f"SELECT min_by(message, {ROW}), min({ROW}) FROM read_parquet($1)"
        with open_session(self._settings, read=[staged.malformed_path]) as session:
            found = session.execute(first, [str(staged.malformed_path)]).fetchone() or ("", 1)
        file = next((f for f in reversed(staged.files) if f.first_row <= found[1]), None)
        return BatchError(
            f"None of the {staged.malformed:,} records of the batch could be read"
            f" ({file.uri if file else 'the first'}: {found[0]}).",
            hint="look at the file: JSON Lines has one object on each line; for a list of objects,"
            " or one over several lines, say source.format.type json.",
        )

    def transform(
        self, version: FlowVersion, plan: Plan, staged: StagedBatch, into: Path
    ) -> Transformed:
        """Mapped rows and rejects below ``into``; see engines/transform.py."""
        return self._transform(version, plan, staged, staged_view_sql(staged), into)

    def transform_many(
        self,
        version: FlowVersion,
        plan: Plan,
        batches: Sequence[StagedBatch],
        into: Sequence[Path],
    ) -> list[Transformed]:
        """The same for plain batches with the same columns; see engines/many/transform.py."""
        from lume_dagster.engines.many.transform import transform_many

        seeds = _seeds(version)
        readable = [*(b.folder for b in batches), *(path for path, _ in seeds.values())]
        with (
            self._session(plan, readable, into) as session,
            told_errors(session, version.name, partial(self._origins, version, batches[0])),
        ):
            return transform_many(session, plan, batches, seeds, into)

    def _session(
        self, plan: Plan, read: Sequence[Path], write: Sequence[Path]
    ) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return open_session(self._settings, read=read, write=write, careful=plan.tries_twice)

    def preview(
        self, version: FlowVersion, plan: Plan, staged: StagedBatch, rows: int, into: Path
    ) -> Transformed:
        """The same for the first ``rows`` records of the batch."""
        head = staged.first(rows, _malformed_rows(staged))
        query = f"SELECT * FROM ({staged_view_sql(staged)}) WHERE {ROW} <= {head.records}"
        return self._transform(version, plan, head, query, into)

    def _transform(
        self, version: FlowVersion, plan: Plan, staged: StagedBatch, query: str, into: Path
    ) -> Transformed:
        from lume_dagster.engines.transform import transform

        seeds = _seeds(version)
        into.mkdir(parents=True, exist_ok=True)
        readable = [staged.folder, *(path for path, _ in seeds.values())]
        with (
            self._session(plan, readable, [into]) as session,
            told_errors(session, version.name, partial(self._origins, version, staged)),
        ):
            return transform(session, plan, staged, query, seeds, into)


def _malformed_rows(staged: StagedBatch) -> list[int]:
    if not staged.malformed:
        return []
    import pyarrow.parquet as pq

    column = pq.read_table(staged.malformed_path, columns=[ROW]).column(0)
    return [int(row) for row in column.to_pylist()]


def _columns(staged: StagedBatch) -> list[SourceColumn]:
    return [SourceColumn(c.name, c.id, c.type) for c in staged.columns]


def _empty_is_null(staged: StagedBatch) -> bool:
    return staged.format in {"csv", "excel"}


def _seeds(version: FlowVersion) -> Mapping[str, tuple[Path, tuple[str, ...]]]:
    """Each seed's file and header."""
    return {
        name: (path := Path(version.folder) / seed.path, seed_header(path))
        for name, seed in version.flow.seeds.items()
    }


def seed_header(path: Path) -> tuple[str, ...]:
    """The names of a seed's columns."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return tuple(next(csv.reader(lines), ()))
    except (OSError, UnicodeDecodeError) as error:
        raise FlowError(
            f"The seed file {path} cannot be read: {error}.", hint="a seed is a CSV file in UTF-8."
        ) from error

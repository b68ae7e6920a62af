"""The figures, schemas and small tables a person sees on a materialization."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from lume_dagster.connectors.protocol import Column, Receipt
from lume_dagster.orchestration.names import STEP
from lume_dagster.runs.output import part_files
from lume_dagster.runs.status import Status

if TYPE_CHECKING:
    from lume_dagster.engines.batch import StagedBatch
    from lume_dagster.flows.model import Flow
    from lume_dagster.runs.metrics import Metrics
    from lume_dagster.runs.phases import MappedBatch, Outcome

Metadata = dict[str, Any]

STAGING, OUTPUT, METRICS = "lume/staging", "lume/output", "lume/metrics"
SOURCE_PATH, ERROR, KEY = "lume/source_path", "lume/error", "lume/key"
SCHEMA, LINEAGE = "dagster/column_schema", "dagster/column_lineage"
SEEDS = "lume/seeds"
STORED = "lume/stored"  # the URI of the folder in the store that machines share
COLUMNS_OF = "lume/columns_of"
ROWS = "dagster/partition_row_count"
FILE_VERSION = "lume/file_version"

#: How rejects get where they were meant to go, for whoever finds them here.
_REPAIR = "lume rejects {run} --save FILE, edit it, lume rejects resubmit FILE"
_SAMPLE_ROWS = 5
_SAMPLE_TEXT = 300
_FILES_SHOWN = 50


def of_source(
    staged: StagedBatch, source_path: str, seconds: float, like: str | None = None
) -> Metadata:
    """What was staged: rows, bytes, files, columns.

    ``like``, here and below, is a batch whose event says what columns this one has too.
    """
    files = [
        {"file": f.uri, "rows": f.records, "malformed": f.malformed, "bytes": f.bytes}
        for f in staged.files[:_FILES_SHOWN]
    ]
    return {
        ROWS: staged.records,
        "lume/malformed_rows": staged.malformed,
        "lume/bytes": staged.bytes,
        "lume/seconds_source": round(seconds, 3),
        SOURCE_PATH: source_path,
        STEP: "source",
        "lume/format": staged.format,
        "lume/files": _table(files, {"rows": "int", "malformed": "int", "bytes": "int"}),
        **({FILE_VERSION: staged.files[0].version} if len(staged.files) == 1 else {}),
        **({"lume/left_out": _lines(staged.left_out)} if staged.left_out else {}),
        "dagster/uri": staged.folder.as_uri(),
        STAGING: str(staged.folder),
        **_columns(like, lambda: _source_columns(staged)),
    }


def of_transform(
    outcome: Outcome,
    source_path: str,
    source: dg.AssetKey,
    seconds: float,
    like: str | None = None,
) -> Metadata:
    """What became of the rows: counts, errors, a sample of rejects, where each column is from."""
    mapped = outcome.mapped
    return {
        **of_rows(mapped, source_path),
        STEP: "transform",
        ROWS: mapped.rows.mapped,
        "lume/bytes": outcome.transformed.bytes,
        "lume/seconds_transform": round(seconds, 3),
        "dagster/uri": mapped.folder.as_uri(),
        **_columns(like, lambda: _mapped_columns(outcome, source)),
    }


def of_seeds(digests: Mapping[str, str]) -> Metadata:
    """Which content of each seed was looked things up in."""
    return {SEEDS: dg.MetadataValue.json(dict(digests))} if digests else {}


def of_rows(mapped: MappedBatch, source_path: str) -> Metadata:
    """The figures of a transformed batch, whether or not it was let through."""
    metrics = mapped.metrics
    value: Metadata = {
        "lume/rows_input": metrics.row_counts.input,
        "lume/rows_mapped": metrics.row_counts.mapped,
        "lume/rows_rejected": metrics.row_counts.rejects,
        "lume/error_rate": metrics.error_rate,
    }
    if metrics.validation_summary.top_errors:
        top = [
            {"code": e.error_code, "rows": e.count} for e in metrics.validation_summary.top_errors
        ]
        value["lume/top_errors"] = _table(top, {"rows": "int"})
    if metrics.row_counts.rejects:
        value["lume/rejects_sample"] = _table(_sample(mapped.folder), {"row": "int"})
        value["lume/repair"] = _REPAIR.format(run=metrics.run_id)
    value[SOURCE_PATH] = source_path
    value[OUTPUT], value[KEY] = str(mapped.folder), list(mapped.key)
    value[METRICS] = dg.MetadataValue.json(metrics.to_dict())
    return value


def of_target(
    receipt: Receipt,
    mapped: MappedBatch,
    source_path: str,
    transform: dg.AssetKey,
    seconds: Mapping[str, float],
    like: str | None = None,
) -> Metadata:
    """What the target now holds of the batch."""
    status = Status.PARTIAL_FAILED if receipt.rejects_rows else Status.SUCCEEDED
    value: Metadata = {
        "lume/status": status.value,
        ROWS: receipt.mapped_rows,
        "lume/rows_rejected": receipt.rejects_rows,
        "lume/mapped_location": receipt.mapped_location,
        "lume/rejects_location": receipt.rejects_location,
        SOURCE_PATH: source_path,
        STEP: "target",
        **{f"lume/seconds_{phase}": round(s, 3) for phase, s in seconds.items()},
        OUTPUT: str(mapped.folder),
        METRICS: dg.MetadataValue.json(mapped.metrics.to_dict()),
        **_columns(like, lambda: _target_columns(mapped, transform)),
    }
    if receipt.table_rows is not None:
        value["dagster/row_count"] = receipt.table_rows
    if "://" in receipt.mapped_location:
        value["dagster/uri"] = receipt.mapped_location
    return value


def read_mapped(
    value: Mapping[str, dg.MetadataValue[Any]], flow: Flow, folder: Path
) -> MappedBatch | None:
    """The batch a transform's metadata speaks of, or None when its files are gone."""
    from lume_dagster.runs.phases import MappedBatch

    if not part_files(folder, "mapped"):
        return None
    key: Any = value[KEY].value
    return MappedBatch(folder, _read_columns(value, flow), tuple(key), read_metrics(value))


def _read_columns(value: Mapping[str, dg.MetadataValue[Any]], flow: Flow) -> tuple[Column, ...]:
    """The columns, which another batch of the flow may have been left to say."""
    if SCHEMA not in value:
        from lume_dagster.plan.columns import target_columns
        from lume_dagster.runs.phases import columns_of

        return columns_of(target_columns(flow))
    schema: dg.TableSchema = value[SCHEMA].value
    return tuple(
        Column(c.name, c.type, c.constraints.nullable, c.description) for c in schema.columns
    )


def read_metrics(value: Mapping[str, dg.MetadataValue[Any]]) -> Metrics:
    """The metrics in the metadata of a transform, a target or a refusal."""
    from lume_dagster.runs.metrics import Metrics

    data: Any = value[METRICS].value
    return Metrics.from_dict(data)


def _lines(names: Sequence[str]) -> str:
    more = [f"and {len(names) - _FILES_SHOWN:,} more"] if len(names) > _FILES_SHOWN else []
    return "\n".join([*names[:_FILES_SHOWN], *more])


def _columns(like: str | None, own: Callable[[], Metadata]) -> Metadata:
    """Columns and lineage take Dagster longer to store than all the rest of an event."""
    return own() if like is None else {COLUMNS_OF: like}


def _source_columns(staged: StagedBatch) -> Metadata:
    return {SCHEMA: dg.TableSchema([dg.TableColumn(c.name, c.type) for c in staged.columns])}


def _mapped_columns(outcome: Outcome, source: dg.AssetKey) -> Metadata:
    lineage = {
        c.name: [dg.TableColumnDep(asset_key=source, column_name=s) for s in c.sources]
        for c in outcome.plan.columns
    }
    return {SCHEMA: _schema(outcome.mapped.columns), LINEAGE: dg.TableColumnLineage(lineage)}


def _target_columns(mapped: MappedBatch, transform: dg.AssetKey) -> Metadata:
    lineage = {
        c.name: [dg.TableColumnDep(asset_key=transform, column_name=c.name)] for c in mapped.columns
    }
    return {SCHEMA: _schema(mapped.columns), LINEAGE: dg.TableColumnLineage(lineage)}


def _schema(columns: Sequence[Column]) -> dg.TableSchema:
    return dg.TableSchema(
        [
            dg.TableColumn(
                c.name,
                c.type,
                description=c.description,
                constraints=dg.TableColumnConstraints(nullable=c.nullable),
            )
            for c in columns
        ]
    )


def _table(records: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> dg.TableMetadataValue:
    names = list(records[0]) if records else list(types)
    schema = dg.TableSchema([dg.TableColumn(n, types.get(n, "string")) for n in names])
    return dg.MetadataValue.table([dg.TableRecord(dict(r)) for r in records], schema)


def _sample(folder: Path) -> list[dict[str, Any]]:
    """The first few rejects, as text short enough to look at."""
    import duckdb

    parts = [str(path) for path in part_files(folder, "rejects")]
    if not parts:
        return []
    with duckdb.connect(config={"threads": 1}) as connection:
        found = connection.execute(
            "SELECT {'row': _lume_row, 'errors': errors, 'original': original, 'file': _lume_file}"
            f" FROM read_parquet($1) LIMIT {_SAMPLE_ROWS}",
            [parts],
        ).fetchall()
    return [_sample_row(row) for (row,) in found]


def _sample_row(row: Mapping[str, Any]) -> dict[str, Any]:
    errors = "; ".join(f"{e['field'] or 'row'}: {e['code']}" for e in row["errors"] or ())
    original = row["original"]
    text = original if isinstance(original, str) else json.dumps(original)
    return {
        "row": row["row"],
        "errors": errors,
        "original": text[:_SAMPLE_TEXT],
        "file": str(row["file"]),
    }

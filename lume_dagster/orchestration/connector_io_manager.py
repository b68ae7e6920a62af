"""Keep what a user's own asset returns in a connector's tables, and hand it to the next asset."""

# No `from __future__ import annotations`: Dagster reads ResourceDependency from the class itself.
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import dagster as dg

from lume_dagster.connectors.protocol import Delivery, Reading, Receipt, TableReader, Target
from lume_dagster.connectors.resource import ConnectorResource
from lume_dagster.connectors.sql.ddl import SOURCE_PATH, SYSTEM_COLUMNS
from lume_dagster.engines.tables import reader_of
from lume_dagster.errors import BatchError, InvalidRequestError
from lume_dagster.orchestration.frames import frame_of, frames_of, wants_each_batch
from lume_dagster.orchestration.metadata import ROWS, SCHEMA
from lume_dagster.orchestration.names import check_source_path, public_id
from lume_dagster.orchestration.newest import newest
from lume_dagster.orchestration.retry import retrying
from lume_dagster.orchestration.stored_types import widened
from lume_dagster.orchestration.table_files import (
    TableFiles,
    empty_rejects,
    restored_rows,
    write_table,
)

if TYPE_CHECKING:
    import pyarrow as pa

#: The batch of an asset without partitions.
WHOLE = "whole"
#: On an asset's definition: the table it is kept in. On an input: the columns that are wanted.
TABLE, COLUMNS = "lume/table", "columns"

TABLE_NAME, ROW_COUNT, URI = "dagster/table_name", "dagster/row_count", "dagster/uri"
_FLOW = re.compile(r"[A-Za-z0-9_.-]+")


class ConnectorIOManager(dg.ConfigurableIOManager):
    """Stores the frames of assets through any connector, each (asset, partition) exactly once.

    An asset returns a pandas or polars DataFrame, a polars LazyFrame, a pyarrow Table or
    RecordBatchReader; with several partitions in one run a dict of them by partition. It is kept in
    the table named by its key (its last two parts) or by ``metadata={"lume/table": "ops.orders"}``.
    An input is handed over in the form of its annotation, pandas where it has none: the rows of
    all its partitions as one table, or ``dict[str, ...]`` for a table each.
    """

    connector: dg.ResourceDependency[ConnectorResource]
    schema_name: str | None = None  # of assets whose key has one part; None: the connector's own
    file_format: str = "parquet"  # how a store writes: parquet, csv or jsonl
    retry_waits: list[float] = [1.0, 5.0]  # noqa: RUF012 - pydantic copies it
    memory_limit: str = "1GB"  # of the engine that gives the columns their types

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Replace the rows of the asset's partition."""
        target: Any = self.connector
        if not isinstance(target, Target):
            raise InvalidRequestError(
                f"{_who(self.connector)} cannot be written to, so it can keep no asset.",
                hint="give the IO manager another connector.",
            )
        kept = [self._store(context, target, path, frame) for path, frame in _frames(context, obj)]
        context.add_output_metadata(self._metadata(context, kept))

    def load_input(self, context: dg.InputContext) -> Any:
        """The rows of the input's partitions, in the form of its annotation."""
        connector: Any = self.connector
        if not isinstance(connector, TableReader):
            raise InvalidRequestError(
                f"{_who(self.connector)} cannot be read back from.",
                hint="its class needs a method read_table (lume_dagster.connectors.protocol).",
            )
        wanted = context.dagster_type.typing_type
        keys = list(context.asset_partition_keys) if context.has_asset_partitions else [WHOLE]
        rows = self._rows(context, connector, keys, each=wants_each_batch(wanted))
        if wants_each_batch(wanted):
            return frames_of(rows, wanted, SOURCE_PATH, keys)
        return frame_of(rows, wanted)

    def _store(
        self, context: dg.OutputContext, target: Target, source_path: str, frame: object
    ) -> tuple[TableFiles, Receipt]:
        check_source_path(source_path)
        with TemporaryDirectory(prefix="lume-io-") as folder:
            work = Path(folder)
            table = write_table(reader_of(frame, work), work, self.memory_limit)
            delivery = Delivery(
                table=self._table(context.asset_key, context.definition_metadata),
                columns=table.columns,
                key=(),
                mode="replace_batch",
                mapped=(table.file,),
                rejects=(empty_rejects(work / "rejects.parquet"),),
                flow=_flow(context.asset_key),
                version=1,
                source_path=source_path,
                run_id=_run_id(context),
                format=self.file_format,
            )

            def deliver() -> Receipt:
                target.check(delivery)
                return target.deliver(delivery)

            return table, retrying(deliver, self.retry_waits, context.log)

    def _metadata(
        self, context: dg.OutputContext, kept: Sequence[tuple[TableFiles, Receipt]]
    ) -> Mapping[str, Any]:
        table, receipt = kept[-1]
        rows = sum(receipt.mapped_rows for _, receipt in kept)
        value: dict[str, Any] = {
            SCHEMA: dg.TableSchema([dg.TableColumn(n, t) for n, t in table.types.items()]),
            TABLE_NAME: receipt.mapped_location,
        }
        if context.has_asset_partitions:
            value[ROWS] = rows
            if receipt.table_rows is not None:
                value[ROW_COUNT] = receipt.table_rows
        else:
            value[ROW_COUNT] = rows
        if "://" in receipt.mapped_location:
            value[TABLE_NAME] = self._table(context.asset_key, context.definition_metadata)
            value[URI] = receipt.mapped_location
        return value

    @contextmanager
    def _rows(
        self, context: dg.InputContext, connector: TableReader, keys: list[str], *, each: bool
    ) -> Iterator["pa.RecordBatchReader"]:
        """The rows of partitions with the types they were stored from."""
        upstream = context.upstream_output
        definition = upstream.definition_metadata if upstream is not None else {}
        columns = _columns(context)
        reading = Reading(
            self._table(context.asset_key, definition),
            _flow(context.asset_key),
            tuple(keys),
            columns,
        )
        types = _remembered(context, keys)
        drop = [
            column.name for column in SYSTEM_COLUMNS if not (each and column.name == SOURCE_PATH)
        ]
        with (
            connector.read_table(reading) as reader,
            restored_rows(reader, types, drop, self.memory_limit) as rows,
        ):
            yield rows

    def _table(self, key: dg.AssetKey, definition: Mapping[str, Any]) -> str:
        """The table an asset is kept in."""
        given = definition.get(TABLE)
        if given is not None:
            return str(getattr(given, "value", given))
        parts = list(key.path[-2:])
        if len(parts) == 1 and self.schema_name is not None:
            parts = [self.schema_name, *parts]
        return ".".join(part.replace(".", "_") for part in parts)


def _frames(context: dg.OutputContext, obj: object) -> Iterator[tuple[str, object]]:
    """What was returned, for each partition of the run."""
    keys = list(context.asset_partition_keys) if context.has_asset_partitions else [WHOLE]
    if not isinstance(obj, dict):
        if len(keys) > 1:
            raise InvalidRequestError(
                f"{context.asset_key.to_user_string()} returned one table for {len(keys)}"
                " partitions.",
                hint="return a dict of them by partition key, or run one partition at a time.",
            )
        yield keys[0], obj
        return
    if set(obj) != set(keys):
        shown = sorted(map(str, set(obj) ^ set(keys)))[:5]
        raise InvalidRequestError(
            f"{context.asset_key.to_user_string()} returned a dict that does not match the"
            f" partitions of the run: {', '.join(shown)}.",
            hint="its keys must be the partition keys, each with a table.",
        )
    yield from cast("dict[str, object]", obj).items()


def _columns(context: dg.InputContext) -> tuple[str, ...] | None:
    wanted = context.definition_metadata.get(COLUMNS)
    return None if wanted is None else tuple(map(str, wanted))


def _remembered(context: dg.InputContext, keys: list[str]) -> dict[str, str]:
    """The types of the table's columns when it was last stored.

    Raises:
        BatchError: one partition is asked for, and was never materialized.
    """
    partition = keys[0] if context.has_asset_partitions and len(keys) == 1 else None
    found = newest(context.instance, context.asset_key, partition)
    if found is None and partition is not None:
        raise BatchError(
            f"Asset {context.asset_key.to_user_string()} has no rows of {partition}.",
            hint="materialize that partition first.",
        )
    schema: Any = found.metadata.get(SCHEMA) if found is not None else None
    types = {c.name: c.type for c in schema.value.columns} if schema is not None else {}
    return types if len(keys) == 1 else widened(types)


def _flow(key: dg.AssetKey) -> str:
    """What the ledger calls an asset: safe as a folder's name, and another for every asset."""
    name = ".".join(key.path)
    plain = _FLOW.fullmatch(name) and not any("." in part for part in key.path)
    written = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
    return f"asset.{name}" if plain else f"asset.{written}-{_digest(*key.path)}"


def _run_id(context: dg.OutputContext) -> str:
    """The run, and which of its assets: rows of two that share a table must not be taken for one's.

    A table tells rows apart by run and batch, and in one run all assets may have one partition.
    """
    return f"{public_id(context.run_id)}_{_digest(*context.asset_key.path)}"


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()[:8]


def _who(connector: object) -> str:
    return f"The connector {type(connector).__name__}"

"""What the tests of every object store share: the hooks of the suites, and laws of their tables."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import pyarrow as pa

from lume_dagster.connectors.object_store.manifest import MANIFEST
from lume_dagster.connectors.protocol import Column
from lume_dagster.connectors.sql.ddl import DUCKDB_TYPES, REJECT_COLUMNS, mapped_columns, sql_type
from lume_dagster_tests.connectors.file_formats import LOADERS


def put(connector, path, content):
    """Store an object below the connector's root; its URI."""
    import obstore

    key = f"{connector._root.key}/{path}"
    obstore.put(connector._bucket.store, key, content)
    return connector._bucket.uri(key)


def keys(connector, folder="ops/orders"):
    """All that is stored in a folder below the root."""
    start = f"{connector._root.key}/{folder}"
    return sorted(m["path"][len(start) + 1 :] for m in connector._bucket.below(start))


def named(connector, table="ops.orders"):
    """What should be stored in the folder of a table: what its manifest names, and itself."""
    return sorted([MANIFEST, *connector._table(table).state().manifest.paths()])


def read_part(connector, table, part, file_format):
    """The rows that a table holds now, in DuckDB's types."""
    held = connector._table(table).state().manifest.held()
    if not held:
        return pa.table({})
    columns = tuple(Column(name, type_) for name, type_ in held[0].columns)
    columns = mapped_columns(columns) if part == "mapped" else REJECT_COLUMNS
    types = {c.name: sql_type(c, DUCKDB_TYPES) for c in columns}
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        files = [str(path) for path in connector.fetch_table(table, Path(folder), part)]
        return LOADERS[file_format](connection, files, types) if files else pa.table({})


class ObjectStoreHooks:
    """What the suites ask of a store."""

    def put(self, config, name, content):
        return put(self.connector_type(**config), name, content)

    def read_mapped(self, connector, table):
        return read_part(connector, table, "mapped", self.file_format)

    def read_rejects(self, connector, table):
        return read_part(connector, table, "rejects", self.file_format)

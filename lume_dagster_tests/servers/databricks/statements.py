"""What Sail cannot run: files of volumes, COPY INTO, and paths of volumes in a query.

Each row of the table is a form of statement and what answers it; all else goes to Sail.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from lume_dagster_tests.servers.databricks.engine import Engine
from lume_dagster_tests.servers.databricks.faults import Faults
from lume_dagster_tests.servers.databricks.volume import Volumes

Url = Callable[[str], str]

_READ = re.compile(r"parquet\.`(/Volumes/[^`]*)`", re.IGNORECASE)
_PUT = re.compile(r"\s*PUT\s+'([^']*)'\s+INTO\s+'([^']*)'(\s+OVERWRITE)?\s*$", re.IGNORECASE)
_GET = re.compile(r"\s*GET\s+'([^']*)'\s+TO\s+'([^']*)'\s*$", re.IGNORECASE)
_REMOVE = re.compile(r"\s*REMOVE\s+'([^']*)'\s*$", re.IGNORECASE)
_LIST = re.compile(r"\s*LIST\s+'([^']*)'\s*$", re.IGNORECASE)
_COPY = re.compile(
    r"\s*COPY\s+INTO\s+(\S+)\s+FROM\s+'([^']*)'\s+FILEFORMAT\s*=\s*PARQUET(.*)$",
    re.IGNORECASE | re.DOTALL,
)
_FORCE = re.compile(r"'force'\s*=\s*'true'", re.IGNORECASE)


@dataclass
class Answer:
    """The rows of a result; a staging answer tells the client to move a file itself."""

    rows: pa.Table
    staging: bool = False


@dataclass
class Statements:
    """Runs a statement of a client, and knows which files COPY INTO has loaded."""

    engine: Engine
    volumes: Volumes
    faults: Faults
    signed: Url
    _copied: dict[str, set[str]] = field(default_factory=dict)

    def run(self, sql: str, values: Mapping[str, Any], schema: str) -> Answer:
        """The answer to a statement."""
        self.faults.statements.append({"sql": sql, "values": dict(values)})
        self.faults.happen(sql, "before")
        with self.engine.lock:
            answer = self._answer(sql, values, schema)
        self.faults.happen(sql, "after")
        return answer

    def _answer(self, sql: str, values: Mapping[str, Any], schema: str) -> Answer:
        for form, answer in _FORMS:
            found = form.match(sql)
            if found:
                return answer(self, found, schema)
        return Answer(self.engine.run(self.faults.rights.local(self._local(sql)), values, schema))

    def _local(self, sql: str) -> str:
        """Sail reads a folder of the disk where Databricks reads a volume."""

        def local(found: re.Match[str]) -> str:
            self.volumes.found(found[1])  # Sail reads what is not there as no row: Spark refuses
            return f"parquet.`{self.volumes.local(found[1])}`"

        return _READ.sub(local, sql)

    def put(self, found: re.Match[str], _: str) -> Answer:
        """Where the client may upload its file."""
        if not found[3] and self.volumes.local(found[2]).exists():
            raise ValueError(f"[FILE_ALREADY_EXISTS] {found[2]} is there; say OVERWRITE")
        return self._staging("PUT", found[2], found[1])

    def get(self, found: re.Match[str], _: str) -> Answer:
        """Where the client may download a file."""
        self.volumes.found(found[1])
        return self._staging("GET", found[1], found[2])

    def remove(self, found: re.Match[str], _: str) -> Answer:
        """Where the client may delete a file."""
        return self._staging("REMOVE", found[1], None)

    def list(self, found: re.Match[str], _: str) -> Answer:
        """The files of a folder."""
        kinds = {"path": pa.string(), "name": pa.string(), "size": pa.int64()}
        schema = pa.schema([*kinds.items(), ("modification_time", pa.int64())])
        return Answer(pa.Table.from_pylist(self.volumes.listed(found[1]), schema=schema))

    def copy(self, found: re.Match[str], schema: str) -> Answer:
        """COPY INTO loads a file once, unless it is told to load it again."""
        loaded = self._copied.setdefault(found[1].lower(), set())
        files = self.volumes.found(found[2])
        fresh = [name for name in files if _FORCE.search(found[3]) or name not in loaded]
        count = self.engine.append(found[1], fresh, schema) if fresh else 0
        loaded.update(fresh)
        names = ("num_affected_rows", "num_inserted_rows", "num_skipped_corrupt_files")
        return Answer(pa.table({n: [v] for n, v in zip(names, (count, count, 0), strict=True)}))

    def _staging(self, operation: str, path: str, local: str | None) -> Answer:
        told = {
            "operation": [operation],
            "presignedUrl": [self.signed(path)],
            "headers": [json.dumps({})],
            "localFile": pa.array([local], pa.string()),
        }
        return Answer(pa.table(told), staging=True)


_FORMS: tuple[tuple[re.Pattern[str], Callable[[Statements, re.Match[str], str], Answer]], ...] = (
    (_PUT, Statements.put),
    (_GET, Statements.get),
    (_REMOVE, Statements.remove),
    (_LIST, Statements.list),
    (_COPY, Statements.copy),
)

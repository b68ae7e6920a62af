"""What every database must do as a source: read its batch exactly, and be misled by nobody."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from lume_dagster.connectors.protocol import Column
from lume_dagster.errors import BatchError, FlowError, LumeError
from lume_dagster.testing.connectors import SECRET, ConnectorSuite
from lume_dagster.testing.deliveries import (
    EVERY_TYPE,
    EVERY_VALUE,
    Row,
    make_delivery,
    plain_value,
)
from lume_dagster.testing.targets import TargetHooks

if TYPE_CHECKING:
    import pyarrow as pa

    from lume_dagster.engines.batch import StagedBatch

#: What a source may hold and no target column does: bytes, and an instant.
_SOURCE_ONLY: Mapping[str, Any] = {
    "blob": b"\x00'\xff",
    "instant": dt.datetime(2024, 2, 29, 6, 30, 0, 123456, tzinfo=dt.UTC),
}

INJECTIONS = (
    "x' OR 1=1 --",
    "x'; DROP TABLE batches; --",
    "a' UNION SELECT * FROM batches --",
    "$1",
    ":source_path",
    "\\' OR 1=1 --",
    "%",
)


class DatabaseSourceSuite(ConnectorSuite):
    """Inherit this for a database that is read by a query."""

    #: A query over the table ``batches``; systems that quote otherwise say it otherwise.
    query = "SELECT * FROM batches WHERE batch = :source_path"

    #: The bytes 00 27 ff and an instant as the system's SQL says them; None: it has no such type.
    literals: ClassVar[Mapping[str, str | None]] = {
        "blob": "X'0027FF'",
        "instant": "CAST('2024-02-29 12:00:00.123456+05:30' AS TIMESTAMP WITH TIME ZONE)",
    }

    def fill(self, config: Mapping[str, Any], rows: list[Row]) -> None:
        """Make a table ``batches``, a text column ``batch`` and one of every type, filled."""
        raise NotImplementedError

    def count(self, config: Mapping[str, Any]) -> int:
        """The number of rows of ``batches``, asked without the connector's ``read``."""
        raise NotImplementedError

    def read(self, connector: Any, query: str, source_path: str) -> pa.Table:
        """All rows of a query."""
        with connector.read(query, source_path) as reader:
            return reader.read_all()

    def test_a_batch_comes_back_exactly(self, connector: Any, config: Mapping[str, Any]) -> None:
        """Every value of every type; nothing of another batch."""
        self.fill(config, [{**row, "batch": "a'b"} for row in EVERY_VALUE])
        self.fill(config, [{"id": 7, "batch": "other"}])
        rows = self.read(connector, self.query, "a'b").to_pylist()
        assert self._plain(rows) == self._wanted()

    def test_what_is_read_is_staged_equal_and_written_back_equal(
        self, connector: Any, config: Mapping[str, Any], tmp_path: Path
    ) -> None:
        """Through the engine's staging, and into a table where the system is a target too."""
        self.fill(config, [{**row, "batch": "a"} for row in EVERY_VALUE])
        staged = self._staged(connector, self.query, tmp_path)
        rows = _staged_rows(staged)
        assert self._plain(rows.to_pylist()) == self._wanted()
        if isinstance(self, TargetHooks):
            delivery = make_delivery(tmp_path, [], columns=EVERY_TYPE, format=self.file_format)
            file = _numbered(rows.select([c.name for c in EVERY_TYPE]), tmp_path / "back.parquet")
            connector.deliver(replace(delivery, mapped=(file,)))
            held = self.read_mapped(connector, delivery.table).to_pylist()
            assert self._plain(held) == self._wanted()

    def test_bytes_and_instants_are_staged_exactly(
        self, connector: Any, config: Mapping[str, Any], tmp_path: Path
    ) -> None:
        """Types that a source may hold and no target column does."""
        self.fill(config, [{"id": 1, "batch": "a"}])
        said = {name: sql for name, sql in self.literals.items() if sql is not None}
        chosen = ", ".join(f"{sql} AS the_{name}" for name, sql in said.items())
        query = self.query.replace("*", f"id, {chosen}", 1)
        row = _staged_rows(self._staged(connector, query, tmp_path)).to_pylist()[0]
        wanted = {n: self.drifted(Column(n, n), _SOURCE_ONLY[n]) for n in said}
        assert {name: row[f"the_{name}"] for name in said} == wanted

    @pytest.mark.parametrize(
        "query",
        [
            "SELECT no_such_column FROM batches WHERE batch = :source_path",
            "SELECT * FROM no_such_table WHERE batch = :source_path",
            "SELEKT * FROM batches WHERE batch = :source_path",
            "SELECT 'open FROM batches WHERE batch = :source_path",
        ],
    )
    def test_a_query_that_cannot_run_is_a_sentence(
        self, connector: Any, config: Mapping[str, Any], query: str
    ) -> None:
        """The system's own words, and neither its secrets nor the batch's name."""
        self.fill(config, [{"id": 1, "batch": "a"}])
        with pytest.raises(LumeError, match=r"\w+ \w+") as caught:
            self.read(connector, query, SECRET)
        shown = str(caught.value)
        assert [n for n, value in self._secrets(config) if value in shown] == []

    @pytest.mark.parametrize("hostile", INJECTIONS)
    def test_a_hostile_source_path_reads_nothing_and_changes_nothing(
        self, connector: Any, config: Mapping[str, Any], hostile: str
    ) -> None:
        """It is a value."""
        self.fill(config, [{"id": 1, "batch": "a"}, {"id": 2, "batch": "b"}])
        assert self.read(connector, self.query, hostile).num_rows == 0
        assert self.count(config) == 2

    def test_a_source_path_that_is_no_text_is_a_sentence(
        self, connector: Any, config: Mapping[str, Any]
    ) -> None:
        """A word of a command line may be any bytes."""
        self.fill(config, [{"id": 1, "batch": "a"}])
        with pytest.raises(BatchError, match=r"udcff.* is no text"):
            self.read(connector, self.query, "a\udcff")

    def test_columns_of_one_name_are_staged_under_two_or_refused(
        self, connector: Any, config: Mapping[str, Any], tmp_path: Path
    ) -> None:
        """Two tables joined have such columns; none may hide the other."""
        self.fill(config, [{"id": 1, "text": "x", "batch": "a"}])
        query = self.query.replace("*", "id, text AS id", 1)
        try:
            staged = self._staged(connector, query, tmp_path)
        except LumeError as refusal:
            assert "id" in str(refusal)  # noqa: PT017 - one or the other
        else:
            values = list(_staged_rows(staged).to_pylist()[0].values())
            assert [str(value) for value in values] == ["1", "x"]

    def test_source_path_is_bound_wherever_it_stands_but_not_in_quotes_or_comments(
        self, connector: Any, config: Mapping[str, Any]
    ) -> None:
        """Twice bound, once a text, twice a comment."""
        self.fill(config, [{"id": 1, "batch": "a"}, {"id": 2, "batch": "b"}])
        query = (
            "SELECT id, ':source_path' AS word /* :source_path */ FROM batches "
            "WHERE batch = :source_path OR text = :source_path -- :source_path"
        )
        assert self.read(connector, query, "a").to_pylist() == [{"id": 1, "word": ":source_path"}]

    def test_a_query_that_does_not_use_source_path_is_refused(
        self, connector: Any, config: Mapping[str, Any]
    ) -> None:
        """It would be the same rows for every batch."""
        self.fill(config, [{"id": 1, "batch": "a"}])
        with pytest.raises(FlowError, match="does not use :source_path"):
            self.read(connector, "SELECT id FROM batches WHERE batch = ':source_path'", "a")

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM batches WHERE batch = :source_path",
            "SELECT 1 WHERE '' = :source_path; DELETE FROM batches",
            "DROP TABLE batches -- \n :source_path",
        ],
    )
    def test_a_query_that_changes_something_is_refused(
        self, connector: Any, config: Mapping[str, Any], statement: str
    ) -> None:
        """A source only reads."""
        self.fill(config, [{"id": 1, "batch": "a"}])
        with pytest.raises(LumeError, match=r"\w"):
            self.read(connector, statement, "a")
        assert self.count(config) == 1

    def test_no_row_keeps_the_columns(self, connector: Any, config: Mapping[str, Any]) -> None:
        """An empty batch still has its columns and types."""
        self.fill(config, [{"id": 1, "batch": "a"}])
        none = self.read(connector, self.query, "nobody")
        some = self.read(connector, self.query, "a")
        assert (none.num_rows, none.schema) == (0, some.schema)

    def test_more_rows_than_a_piece_arrive_all(
        self, connector: Any, config: Mapping[str, Any]
    ) -> None:
        """Streaming loses none."""
        self.fill(config, [{"id": i, "text": "x" * 50, "batch": "a"} for i in range(30_000)])
        ids = self.read(connector, self.query, "a")["id"].to_pylist()
        assert sorted(ids) == list(range(30_000))

    def test_a_reader_left_early_leaves_the_connector_usable(
        self, connector: Any, config: Mapping[str, Any]
    ) -> None:
        """The connection closes with the context."""
        self.fill(config, [{"id": i, "batch": "a"} for i in range(1_000)])
        with connector.read(self.query, "a") as reader:
            reader.read_next_batch()
        assert self.read(connector, self.query, "a").num_rows == 1_000

    def _staged(self, connector: Any, query: str, folder: Path) -> StagedBatch:
        from lume_dagster.engines.settings import EngineSettings
        from lume_dagster.engines.stage import stage_stream

        with connector.read(query, "a") as reader:
            settings = EngineSettings(scratch=folder / "scratch")
            return stage_stream(settings, reader, "a", folder / "staged")

    def _plain(self, rows: list[Row]) -> dict[int, Row]:
        """Rows by id, as they read in any system."""
        return {
            int(row["id"]): {c.name: plain_value(row[c.name], c.type) for c in EVERY_TYPE}
            for row in rows
        }

    def _wanted(self) -> dict[int, Row]:
        return {
            row["id"]: {c.name: self.drifted(c, row.get(c.name)) for c in EVERY_TYPE}
            for row in EVERY_VALUE
        }


def _staged_rows(staged: StagedBatch) -> pa.Table:
    """A staged batch under the names of its columns."""
    import pyarrow.parquet as pq

    return pq.read_table(staged.part_paths[0]).rename_columns([c.name for c in staged.columns])


def _numbered(rows: pa.Table, file: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = pa.array(range(1, rows.num_rows + 1), pa.int64())
    pq.write_table(rows.append_column("_lume_row", numbers), file)
    return file

"""What every source must do: find its batch, read it exactly, and be misled by nobody."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lume_dagster.errors import BatchError, FlowError, LumeError
from lume_dagster.testing.connectors import ConnectorSuite
from lume_dagster.testing.deliveries import EVERY_TYPE, EVERY_VALUE, Row, plain_value

if TYPE_CHECKING:
    import pyarrow as pa

INJECTIONS = (
    "x' OR 1=1 --",
    "x'; DROP TABLE batches; --",
    "a' UNION SELECT * FROM batches --",
    "$1",
    ":source_path",
    "\\' OR 1=1 --",
    "%",
)


class StoreSourceSuite(ConnectorSuite):
    """Inherit this for a store of files."""

    def put(self, config: Mapping[str, Any], name: str, content: bytes) -> str:
        """Store a file under a name that may hold slashes; returns its source_path."""
        raise NotImplementedError

    def read(self, connector: Any, source_path: str, into: Path) -> list[bytes]:
        """The contents of the files a source_path names, in order."""
        into.mkdir(exist_ok=True)
        objects = connector.list_objects(source_path)
        return [connector.fetch(item, into).read_bytes() for item in objects]

    def test_a_file_comes_back_byte_by_byte(
        self, connector: Any, config: Mapping[str, Any], tmp_path: Path
    ) -> None:
        """Any bytes, any name."""
        content = bytes(range(256)) * 100
        path = self.put(config, "in/zażółć & + = %20 漢.csv", content)
        assert self.read(connector, path, tmp_path / "into") == [content]

    def test_a_folder_is_its_files_in_name_order(
        self, connector: Any, config: Mapping[str, Any], tmp_path: Path
    ) -> None:
        """All below it, sorted, whatever order they were stored in."""
        paths = [self.put(config, f"in/{name}", name.encode()) for name in ("b", "a", "c/d")]
        folder = paths[0].rsplit("/", 1)[0]
        assert self.read(connector, folder, tmp_path / "into") == [b"a", b"b", b"c/d"]

    def test_a_glob_is_the_files_it_matches(
        self, connector: Any, config: Mapping[str, Any], tmp_path: Path
    ) -> None:
        """Only those, sorted."""
        paths = [self.put(config, f"in/{n}", n.encode()) for n in ("2.csv", "1.csv", "1.txt")]
        glob = paths[0].rsplit("/", 1)[0] + "/*.csv"
        assert self.read(connector, glob, tmp_path / "into") == [b"1.csv", b"2.csv"]

    def test_a_file_that_changes_has_another_version(
        self, connector: Any, config: Mapping[str, Any]
    ) -> None:
        """Two deliveries under one name can be told apart."""
        path = self.put(config, "in/a.csv", b"one")
        before = connector.list_objects(path)[0]
        self.put(config, "in/a.csv", b"three")
        after = connector.list_objects(path)[0]
        assert (before.uri, before.size, after.size) == (after.uri, 3, 5)
        assert before.version != after.version

    @pytest.mark.parametrize("missing", ["/nope.csv", "/none/*.csv", "/none"])
    def test_what_is_not_there_is_a_sentence(
        self, connector: Any, config: Mapping[str, Any], missing: str
    ) -> None:
        """No file, no match: an error that says so."""
        folder = self.put(config, "in/orders.csv", b"x").rsplit("/", 1)[0]
        with pytest.raises(BatchError, match=r"(?i)no file|not there|empty"):
            connector.list_objects(folder + missing)


class DatabaseSourceSuite(ConnectorSuite):
    """Inherit this for a database that is read by a query."""

    #: A query over the table ``batches``; systems that quote otherwise say it otherwise.
    query = "SELECT * FROM batches WHERE batch = :source_path"

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
        types = {column.name: column.type for column in EVERY_TYPE}
        found = {r["id"]: {n: plain_value(r[n], t) for n, t in types.items()} for r in rows}
        assert found == {row["id"]: {n: row.get(n) for n in types} for row in EVERY_VALUE}

    @pytest.mark.parametrize("hostile", INJECTIONS)
    def test_a_hostile_source_path_reads_nothing_and_changes_nothing(
        self, connector: Any, config: Mapping[str, Any], hostile: str
    ) -> None:
        """It is a value."""
        self.fill(config, [{"id": 1, "batch": "a"}, {"id": 2, "batch": "b"}])
        assert self.read(connector, self.query, hostile).num_rows == 0
        assert self.count(config) == 2

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

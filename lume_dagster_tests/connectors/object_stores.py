"""What the tests of every object store share: the hooks of the suites, and laws of their tables."""

from __future__ import annotations

import contextlib
import signal
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from lume_dagster.connectors.object_store.manifest import MANIFEST
from lume_dagster.connectors.object_store.refusals import ConflictError
from lume_dagster.connectors.protocol import Column, Reading
from lume_dagster.connectors.sql.ddl import DUCKDB_TYPES, REJECT_COLUMNS, mapped_columns, sql_type
from lume_dagster.errors import BatchError, ConnectorError, TransientError
from lume_dagster.testing.crash import deliver_and_die
from lume_dagster.testing.deliveries import EVERY_TYPE, EVERY_VALUE, make_delivery, plain_value
from lume_dagster_tests.connectors.file_formats import LOADERS
from lume_dagster_tests.in_memory import connect

NASTY = (
    "zażółć 漢字 🎈.csv",
    "a+b & c=d.csv",
    "%2e%2e%2f..%2fetc%2fpasswd",
    "#?*[1]!.csv",
    "..csv",
    "...",
    "-rf",
    "q\"'`{}|^<>~$.csv",
    "x" * 300,
)


def batch(folder, source_path, rows, *, first=0, **changes):
    """A delivery of rows with the ids from ``first`` on."""
    made = [{"id": first + n, "name": f"{source_path} {n}"} for n in range(rows)]
    return make_delivery(folder, made, **{"source_path": source_path, **changes})


def at_once(act, values):
    """Act on all values in threads of their own."""
    with ThreadPoolExecutor(len(values)) as pool:
        return list(pool.map(act, values))


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
    with tempfile.TemporaryDirectory() as folder, connect() as connection:
        files = [str(path) for path in connector.fetch_table(table, Path(folder), part)]
        return LOADERS[file_format](connection, files, types) if files else pa.table({})


class ObjectStoreHooks:
    """What the suites ask of a store."""

    @pytest.fixture
    def connector(self, config):
        return self.connector_type(**config)

    def put(self, config, name, content):
        return put(self.connector_type(**config), name, content)

    def read_mapped(self, connector, table):
        return read_part(connector, table, "mapped", self.file_format)

    def read_rejects(self, connector, table):
        return read_part(connector, table, "rejects", self.file_format)


class ObjectSourceLaws(ObjectStoreHooks):
    """What holds for the objects of every store."""

    @pytest.mark.parametrize("name", NASTY)
    def test_a_key_of_any_characters_is_found_and_stays_in_its_folder(
        self, connector, tmp_path, name
    ):
        uri = put(connector, f"in/{name}", b"x")
        (item,) = connector.list_objects(uri)
        assert item.uri == uri
        fetched = connector.fetch(item, tmp_path)
        assert (fetched.parent, fetched.read_bytes()) == (tmp_path, b"x")

    def test_a_key_is_an_object_before_it_is_a_glob(self, connector):
        uri = put(connector, "in/a[1].csv", b"x")
        put(connector, "in/a1.csv", b"y")
        assert [o.uri for o in connector.list_objects(uri)] == [uri]
        assert [o.uri for o in connector.list_objects("in/a[[]*.csv")] == [uri]

    def test_a_folder_is_without_what_is_hidden_and_marks(self, connector):
        wanted = [put(connector, f"in/{name}", b"x") for name in ("_a.csv", "a/b.csv", "a/c/d")]
        for name in (".hidden", ".git/a", "_SUCCESS"):
            put(connector, f"in/{name}", b"x")
        for name in ("a", "a/c"):  # what consoles leave for a folder
            put(connector, f"in/{name}", b"")
        for path in ("in", "in/", "in/**"):
            assert [o.uri for o in connector.list_objects(path)] == wanted or path == "in/**"

    def test_a_missing_object_is_answered_with_near_names(self, connector):
        put(connector, "in/orders-2024.csv", b"x")
        with pytest.raises(BatchError, match=r"no file .*orders_2024.csv.*\n.*'orders-2024.csv'"):
            connector.list_objects("in/orders_2024.csv")
        with pytest.raises(BatchError, match=r"No file matches .*\n.*'orders-2024.csv'"):
            connector.list_objects("in/orders_2024*")
        with pytest.raises(BatchError, match=r"in/none/ is empty.*\n.*holds no file|.*"):
            connector.list_objects("in/none/")

    def test_an_object_that_changed_after_it_was_listed_is_refused(self, connector, tmp_path):
        uri = put(connector, "in/a.csv", b"one")
        (item,) = connector.list_objects(uri)
        put(connector, "in/a.csv", b"two")
        with pytest.raises(BatchError, match="has changed since the batch was listed"):
            connector.fetch(item, tmp_path)
        connector._bucket.delete([f"{connector._root.key}/in/a.csv"])
        with pytest.raises(BatchError, match="is gone"):
            connector.fetch(item, tmp_path)

    def test_an_object_that_changes_while_it_is_read_is_noticed(self, connector):
        put(connector, "big", b"1" * 4_000_000)
        bucket, key = connector._bucket, f"{connector._root.key}/big"
        e_tag = bucket.head(key)["e_tag"]
        assert bytes(b"".join(bucket.stream(key, e_tag, 0, 10))) == b"1" * 10
        put(connector, "big", b"2" * 4_000_000)
        with pytest.raises(ConflictError, match=key):
            list(bucket.stream(key, e_tag, 10, 20))

    def test_a_big_object_is_fetched_in_pieces_at_once(self, connector, tmp_path):
        content = bytes(range(256)) * (70 << 12)  # 70 MiB: two streams
        uri = put(connector, "in/big.bin", content)
        (item,) = connector.list_objects(uri)
        assert item.size == len(content)
        assert connector.fetch(item, tmp_path).read_bytes() == content

    def test_an_empty_object_is_fetched(self, connector, tmp_path):
        (item,) = connector.list_objects(put(connector, "in/empty.csv", b""))
        assert connector.fetch(item, tmp_path).read_bytes() == b""

    def test_what_lies_outside_the_root_is_not_read(self, connector, tmp_path):
        (item,) = connector.list_objects(put(connector, "in/a.csv", b"x"))
        outside = replace(item, uri=f"{connector._bucket.where.uri}/elsewhere/a.csv")
        with pytest.raises(BatchError, match="outside the connector's root"):
            connector.fetch(outside, tmp_path)


class Looks:
    """What a reader sees, look by look; writers wait for one before each of their commits."""

    def __init__(self):
        self.seen, self._changed = [], threading.Condition()

    def add(self, seen):
        with self._changed:
            self.seen.append(seen)
            self._changed.notify_all()

    def wait_before_commit(self, step):
        """Until a look has ended that began in the meantime: not the next, but the one after it."""
        if step == "before_commit":
            with self._changed:
                wanted = len(self.seen) + 2
                assert self._changed.wait_for(lambda: len(self.seen) >= wanted, timeout=120)


class ObjectTableLaws(ObjectStoreHooks):
    """What holds for the tables of every store."""

    file_format = "parquet"

    @pytest.mark.parametrize("mode", ["replace_batch", "append", "merge", "replace"])
    def test_nothing_is_stored_that_the_manifest_does_not_name(self, connector, tmp_path, mode):
        for rows, path in ((10, "a"), (5, "b"), (8, "a"), (0, "b"), (3, "c")):
            connector.deliver(batch(tmp_path, path, rows, mode=mode, rejects=1))
            assert keys(connector) == named(connector)

    @pytest.mark.parametrize("step", [1, 2, 3], ids=["staged", "before_commit", "committed"])
    def test_what_a_killed_delivery_left_goes_with_its_retry(
        self, connector, config, tmp_path, step
    ):
        connector.deliver(batch(tmp_path, "a", 5))
        connector.deliver(batch(tmp_path, "b", 5, first=3))
        again = batch(tmp_path, "a", 4, mode="merge")
        assert deliver_and_die(self.connector_type, config, again, step) == -signal.SIGKILL
        assert len(keys(connector)) > len(named(connector))
        connector.deliver(again)
        assert keys(connector) == named(connector)

    def test_writers_of_different_batches_never_lose_each_others_work(self, config, tmp_path):
        names = [f"batch {n}" for n in range(6)]
        made = [batch(tmp_path, name, 3, first=10 * n) for n, name in enumerate(names)]
        at_once(lambda delivery: self.connector_type(**config).deliver(delivery), made)
        table = self.read_mapped(self.connector_type(**config), "ops.orders")
        assert sorted(table["_lume_source_path"].to_pylist()) == sorted(names * 3)

    def test_two_merges_at_once_leave_one_row_of_each_key(self, config, tmp_path):
        self.connector_type(**config).deliver(batch(tmp_path, "start", 20, mode="merge"))
        made = [batch(tmp_path, f"m{n}", 10, first=5 * n, mode="merge") for n in range(3)]
        at_once(lambda delivery: self.connector_type(**config).deliver(delivery), made)
        connector = self.connector_type(**config)
        table = self.read_mapped(connector, "ops.orders")
        assert sorted(table["id"].to_pylist()) == list(range(20))
        assert keys(connector) == named(connector)

    def test_deliveries_of_one_batch_at_once_leave_one_of_them(self, config, tmp_path):
        made = [batch(tmp_path, "a", 3, run_id=f"run_{n}") for n in range(4)]

        def deliver(delivery):
            with contextlib.suppress(TransientError):  # which a run would try again
                self.connector_type(**config).deliver(delivery)

        at_once(deliver, made)
        connector = self.connector_type(**config)
        table = self.read_mapped(connector, "ops.orders")
        assert table.num_rows == 3
        assert len(set(table["_lume_run_id"].to_pylist())) == 1

    def test_a_reader_never_sees_half_a_batch_while_writers_run(self, config, tmp_path):
        made = [
            [batch(tmp_path, name, 2 + n, run_id=f"run_{n}", rejects=1) for n in range(6)]
            for name in ("a", "b")
        ]
        reader, looks = self.connector_type(**config), Looks()
        for deliveries in made:
            reader.deliver(deliveries[0])
        with ThreadPoolExecutor(2) as pool:
            writers = [pool.submit(self._deliver_all, config, some[1:], looks) for some in made]
            while not all(w.done() for w in writers):
                looks.add(self._whole(reader))
            assert [w.result() for w in writers] == [None, None]
        assert self._whole(reader) == {"a": ("run_5", 7), "b": ("run_5", 7)}
        assert len({str(one) for one in looks.seen}) > 1

    def _deliver_all(self, config, deliveries, looks):
        connector = self.connector_type(**config)
        for delivery in deliveries:
            connector.deliver(delivery, looks.wait_before_commit)

    def _whole(self, connector):
        """Each batch's run and rows, seen to be of one run and all of it."""
        table = self.read_mapped(connector, "ops.orders").to_pylist()
        found = {}
        for name in ("a", "b"):
            runs = [row["_lume_run_id"] for row in table if row["_lume_source_path"] == name]
            assert len(set(runs)) == 1
            assert len(runs) == 2 + int(runs[0][-1])
            found[name] = (runs[0], len(runs))
        return found

    def test_the_files_of_a_table_are_listed_for_other_tools(self, connector, tmp_path):
        receipt = connector.deliver(batch(tmp_path, "a.csv", 3))
        (file,) = connector.table_files("ops.orders")
        assert file.startswith(f"{receipt.mapped_location}/part-0000-")
        assert connector.table_files("ops.orders", "rejects") == []
        with pytest.raises(ConnectorError, match="There is no table at"):
            connector.fetch_table("ops.none", tmp_path / "none")

    def test_an_object_that_somebody_removed_is_missed_by_name(self, connector, tmp_path):
        connector.deliver(batch(tmp_path, "a", 3))
        path = connector._table("ops.orders").state().manifest.batches[0].mapped[0].path
        connector._bucket.delete([f"{connector._root.key}/ops/orders/{path}"])
        with pytest.raises(ConnectorError, match="manifest of .* names"):
            connector.fetch_table("ops.orders", tmp_path / "to")
        with pytest.raises(ConnectorError, match=r"manifest of .* names .*part-0000"):
            connector.deliver(batch(tmp_path, "b", 3, mode="merge"))
        connector.deliver(batch(tmp_path, "a", 3))
        assert self.read_mapped(connector, "ops.orders").num_rows == 3

    @pytest.mark.parametrize("text_format", ["csv", "jsonl"])
    def test_text_formats_keep_every_value_also_when_they_are_merged(
        self, connector, tmp_path, text_format
    ):
        how = {"columns": EVERY_TYPE, "format": text_format, "mode": "merge"}
        connector.deliver(make_delivery(tmp_path, EVERY_VALUE, **how))
        connector.deliver(make_delivery(tmp_path, [{"id": 1}], **how, source_path="other"))
        with connector.read_table(Reading("ops.orders", "orders")) as reader:
            rows = reader.read_all().to_pylist()
        found = [{c.name: plain_value(row[c.name], c.type) for c in EVERY_TYPE} for row in rows]
        assert found == [{c.name: row.get(c.name) for c in EVERY_TYPE} for row in EVERY_VALUE]
        assert [row["_lume_source_path"] for row in rows][3:] == ["other"]
        assert keys(connector) == named(connector)

    def test_a_table_in_the_folder_of_another_is_left_alone(self, connector, tmp_path):
        connector.deliver(batch(tmp_path, "a", 3))
        connector.deliver(batch(tmp_path, "a", 2, table="ops", mode="replace"))
        assert keys(connector) == named(connector)
        assert self.read_mapped(connector, "ops").num_rows == 2

    def test_a_manifest_that_is_none_is_refused(self, connector, tmp_path):
        put(connector, f"ops/orders/{MANIFEST}", b"hello")
        for act in (connector.check, connector.deliver):
            with pytest.raises(ConnectorError, match="is not the manifest of a table"):
                act(batch(tmp_path, "a", 1))

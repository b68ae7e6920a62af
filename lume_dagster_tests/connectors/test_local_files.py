"""Local files pass the suites, as Parquet, CSV and JSON Lines, and keep within their root."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lume_dagster.connectors import LocalFilesConnector
from lume_dagster.connectors.local_files.folder_swap import exclusive
from lume_dagster.connectors.local_files.table import STATE
from lume_dagster.connectors.protocol import Column, Reading, StoreSource, Target
from lume_dagster.connectors.sql.ddl import DUCKDB_TYPES, REJECT_COLUMNS, mapped_columns, sql_type
from lume_dagster.errors import BatchError, ConnectorError, TransientError
from lume_dagster.testing import StoreSourceSuite, TableReaderSuite, TargetSuite, WriteSuite
from lume_dagster.testing.crash import deliver_and_die, steps_of
from lume_dagster.testing.deliveries import EVERY_TYPE, EVERY_VALUE, PLAIN, make_delivery
from lume_dagster_tests.connectors.file_formats import LOADERS
from lume_dagster_tests.in_memory import connect


class LocalFiles:
    """The hooks of local files, for any format."""

    connector_type = LocalFilesConnector

    @pytest.fixture
    def config(self, tmp_path):
        root = tmp_path / "root"
        root.mkdir()
        return {"root": str(root), "lock_timeout_seconds": 60.0}

    def broken(self, config):
        return [{"root": f"{config['root']}/nowhere"}, {"root": "/dev/null"}]

    def read_mapped(self, connector, table):
        return self._read(connector, table, "mapped")

    def read_rejects(self, connector, table):
        return self._read(connector, table, "rejects")

    def _read(self, connector, table, kind):
        folder = Path(connector.root).joinpath(*table.split("."))
        files = [str(path) for path in folder.glob(f"*/{kind}/part-*.{self.file_format}")]
        if not files:
            return pa.table({})
        manifest = json.loads(next(folder.glob("*/_lume_batch.json")).read_text("utf-8"))
        columns = tuple(Column(name, type_) for name, type_ in manifest["columns"])
        columns = mapped_columns(columns) if kind == "mapped" else REJECT_COLUMNS
        with connect() as connection:
            types = {c.name: sql_type(c, DUCKDB_TYPES) for c in columns}
            return LOADERS[self.file_format](connection, files, types)


class TestParquet(LocalFiles, TargetSuite, TableReaderSuite, StoreSourceSuite):
    def put(self, config, name, content):
        path = Path(config["root"]) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path.as_uri() if path.suffix else str(path)


def test_a_name_that_is_no_text_is_found_and_read(tmp_path):
    name = os.fsdecode(b"a\xff.csv")
    (tmp_path / name).write_bytes(b"x")
    connector, into = LocalFilesConnector(root=str(tmp_path)), tmp_path / ".into"
    into.mkdir()
    for asked in (name, "a*.csv", f"file://{tmp_path}/a%FF.csv"):
        (item,) = connector.list_objects(asked)
        assert item.uri == f"file://{tmp_path}/a%FF.csv"
        fetched = connector.fetch(item, into)
        assert fetched.read_bytes() == b"x"
        assert str(fetched).encode()
    assert connector.full_name(name) == f"file://{tmp_path}/a%FF.csv"


class TestCsv(LocalFiles, WriteSuite, TableReaderSuite):
    file_format = "csv"


class TestJsonLines(LocalFiles, WriteSuite, TableReaderSuite):
    file_format = "jsonl"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def files(root):
    return LocalFilesConnector(root=str(root), lock_timeout_seconds=0.1)


def test_it_is_a_store_and_a_target(files):
    assert isinstance(files, StoreSource)
    assert isinstance(files, Target)


@pytest.mark.parametrize(
    "path", ["../secret.csv", "a/../../secret.csv", "file:///etc/../etc/passwd"]
)
def test_a_path_that_goes_up_is_refused(files, path):
    with pytest.raises(BatchError, match=r"goes up with '\.\.'"):
        files.list_objects(path)


@pytest.mark.parametrize("path", ["s3://bucket/a.csv", "https://example.org/a.csv"])
def test_a_uri_of_another_system_is_refused_as_such(files, path):
    with pytest.raises(BatchError, match=rf"{path} is not below .*, where this connector reads"):
        files.full_name(path)


@pytest.mark.parametrize("path", ["/etc/passwd", "file:///etc/passwd", "/etc", "/etc/*"])
def test_a_path_outside_the_root_is_refused(files, path):
    with pytest.raises(BatchError, match="outside the connector's root"):
        files.list_objects(path)


def test_a_file_of_another_host_is_refused(files):
    with pytest.raises(BatchError, match="another host, server"):
        files.list_objects("file://server/share/a.csv")


@pytest.mark.parametrize("path", ["link.csv", "*.csv", "."])
def test_a_link_that_leads_out_is_refused(files, root, tmp_path, path):
    (tmp_path / "secret").write_text("s")
    (root / "link.csv").symlink_to(tmp_path / "secret")
    with pytest.raises(BatchError, match="link that leads out"):
        files.list_objects(path)


def test_a_link_to_a_folder_is_not_left_out_in_silence(files, root):
    (root / "real").mkdir()
    (root / "in").mkdir()
    (root / "in" / "link").symlink_to(root / "real")
    with pytest.raises(BatchError, match="such links are not followed"):
        files.list_objects("in")


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


@pytest.mark.parametrize("source_path", ["in/x.csv", "in", "in/*.csv", "in/*"])
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (os.mkfifo, "is a named pipe"),
        (lambda path: path.symlink_to("x.csv"), "is a link that leads back to itself"),
        (lambda path: path.symlink_to("gone.csv"), "is a link to gone.csv, and that is not there"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device|leads out"),
        (make_socket, "is a socket"),
    ],
    ids=["pipe", "loop", "dangling", "device", "socket"],
)
def test_what_is_no_file_is_refused_by_name(files, root, make, said, source_path):
    (root / "in").mkdir()
    (root / "in" / "a.csv").write_text("a\n1\n")
    make(root / "in" / "x.csv")
    with pytest.raises(BatchError, match=rf"in/x\.csv.* ({said})"):
        files.list_objects(source_path)


def test_a_folder_is_left_out_of_a_glob_unless_it_is_called_as_a_file(files, root):
    (root / "a.csv").write_text("a\n1\n")
    (root / "x.csv").mkdir()
    assert [Path(o.uri).name for o in files.list_objects("*")] == ["a.csv"]
    with pytest.raises(BatchError, match=r"x.csv is a folder, and called .*\n.*: x.csv/\*"):
        files.list_objects("*.csv")


def test_a_missing_file_is_answered_with_near_names(files, root):
    (root / "orders-2024.csv").write_text("x")
    with pytest.raises(BatchError, match=r"no file orders_2024.csv below .*\n.*'orders-2024.csv'"):
        files.list_objects("orders_2024.csv")


def test_an_empty_folder_says_so_and_hidden_files_are_not_data(files, root):
    (root / "in").mkdir()
    (root / "in" / ".hidden").write_text("x")
    with pytest.raises(BatchError, match="in is empty"):
        files.list_objects("in")


def test_a_name_with_brackets_is_a_file_before_it_is_a_glob(files, root):
    (root / "a[1].csv").write_text("x")
    (root / "a1.csv").write_text("y")
    assert [o.uri for o in files.list_objects("a[1].csv")] == [(root / "a[1].csv").as_uri()]


def test_a_file_that_changed_after_it_was_listed_is_refused(files, root, tmp_path):
    (root / "a.csv").write_text("one")
    item = files.list_objects("a.csv")[0]
    (root / "a.csv").write_text("three")
    with pytest.raises(BatchError, match="changed since the batch was listed"):
        files.fetch(item, tmp_path)


def test_a_batch_folder_is_named_by_batch_and_flow(files, root, tmp_path):
    receipt = files.deliver(make_delivery(tmp_path, [{"id": 1}]))
    folder = next((root / "ops" / "orders").iterdir())
    assert folder.name.startswith("orders.csv-")
    assert folder.name.endswith(".orders")
    assert sorted(p.name for p in folder.iterdir()) == ["_lume_batch.json", "mapped", "rejects"]
    assert receipt.mapped_location == (folder / "mapped").as_uri()


def test_nothing_hidden_is_left_after_a_delivery(files, root, tmp_path):
    files.deliver(make_delivery(tmp_path, [{"id": 1}]))
    assert list((root / STATE / "ops.orders").iterdir()) == []


def test_json_lines_keep_nested_values_nested(files, root, tmp_path):
    rows = EVERY_VALUE[:1]
    files.deliver(make_delivery(tmp_path, rows, columns=EVERY_TYPE, format="jsonl"))
    line = next(root.rglob("mapped/*.jsonl")).read_text("utf-8")
    assert json.loads(line)["nested"] == rows[0]["nested"]


def test_a_delivery_waits_its_turn_and_then_says_who_holds_the_lock(files, root, tmp_path):
    delivery = make_delivery(tmp_path, [{"id": 1}])
    with (
        exclusive(root / STATE / "ops.orders.lock", 1),
        pytest.raises(TransientError, match="not free within"),
    ):
        files.deliver(delivery)
    assert files.deliver(delivery).mapped_rows == 1


def test_another_format_in_the_same_table_is_refused(files, tmp_path):
    delivery = make_delivery(tmp_path, [{"id": 1}])
    files.deliver(delivery)
    with pytest.raises(ConnectorError, match="holds parquet files, the flow writes csv"):
        files.check(replace(delivery, format="csv"))


@pytest.mark.parametrize("table", ["ops/../../x", "a\\b", "ops. ", "a\nb"])
def test_a_table_name_cannot_leave_the_root(files, tmp_path, table):
    with pytest.raises(ConnectorError, match="not the name of a table"):
        files.check(make_delivery(tmp_path, [{"id": 1}], table=table))


def test_merge_copies_the_records_of_json_lines_to_the_digit(files, root, tmp_path):
    delivery = make_delivery(
        tmp_path, EVERY_VALUE[:2], columns=EVERY_TYPE, format="jsonl", mode="merge"
    )
    files.deliver(delivery)
    before = next(root.rglob("mapped/*.jsonl")).read_text("utf-8").splitlines()
    again = make_delivery(tmp_path, EVERY_VALUE[:1], columns=EVERY_TYPE)
    files.deliver(replace(again, format="jsonl", mode="merge", source_path="b"))
    after = [p.read_text("utf-8").splitlines() for p in root.glob("ops/orders/orders*/mapped/*")]
    assert after == [[line for line in before if line.endswith('"_lume_row":2}')]]


def test_json_lines_are_not_merged_by_a_decimal(files, tmp_path):
    delivery = make_delivery(tmp_path, [], columns=EVERY_TYPE, format="jsonl", mode="merge")
    with pytest.raises(ConnectorError, match="merged by the decimal field 'price'"):
        files.check(replace(delivery, key=("price",)))


@pytest.mark.parametrize("digits", [2, 17, 37, 38])
def test_json_lines_keep_a_decimal_without_digits_before_its_point(files, root, tmp_path, digits):
    columns = (Column("id", "integer"), Column("part", f"decimal({digits},{digits})"))
    delivery = make_delivery(tmp_path, [], columns=PLAIN, format="jsonl")
    values = [Decimal(f"0.{'1' * digits}"), Decimal(f"-0.{'0' * (digits - 1)}5"), None]
    parts = pa.array(values, pa.decimal128(digits, digits))
    rows = pa.table({"id": [1, 2, 3], "part": parts, "_lume_row": [1, 2, 3]})
    pq.write_table(rows, delivery.mapped[0])
    delivery = replace(delivery, columns=columns)
    if digits == 38:
        with pytest.raises(ConnectorError, match="all of its 38 digits are behind the point"):
            files.check(delivery)
        return
    files.deliver(delivery)
    with files.read_table(Reading("ops.orders", "orders")) as reader:
        assert reader.read_all()["part"].to_pylist() == values
    (file,) = root.rglob("mapped/*.jsonl")
    assert [set(json.loads(line)) for line in file.read_text().splitlines()] == [
        {"id", "part", "_lume_run_id", "_lume_source_path", "_lume_row"}
    ] * 3


@pytest.mark.parametrize("file_format", ["csv", "jsonl"])
def test_lines_are_written_in_a_fraction_of_what_they_are_long(file_format, tmp_path):
    columns = (Column("id", "integer"), *(Column(f"c{n}", "string") for n in range(20)))
    delivery = make_delivery(tmp_path, [], columns=columns, format=file_format)
    texts = ", ".join(f"'value ' || i * {n} AS c{n}" for n in range(20))
    rows = f"SELECT i AS id, {texts}, i + 1 AS _lume_row FROM range(120000) t(i)"
    file = tmp_path / "mapped.parquet"
    with connect() as connection:
        connection.execute(f"COPY ({rows}) TO '{file}'")
    small = LocalFilesConnector(root=str(tmp_path / "lake"), memory_limit="96MB")
    assert small.deliver(replace(delivery, mapped=(file,))).mapped_rows == 120_000


@pytest.mark.parametrize("mode", ["merge", "replace"])
def test_a_reader_sees_all_or_nothing_of_a_delivery_that_was_killed(files, root, tmp_path, mode):
    """It changes the folders of three batches, one after the other."""

    def read():
        with files.read_table(Reading("ops.orders", "orders")) as reader:
            return sorted(reader.read_all().select(["id", "name"]).to_pylist(), key=str)

    def start_over():
        for path in ("a", "b", "c"):
            rows = [{"id": n, "name": path} for n in (ord(path), ord(path) + 10)]
            files.deliver(make_delivery(tmp_path, rows, source_path=path))
        return read()

    changed = [{"id": ord(path), "name": "new"} for path in ("a", "b", "c")]
    new = make_delivery(tmp_path, changed, source_path="b", mode=mode, run_id="run_2")
    old = start_over()
    steps = steps_of(files, new)
    wanted = read()
    for number, step in enumerate(steps):
        files.deliver(make_delivery(tmp_path, [], source_path="b", mode="replace"))
        assert start_over() == old
        deliver_and_die(LocalFilesConnector, {"root": str(root)}, new, number)
        assert read() in (old, wanted), step

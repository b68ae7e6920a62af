"""A user's own asset keeps its frame in any connector's table, and the next one has it back."""

from __future__ import annotations

import dagster as dg
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from lume_dagster import ConnectorIOManager
from lume_dagster.connectors import DuckDBConnector
from lume_dagster_tests.orchestration.own_assets import DAYS, EVERYTHING, producer, put, said, take
from lume_dagster_tests.servers.any_system import FIXTURES, SYSTEMS, place_in

globals().update(FIXTURES)  # the servers of all systems


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def warehouse(tmp_path):
    return ConnectorIOManager(connector=DuckDBConnector(path=str(tmp_path / "w.duckdb")))


@pytest.fixture(params=[*SYSTEMS, "csv", "jsonl"])
def any_manager(request, tmp_path):
    """An IO manager over each kind of connector and file format."""
    is_format = request.param not in SYSTEMS
    system = "local_files" if is_format else request.param
    with place_in(system, request, tmp_path) as connector:
        more = {"file_format": request.param} if is_format else {}
        yield ConnectorIOManager(connector=connector, **more)


FRAMES = {
    "pandas": lambda: pd.DataFrame({"id": [1, 2], "name": ["a", None]}),
    "table": lambda: pa.table({"id": [1, 2], "name": ["a", None]}),
    "reader": lambda: pa.table({"id": [1, 2], "name": ["a", None]}).to_reader(),
    "polars": lambda: pl.DataFrame({"id": [1, 2], "name": ["a", None]}),
    "lazy": lambda: pl.LazyFrame({"id": [1, 2], "name": ["a", None]}),
}


@pytest.mark.parametrize("frame", FRAMES)
def test_any_frame_is_stored_and_read_back(instance, warehouse, frame):
    assert put(instance, warehouse, lambda _: FRAMES[frame]()).success
    table = take(instance, warehouse, pa.Table, upstream=None)
    assert table.to_pylist() == [{"id": 1, "name": "a"}, {"id": 2, "name": None}]


@pytest.mark.parametrize(
    "form", [pd.DataFrame, pa.Table, pa.RecordBatchReader, pl.DataFrame, pl.LazyFrame]
)
def test_rows_come_in_the_form_of_the_annotation(instance, warehouse, form):
    put(instance, warehouse, lambda _: FRAMES["table"]())
    given = take(instance, warehouse, form, upstream=None)
    assert isinstance(given, pa.Table if form is pa.RecordBatchReader else form)
    lazy = given.collect() if form is pl.LazyFrame else given
    assert list(lazy["id"] if not isinstance(lazy, pa.Table) else lazy["id"].to_pylist()) == [1, 2]


def test_every_type_is_kept_on_every_system(instance, any_manager):
    assert put(instance, any_manager, lambda _: EVERYTHING).success
    found = take(instance, any_manager, pa.Table, upstream=None)
    assert found.to_pylist() == EVERYTHING.to_pylist()
    types = {n: str(t) for n, t in zip(found.column_names, found.schema.types, strict=True)}
    assert types["i8"] == "int8"
    assert types["ns"] == "timestamp[ns]"
    assert types["zone"].startswith("timestamp[us, tz=")
    assert types["dec"] == "decimal128(30, 2)"
    assert types["raw"] == "binary"


def test_each_partition_is_there_once_however_often_it_is_run(instance, any_manager):
    for key in [*DAYS.get_partition_keys(), "2024-01-01"]:
        frame = pd.DataFrame({"day": [key], "n": [len(key)]})
        assert put(instance, any_manager, lambda _, f=frame: f, key=key, partitions=DAYS).success
    everything = take(instance, any_manager, pd.DataFrame)
    assert sorted(everything["day"]) == sorted(DAYS.get_partition_keys())
    one = take(instance, any_manager, pd.DataFrame, DAYS, key="o'hare; --")
    assert one["day"].tolist() == ["o'hare; --"]


def test_assets_of_one_run_that_share_a_table_keep_their_rows_apart(instance, any_manager):
    def sharing(name, *rows):
        return dg.asset(name=name, metadata={"lume/table": "ops.shared"})(
            lambda: pa.table({"x": list(rows)})
        )

    def stored(*assets):
        run = dg.materialize(
            [*assets, taker], instance=instance, resources={"io_manager": any_manager}
        )
        return run.output_for_node("taker", "result")

    @dg.asset(io_manager_def=dg.mem_io_manager)
    def taker(first: pa.Table, second: pa.Table):
        return [sorted(table["x"].to_pylist()) for table in (first, second)]

    assert stored(sharing("first", 1, 2), sharing("second", 3)) == [[1, 2], [3]]
    assert stored(sharing("first", 4), sharing("second", 5, 6)) == [[4], [5, 6]]


def test_batches_come_as_a_dict_when_the_annotation_says_so(instance, warehouse):
    for key in ["2024-01-01", "2024-01-02"]:
        put(instance, warehouse, lambda keys: pl.DataFrame({"d": keys}), key=key, partitions=DAYS)
    given = take(instance, warehouse, dict[str, pl.DataFrame])
    assert {k: f["d"].to_list() for k, f in given.items()} == {
        "2024-01-01": ["2024-01-01"], "2024-01-02": ["2024-01-02"], "o'hare; --": [],
    }  # fmt: skip


def test_many_partitions_of_one_run_are_a_dict(instance, warehouse):
    made = producer(
        lambda keys: {k: pa.table({"d": [k]}) for k in keys}, DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )  # fmt: skip
    span = {
        "dagster/asset_partition_range_start": "2024-01-01",
        "dagster/asset_partition_range_end": "o'hare; --",
    }
    dg.materialize([made], resources={"io_manager": warehouse}, instance=instance, tags=span)
    assert len(take(instance, warehouse, pd.DataFrame)) == 3


def test_partitions_may_be_dynamic(instance, warehouse):
    files = dg.DynamicPartitionsDefinition(name="files")
    instance.add_dynamic_partitions("files", ["s3://in/a.csv"])
    assert put(
        instance, warehouse, lambda k: pa.table({"k": k}), key="s3://in/a.csv", partitions=files
    ).success
    assert (
        len(take(instance, warehouse, pd.DataFrame, files, key="s3://in/a.csv", upstream=files))
        == 1
    )


def test_the_event_says_columns_rows_and_table(instance, warehouse):
    result = put(
        instance, warehouse, lambda _: FRAMES["table"](), key="2024-01-01", partitions=DAYS
    )
    (event,) = result.asset_materializations_for_node("ops__orders")
    told = {name: value.value for name, value in event.metadata.items()}
    assert told["dagster/partition_row_count"] == 2
    assert told["dagster/row_count"] == 2
    assert told["dagster/table_name"] == "w.ops.orders"
    assert [(c.name, c.type) for c in told["dagster/column_schema"].columns] == [
        ("id", "BIGINT"), ("name", "VARCHAR"),
    ]  # fmt: skip


def test_the_table_and_the_columns_are_chosen_by_metadata(instance, warehouse, tmp_path):
    put(instance, warehouse, lambda _: FRAMES["table"](), metadata={"lume/table": "raw.sold"})
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        assert connection.execute("SELECT count(*) FROM raw.sold").fetchone() == (2,)


def test_columns_are_read_as_asked_for(instance, warehouse):
    put(instance, warehouse, lambda _: FRAMES["table"]())
    given = take(instance, warehouse, pa.Table, upstream=None, metadata={"columns": ["name"]})
    assert given.column_names == ["name"]


def test_a_stream_goes_from_table_to_table_of_one_file(instance, warehouse):
    put(instance, warehouse, lambda _: pa.table({"id": range(100_000)}))

    @dg.asset(ins={"orders": dg.AssetIn(["ops", "orders"])})
    def copied(orders: pa.RecordBatchReader):
        return orders

    spec = dg.AssetSpec(["ops", "orders"]).with_io_manager_key("io_manager")
    assert dg.materialize(
        [copied, spec], resources={"io_manager": warehouse}, instance=instance, selection=[copied]
    ).success


BAD = {
    "a list": (lambda _: [1, 2], "A list is not a table"),
    "no column": (lambda _: pd.DataFrame(), "has no column"),
    "mixed values": (lambda _: pd.DataFrame({"a": [1, "x"]}), "cannot be stored as a table"),
    "twins": (lambda _: pa.table({"a": [1], "A": [2]}), "a column 'A', which cannot be stored"),
    "kept names": (lambda _: pa.table({"_lume_row": [1]}), "'_lume_row', which cannot be stored"),
    "durations": (
        lambda _: pa.table({"a": pa.array([1], pa.duration("s"))}),
        "INTERVAL, which no target",
    ),
    "nanoseconds": (
        lambda _: pa.table({"a": pa.array([1], pa.timestamp("ns"))}),
        "has nanoseconds",
    ),
    "wide decimals": (
        lambda _: pa.table({"a": pa.array([1], pa.decimal256(50, 2))}),
        "cannot be stored",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_stored_is_a_sentence(instance, warehouse, case):
    returns, sentence = BAD[case]
    assert sentence in said(put(instance, warehouse, returns))


def test_one_table_for_many_partitions_is_refused(instance, warehouse):
    result = put(
        instance,
        warehouse,
        lambda keys: {"no such": pa.table({"d": keys})},
        key="2024-01-01",
        partitions=DAYS,
    )
    assert "does not match the partitions of the run: 2024-01-01, no such" in said(result)


def test_a_partition_that_was_never_made_says_what_to_do(instance, warehouse):
    put(instance, warehouse, lambda _: FRAMES["table"](), key="2024-01-01", partitions=DAYS)
    result = take(instance, warehouse, pd.DataFrame, DAYS, key="2024-01-02")
    assert "has no rows of 2024-01-02" in said(result)


def test_another_shape_is_refused_and_the_old_rows_stay(instance, warehouse):
    put(instance, warehouse, lambda _: FRAMES["table"]())
    result = put(instance, warehouse, lambda _: pa.table({"id": ["x"]}))
    assert "different: id is BIGINT" in said(result)
    assert len(take(instance, warehouse, pd.DataFrame, upstream=None)) == 2

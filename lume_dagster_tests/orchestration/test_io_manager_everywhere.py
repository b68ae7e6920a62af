"""Frames as people have them are kept by every connector, and come back as they were."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import dagster as dg
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from lume_dagster import ConnectorIOManager
from lume_dagster.connectors import DuckDBConnector
from lume_dagster_tests.orchestration.own_assets import put, said, take
from lume_dagster_tests.servers.any_system import FIXTURES, SYSTEMS, place_in

globals().update(FIXTURES)  # the servers of all systems

FILES = dg.DynamicPartitionsDefinition(name="files")
KEYS = ["s3://in/zażółć 'q'/a%20b.csv", "batch; DROP TABLE x --", "2024/03"]
AT = pd.Timestamp("2024-10-27 00:30:00.123456", tz="UTC").tz_convert("Europe/Warsaw")

ODD = {
    "ints": pd.array([2**62 + 1, None, -(2**62)], dtype="Int64"),
    "flags": pd.array([True, None, False], dtype="boolean"),
    "text": pd.array(["a\nb\r\n\"c\",'d'\\N", None, ""], dtype="string"),
    "arrow": pd.array(["x", None, "NULL"], dtype=pd.ArrowDtype(pa.string())),
    "kind": pd.Categorical(["low", None, "high"], categories=["high", "low", "never"]),
    "zoned": [AT, pd.NaT, AT],
    "when": [pd.Timestamp("1677-09-22"), pd.NaT, pd.Timestamp("2262-04-11")],
    "money": [Decimal("1.10"), None, Decimal("-99999999.99")],
    "day": [dt.date(1, 1, 1), None, dt.date(9999, 12, 31)],
    "double": [float("nan"), 1e308, -0.5],
    "raw": [b"\0\xff", None, b""],
    "Mixed": [b"\0", None, b"y"],
    "order": ["select", "from", "группа"],
}


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions("files", KEYS)
        yield made


@pytest.fixture(params=SYSTEMS)
def manager(request, tmp_path):
    with place_in(request.param, request, tmp_path) as connector:
        yield ConnectorIOManager(connector=connector)


@pytest.fixture
def warehouse(tmp_path):
    return ConnectorIOManager(connector=DuckDBConnector(path=str(tmp_path / "w.duckdb")))


def plain(column):
    """The values of a pandas column, with None where there is none."""
    values = [None if pd.isna(value) else value for value in column]
    return [v.tz_convert("UTC") if getattr(v, "tzinfo", None) else v for v in values]


def test_a_pandas_frame_of_every_dtype_comes_back_from_every_system(instance, manager):
    frame = pd.DataFrame(ODD, index=pd.Index(["p", "q", "r"], name="label"))
    result = put(instance, manager, lambda _: frame)
    assert result.success, said(result)
    given = take(instance, manager, pd.DataFrame, upstream=None)
    assert {name: plain(given[name]) for name in given} == {
        **{name: plain(frame[name]) for name in frame}, "label": ["p", "q", "r"],
    }  # fmt: skip
    assert str(given["ints"].dtype) == "Int64"


def test_batches_named_by_their_source_path_are_kept_once_by_every_system(instance, manager):
    def store(key, rows):
        made = pl.LazyFrame({"k": [key] * rows, "n": pl.Series([len(key)] * rows, dtype=pl.Int64)})
        result = put(instance, manager, lambda _: made, key=key, partitions=FILES)
        assert result.success, said(result)
        (event,) = result.asset_materializations_for_node("ops__orders")
        return {name: value.value for name, value in event.metadata.items()}

    told = [store(key, 1) for key in [*KEYS, KEYS[0]]][-1]
    assert [(c.name, c.type) for c in told["dagster/column_schema"].columns] == [
        ("k", "VARCHAR"), ("n", "BIGINT"),
    ]  # fmt: skip
    assert told["dagster/partition_row_count"] == 1
    assert told["dagster/table_name"].lower().endswith("ops.orders")
    given = take(instance, manager, dict[str, pa.Table], upstream=FILES)
    expected = {key: [{"k": key, "n": len(key)}] for key in KEYS}
    assert {key: table.to_pylist() for key, table in given.items()} == expected
    assert store(KEYS[0], 0)["dagster/partition_row_count"] == 0
    rest = take(instance, manager, pa.RecordBatchReader, upstream=FILES)
    assert sorted(rest["k"].to_pylist()) == sorted(KEYS[1:])
    empty = take(instance, manager, pl.DataFrame, FILES, key=KEYS[0], upstream=FILES)
    assert (empty.height, empty.schema) == (0, {"k": pl.String, "n": pl.Int64})


KEPT = {
    "a polars time": (
        lambda: pl.DataFrame({"c": [dt.time(1, 2, 3, 4), None]}),
        [dt.time(1, 2, 3, 4), None],
    ),
    "levels of an index that have a name": (
        lambda: pd.DataFrame(
            {"c": ["x", "y"]},
            index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["of", None]),
        ),
        ["x", "y"],
    ),
    "a dictionary": (
        lambda: pa.table({"c": pa.array(["a", None, "a"]).dictionary_encode()}),
        ["a", None, "a"],
    ),
    "views": (lambda: pa.table({"c": pa.array(["a", None], pa.string_view())}), ["a", None]),
    "lists in structs": (
        lambda: pl.DataFrame({"c": [{"a": [1, None], "b": "é"}, None]}),
        [{"a": [1, None], "b": "é"}, None],
    ),
    "a frame of numbered columns": (lambda: pd.DataFrame([[7]], columns=["c"]).rename(str), [7]),
}


@pytest.mark.parametrize("case", KEPT)
def test_it_keeps(instance, warehouse, case):
    made, values = KEPT[case]
    result = put(instance, warehouse, lambda _: made())
    assert result.success, said(result)
    given = take(instance, warehouse, pa.Table, upstream=None)
    assert given["c"].to_pylist() == values
    assert not [name for name in given.column_names if name.startswith("__")]


REFUSED = {
    "nothing": (lambda: None, "None is not a table that can be stored.*or say -> None"),
    "a column": (lambda: pd.Series([1], name="a"), r"pandas\.Series cannot be stored as a table"),
    "two columns of one name": (
        lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]), "Duplicate column names found",
    ),
    "an index called like a column": (
        lambda: pd.DataFrame({"x": [1]}, index=pd.Index([1], name="x")),
        "its index and a column of it are both called 'x'",
    ),
    "a name with a zero byte": (lambda: pd.DataFrame({"a\0b": [1]}), "cannot be stored"),
    "a period": (
        lambda: pd.DataFrame({"c": pd.period_range("2024-01", periods=1, freq="M")}),
        "'c' has the type pandas.period",
    ),
    "an interval": (lambda: pd.DataFrame({"c": pd.interval_range(0, 1)}), "pandas.interval"),
    "whole numbers beyond 64 bit": (lambda: pd.DataFrame({"c": [2**70]}), "too large"),
    "text that is no Unicode": (
        lambda: pd.DataFrame({"c": pd.Series(["\ud800"], dtype=object)}), "surrogates not allowed",
    ),
    "complex numbers": (lambda: pd.DataFrame({"c": np.array([1 + 2j])}), "cannot be stored"),
    "objects": (lambda: pl.DataFrame({"c": [object()]}), "column 'c' holds Python objects"),
    "a decimal that counts thousands": (
        lambda: pa.table({"c": pa.array([Decimal("1E+3")], pa.decimal128(5, -2))}),
        r"has the type decimal128\(5, -2\)",
    ),
    "times finer than any system's": (
        lambda: pa.table({"c": pa.array([1], pa.time64("ns"))}), "has nanoseconds",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses_in_a_sentence(instance, warehouse, case):
    made, sentence = REFUSED[case]
    result = put(instance, warehouse, lambda _: made())
    assert not result.success
    told = said(result)
    assert "lume_dagster.errors" in told
    assert re.search(sentence, told)


def test_an_annotation_that_is_no_table_is_a_sentence(instance, warehouse):
    put(instance, warehouse, lambda _: pa.table({"a": [1]}))
    for wrong in (pd.Series, dict[str, int], bytes):
        result = take(instance, warehouse, wrong, upstream=None)
        assert "which rows cannot be handed over as" in said(result)

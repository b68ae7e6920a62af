"""Parquet files and database streams keep their types."""

from __future__ import annotations

import datetime as dt
import io
import uuid
from base64 import b64decode, b64encode
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.parquet.encryption import (
    CryptoFactory,
    EncryptionConfiguration,
    KmsClient,
    KmsConnectionConfig,
)

from lume_dagster.engines.stage import stage_stream
from lume_dagster.errors import BatchError

MOMENT = dt.datetime(2024, 2, 29, 12, 30, tzinfo=dt.UTC)
COLUMNS = {
    "count": (pa.array([1, None]), "BIGINT", 1),
    "price": (pa.array([Decimal("1.10"), None]), "DECIMAL(3,2)", Decimal("1.10")),
    "at": (pa.array([MOMENT, None]), "TIMESTAMP WITH TIME ZONE", MOMENT),
    "time": (pa.array([dt.time(1, 2, 3), None]), "TIME", dt.time(1, 2, 3)),
    "raw": (pa.array([b"\0x", None]), "BLOB", b"\0x"),
    "tags": (pa.array([[1, 2], None]), "BIGINT[]", [1, 2]),
    "void": (pa.nulls(2), "VARCHAR", None),
}


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def table(*names: str) -> pa.Table:
    return pa.table({name: COLUMNS[name][0] for name in names})


def test_a_parquet_file_keeps_names_types_and_values(stage):
    names = [name for name in COLUMNS if name != "void"]
    staged = stage({"x.parquet": parquet(table(*names))})
    assert staged.names == names
    assert [column.type for column in staged.batch.columns] == [COLUMNS[n][1] for n in names]
    assert staged.rows[1] == tuple(COLUMNS[name][2] for name in names)
    assert staged.rows[2] == (None,) * len(names)


def test_parquet_files_are_united_by_name_in_their_order(stage):
    files = {"1.parquet": parquet(table("count", "price")), "2.parquet": parquet(table("price"))}
    staged = stage(files)
    assert staged.names == ["count", "price"]
    assert staged.rows[3] == (None, Decimal("1.10"))
    assert [file.first_row for file in staged.batch.files] == [1, 3]


def test_parquet_columns_of_two_minds_are_refused(stage):
    files = {
        "1.parquet": parquet(pa.table({"a": ["x"]})),
        "2.parquet": parquet(pa.table({"a": [[1]]})),
    }
    with pytest.raises(BatchError, match="cannot be read as one table"):
        stage(files)


def test_a_header_may_begin_as_a_parquet_file_does(stage):
    assert stage({"x.csv": b"PAR1,PAR2\n1,2\n"}).names == ["PAR1", "PAR2"]
    assert stage({"y.csv": b"PAR1\r\n1\r\n"}).names == ["PAR1"]


def test_a_parquet_file_where_text_was_to_come_is_refused_as_one(stage):
    with pytest.raises(BatchError, match="is a Parquet file, and the flow says csv"):
        stage({"x.csv": parquet(table("count"))}, type="csv")


def test_a_damaged_parquet_file_is_told_by_name(stage):
    with pytest.raises(BatchError, match="x.parquet is not a readable Parquet file"):
        stage({"x.parquet": parquet(table("count"))[:-9] + b"xPAR1"})
    with pytest.raises(BatchError, match="x.parquet is not a Parquet file"):
        stage({"x.parquet": b"a,b\n1,2\n"})


@pytest.fixture
def stream(settings, tmp_path, read_back):
    def staged(source: pa.Table | pa.RecordBatchReader):
        reader = source.to_reader(1) if isinstance(source, pa.Table) else source
        return read_back(stage_stream(settings, reader, "crm", tmp_path / "staging" / "batch"))

    return staged


def test_a_stream_keeps_names_types_and_values(stream):
    staged = stream(table(*COLUMNS))
    assert staged.names == list(COLUMNS)
    assert [column.type for column in staged.batch.columns] == [c[1] for c in COLUMNS.values()]
    assert staged.rows[1] == tuple(value for _, _, value in COLUMNS.values())


def test_a_stream_keeps_uuid_json_and_opaque_values(stream):
    key = uuid.uuid4()
    arrays = {
        "key": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([key.bytes], pa.binary(16))),
        "doc": pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":1}'])),
        "big": pa.ExtensionArray.from_storage(
            pa.opaque(pa.string(), "numeric", "PostgreSQL"), pa.array(["1.5"])
        ),
    }
    staged = stream(pa.table(arrays))
    assert [column.type for column in staged.batch.columns] == ["UUID", "JSON", "VARCHAR"]
    assert staged.values == [(key, '{"a":1}', "1.5")]


def test_what_parquet_cannot_hold_becomes_text_that_reads_back(stream):
    digits = "1" * 50 + ".50"
    arrays = {
        "wide": pa.array([Decimal(digits), None], pa.decimal256(60, 2)),
        "slim": pa.array([Decimal("2.5"), None], pa.decimal256(10, 1)),
        "wait": pa.array([dt.timedelta(seconds=3), None]),
        "span": pa.array([(1, 2, 3_000), None], pa.month_day_nano_interval()),
    }
    staged = stream(pa.table(arrays))
    span = "1 months 2 days 3 microseconds"
    assert staged.values == [(digits, Decimal("2.5"), "3000000 microseconds", span), (None,) * 4]


def test_an_empty_stream_names_its_columns(stream):
    staged = stream(table("count", "price").slice(0, 0))
    assert (staged.names, staged.batch.records) == (["count", "price"], 0)


def test_the_rows_of_many_small_batches_keep_their_order(stream, tmp_path):
    values = pa.table({"n": range(300_000), "text": ["x", "y", None] * 100_000})
    staged = stream(values.to_reader(1_001))
    part = pq.ParquetFile(staged.batch.part_paths[0])
    assert part.read().rename_columns(["n", "text"]).equals(values)
    assert part.metadata.num_row_groups == 3


def test_a_stream_that_breaks_leaves_nothing(stream, tmp_path):
    def batches():
        yield from table("count").to_batches()
        message = "the connection was lost"
        raise ConnectionError(message)

    reader = pa.RecordBatchReader.from_batches(table("count").schema, batches())
    with pytest.raises(ConnectionError, match="the connection was lost"):
        stream(reader)
    assert list(Path(tmp_path / "staging").iterdir()) == []


LONG = Decimal("1234567890123456789012345678901234567890.12")


def test_a_decimal_of_more_digits_than_the_engine_has_is_kept_as_a_text(stage):
    columns = {"n": pa.array([1, 2]), "x": pa.array([LONG, None], pa.decimal256(45, 2))}
    staged = stage({"a.parquet": parquet(pa.table(columns))})
    assert [(c.name, c.type) for c in staged.batch.columns] == [("n", "BIGINT"), ("x", "VARCHAR")]
    assert staged.values == [(1, str(LONG)), (2, None)]


def test_such_a_decimal_inside_of_another_type_is_refused_by_name(stage):
    nested = pa.table({"x": pa.array([[LONG]], pa.list_(pa.decimal256(45, 2)))})
    with pytest.raises(BatchError, match=r"column 'x' holds decimal256\(45, 2\), of more than 38"):
        stage({"a.parquet": parquet(nested)})


def test_a_time_to_the_nanosecond_is_kept_as_a_text(stage):
    times = pa.table({"x": pa.array([1001, None], pa.time64("ns"))})
    staged = stage({"a.parquet": parquet(times)})
    assert staged.values == [("00:00:00.000001001",), (None,)]


class Keys(KmsClient):
    """Keeps keys as they are."""

    def __init__(self, _config: KmsConnectionConfig) -> None:
        super().__init__()

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        return b64encode(key_bytes)

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
        return b64decode(wrapped_key)


@pytest.mark.parametrize(
    ("plaintext_footer", "said"),
    [(False, r"is an encrypted Parquet file"), (True, r"(?s)is encrypted .*without encryption")],
)
def test_an_encrypted_parquet_file_is_refused_as_one(stage, plaintext_footer, said):
    how = EncryptionConfiguration(
        footer_key="f", column_keys={"c": ["count"]}, plaintext_footer=plaintext_footer
    )
    keys = CryptoFactory(Keys).file_encryption_properties(KmsConnectionConfig(), how)
    pq.write_table(table("count"), sink := io.BytesIO(), encryption_properties=keys)
    with pytest.raises(BatchError, match=said):
        stage({"x.parquet": sink.getvalue()})


def test_a_parquet_file_without_a_column_is_refused(stage):
    with pytest.raises(BatchError, match=r"x.parquet has no column"):
        stage({"x.parquet": parquet(table("count").select([]))})


@pytest.mark.parametrize("size", [30, 50, 70])
def test_a_parquet_file_of_which_bytes_are_missing_is_called_damaged(stage, size):
    data = parquet(pa.table({"k": ["one", "two"], "d": [str(n) * 50 for n in range(2)]}))
    with pytest.raises(BatchError, match=r"\nHint: .*(damaged|cut off) while it was copied"):
        stage({"x.parquet": data[:10] + data[10 + size :]})


def test_columns_of_one_name_are_told_apart_in_a_parquet_file(stage):
    same = pa.Table.from_arrays([pa.array([n]) for n in range(4)], ["a", "a", "A", "b"])
    staged = stage({"x.parquet": parquet(same)})
    assert (staged.names, staged.values) == (["a", "a_1", "A_2", "b"], [(0, 1, 2, 3)])

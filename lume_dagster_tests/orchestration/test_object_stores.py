"""A flow runs from an object store to an object store: every format, each row once, and by name."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile

import dagster as dg
import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lume_dagster import client
from lume_dagster.connectors import AzureBlobConnector, S3Connector
from lume_dagster.connectors.batch_segment import batch_segment
from lume_dagster.engines.duckdb_engine import DuckDBEngine
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.flows.library import Library
from lume_dagster.orchestration.arrival import Arrival
from lume_dagster.orchestration.arrival_sensor import Watch, look
from lume_dagster.orchestration.translator import place
from lume_dagster.runs.phases import Batch, sync_source
from lume_dagster.runs.status import Status
from lume_dagster_tests.servers.azurite import azure_config, azurite
from lume_dagster_tests.servers.moto import moto, s3_config
from lume_dagster_tests.waiting import SOON

__all__ = ["azure_config", "azurite", "moto", "s3_config"]

DEFINITIONS = """\
from lume_dagster import build_definitions
from lume_dagster.connectors import AzureBlobConnector, S3Connector

connector = {kind}(**{config!r})
defs = build_definitions("flows", {{"landing": connector, "warehouse": connector}}, data="data")
"""
CSV = b"id,amount\n1,10\n2,x\n3,30\n"
TABLE = pa.table({"id": ["1", "2", "3"], "amount": ["10", "x", "30"]})
RECORDS = '{"id": "1", "amount": 10}|{"id": "2", "amount": "x"}|{"id": "3", "amount": 30}'


def parquet():
    sink = pa.BufferOutputStream()
    pq.write_table(TABLE, sink)
    return sink.getvalue().to_pybytes()


def zipped():
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("inside.csv", CSV)
    return sink.getvalue()


def workbook():
    book = openpyxl.Workbook()
    for row in [("id", "amount"), (1, 10), (2, "x"), (3, 30)]:
        book.active.append(row)
    book.save(sink := io.BytesIO())
    return sink.getvalue()


FORMATS = {
    "orders.csv": CSV,
    "orders.tsv": CSV.replace(b",", b"\t"),
    "orders.json": f"[{RECORDS.replace('|', ',')}]".encode(),
    "orders.jsonl": RECORDS.replace("|", "\n").encode(),
    "orders.parquet": parquet(),
    "orders.csv.gz": gzip.compress(CSV),
    "orders.csv.bz2": bz2.compress(CSV),
    "orders.csv.zst": pa.compress(CSV, "zstd", asbytes=True),
    "orders.zip": zipped(),
    "orders.jsonl.gz": gzip.compress(RECORDS.replace("|", "\n").encode()),
    "orders.xlsx": workbook(),
}


@pytest.fixture(params=["s3", "azure"])
def store(request, bench):
    """A connector, which is source and target of the bench's flow."""
    fixture, kind = {
        "s3": ("s3_config", S3Connector),
        "azure": ("azure_config", AzureBlobConnector),
    }[request.param]
    config = request.getfixturevalue(fixture)
    text = DEFINITIONS.format(kind=kind.__name__, config=config)
    (bench.folder / "definitions.py").write_text(text)
    return kind(**config)


def put(store, name, content):
    import obstore

    key = f"{store._root.key}/{name}"
    obstore.put(store._bucket.store, key, content)
    return store._bucket.uri(key)


def rows(store, into, part="mapped"):
    files = [str(file) for file in store.fetch_table("sales.orders", into, part)]
    query = "SELECT _lume_row FROM read_parquet($1) ORDER BY 1"
    with duckdb.connect() as engine:
        return [row for (row,) in engine.execute(query, [files]).fetchall()]


@pytest.fixture
def staged(bench, store):
    """What a source_path of the store is staged as."""

    def stage(source_path):
        folder = bench.folder / "staged" / batch_segment(source_path)
        batch = Batch(bench.version, source_path, "run_1", folder, folder.with_name("output"))
        return sync_source(store, batch, engine)

    with DuckDBEngine(EngineSettings(scratch=bench.folder / "scratch")) as engine:
        yield stage


def test_every_format_is_staged_from_a_store(store, staged):
    for name, content in FORMATS.items():
        found = staged(put(store, f"in/{name}", content))
        assert (found.records, [column.name for column in found.columns]) == (3, ["id", "amount"])
        assert found.files[0].uri.partition("!")[0].endswith(name)


def test_a_folder_of_many_objects_is_one_batch_in_name_order(bench, store, staged):
    wanted = [put(store, f"in/{number:02d}.csv", CSV) for number in range(20)]
    found = staged("in")
    assert ([file.uri for file in found.files], found.records) == (wanted, 60)
    assert [path.name for path in found.folder.parent.iterdir()] == [found.folder.name]


def test_a_batch_goes_from_store_to_store(bench, store, tmp_path):
    uri = put(store, "in/orders.csv.gz", FORMATS["orders.csv.gz"])
    run = client.run("orders:v1", source_path=uri, project=bench.folder)
    assert run.wait(**SOON).status is Status.PARTIAL_FAILED
    assert rows(store, tmp_path / "mapped") == [1, 3]
    assert rows(store, tmp_path / "rejects", "rejects") == [2]
    said = str(bench.instance.get_latest_materialization_event(bench.key("target")))
    assert f"{store._bucket.uri(store._root.key)}/sales/orders/orders.csv.gz-" in said
    secrets = [getattr(store, name) for name in store.secret_fields if getattr(store, name)]
    assert secrets
    assert not any(secret in said for secret in secrets)


@pytest.fixture
def tick(bench, store):
    """What the arrival sensor asks for."""
    placed = place(bench.version, "lume", {"landing": store.kind, "warehouse": store.kind})
    arrivals = (Arrival(flow="orders", path="in/*.csv", settle=False),)
    watch = Watch(arrivals, {bench.version.name: placed}, Library(bench.folder / "flows"))

    def ticked(cursor=None):
        landing = {"landing": store}
        with dg.build_sensor_context(bench.instance, cursor, resources=landing) as context:
            return look(watch, context)

    return ticked


def test_an_object_is_asked_for_when_it_arrives_and_when_its_etag_changes(bench, store, tick):
    uri = put(store, "in/a.csv", CSV)
    first = tick()
    assert [request.partition_key for request in first.run_requests] == [uri]
    assert bench.materialize(uri).success
    assert not tick().run_requests  # a reset cursor
    put(store, "in/a.csv", CSV + b"4,40\n")
    (again,) = tick(first.cursor).run_requests
    assert again.partition_key == uri
    assert again.run_key != first.run_requests[0].run_key

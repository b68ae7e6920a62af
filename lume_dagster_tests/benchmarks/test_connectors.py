"""Every way to read and write that the benchmark compares does all of the rows."""

from __future__ import annotations

import pytest

from benchmarks.connector_frame import AGAIN, NOTHING, OURS, make_batch, system, systems, ways

ROWS = 500


def test_every_system_is_beside_its_bare_client_and_another_way():
    found = {kind: system(kind) for kind in systems()}
    assert set(found) == {
        *("azure_blob", "databricks", "duckdb", "local_files", "mysql", "postgres"),
        *("s3", "snowflake", "sqlserver"),
    }
    assert [k for k, of in found.items() if min(len(of.read), len(of.write)) < 2] == []


@pytest.mark.parametrize("direction", ["read", "write"])
@pytest.mark.parametrize("kind", ["duckdb", "local_files"])
def test_each_way_does_all_rows(kind, direction, tmp_path):
    of, batch = system(kind), tmp_path / "batch.parquet"
    make_batch(ROWS, batch)
    with of.reached() as place:
        of.fill(place, batch)
        found = ways(kind, direction)
        for number, (name, way) in enumerate(found.items()):
            out = tmp_path / str(number)
            out.mkdir()
            of.clear(place)
            if name == AGAIN:
                found[OURS](place, batch, out)
            assert way(place, batch, out) == (0 if name == NOTHING else ROWS), name

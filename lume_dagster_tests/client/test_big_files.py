"""Files of any size pass through a client that does not grow with them."""

from __future__ import annotations

import duckdb

from lume_dagster_tests.servers.lume_serve import elsewhere

ROWS = 600_000
_SCRIPT = """
import json
from pathlib import Path

import lume_dagster as lume

def peak():  # of this process in MB; getrusage would tell that of the one it was forked from
    said = Path("/proc/self/status").read_text().partition("VmHWM:")[2]
    return int(said.split()[0]) / 1024

def all_of(name):
    run = lume.run("contacts:v1", lume.upload_file(name)).wait()
    return run, sum(path.stat().st_size for path in run.download_all(name + "-got"))

all_of("small.csv")
before = peak()
run, size = all_of("big.csv")
print(json.dumps([before, peak() - before, size, run.metrics.row_counts.mapped]))
"""


def test_a_client_sends_and_fetches_a_big_file_in_little_memory(served, tmp_path):
    with duckdb.connect() as connection:
        for name, rows in {"small.csv": 10, "big.csv": ROWS}.items():
            connection.execute(
                "COPY (SELECT i AS id, 'Ada ' || i AS first_name, md5(i::VARCHAR) AS last_name,"
                " md5(i::VARCHAR) || '@example.com' AS email, 'PL' AS country,"
                f" '2020-01-01' AS customer_since FROM range(1, {rows} + 1) t(i)) TO '{tmp_path / name}'"
            )
    before, grown, size, mapped = elsewhere(_SCRIPT, tmp_path, served.variables())
    assert mapped == ROWS
    assert size > 60_000_000
    assert grown < 24, f"from {before:.0f} MB"

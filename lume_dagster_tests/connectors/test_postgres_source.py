"""What a PostgreSQL source does beyond the suites: exact numbers, types that are refused, queries as people write them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lume_dagster.connectors import PostgresConnector
from lume_dagster.errors import ConnectorError
from lume_dagster_tests.in_memory import connect
from lume_dagster_tests.servers.relay import relay_to


@pytest.fixture
def warehouse(postgres, postgres_database):
    return PostgresConnector(**postgres.config(postgres_database))


@pytest.fixture
def ask(postgres, postgres_database):
    def asked(query):
        with postgres.connect(postgres_database) as cursor:
            cursor.execute(query)

    return asked


def test_numbers_arrive_exact_as_decimals_or_as_text(warehouse):
    query = (
        "SELECT 1.50::numeric(10,2) AS declared, 1.50::numeric AS free, 'NaN'::numeric AS nan, "
        "1e50::numeric(60,0) AS wide, 12345::numeric(3,-2) AS rounded WHERE :source_path = 'x'"
    )
    with warehouse.read(query, "x") as reader:
        table = reader.read_all()
    assert table.schema.field("declared").type == pa.decimal128(10, 2)
    assert [str(v) for v in table.to_pylist()[0].values()] == [
        *("1.50", "1.50", "nan", f"1{'0' * 50}", "12300"),
    ]


@pytest.fixture
def own_types(ask):
    ask("CREATE TYPE mood AS ENUM ('calm', 'cross')")
    ask("CREATE DOMAIN temper AS mood")
    ask("CREATE DOMAIN few AS int CHECK (VALUE < 9)")
    ask("CREATE TYPE pair AS (n int, m mood)")


@pytest.mark.usefixtures("own_types")
def test_types_that_the_database_made_itself_are_read_too(warehouse):
    query = (
        "SELECT 'calm'::mood AS a, 'cross'::temper AS b, 3::few AS c, ARRAY['calm'::mood] AS d, "
        "row(1, 'calm')::pair AS e, ARRAY[3::few] AS f WHERE :source_path = 'x'"
    )
    with warehouse.read(query, "x") as reader:
        rows = reader.read_all().to_pylist()
    row = {"a": "calm", "b": "cross", "c": 3, "d": ["calm"], "e": {"n": 1, "m": "calm"}, "f": [3]}
    assert rows == [row]


@pytest.mark.usefixtures("own_types")
def test_only_types_of_its_own_make_the_client_read_the_catalog(warehouse, postgres):
    with relay_to(postgres.host, postgres.port) as relay:
        through = warehouse.model_copy(update={"host": "127.0.0.1", "port": relay.port})
        taken = []
        for value in ("1", "'calm'::mood"):
            with through.read(f"SELECT {value} AS a WHERE :source_path = 'x'", "x") as reader:
                assert reader.read_all().num_rows == 1
            relay.wait_until_closed()
            taken.append(relay.taken())
    assert taken[1] > taken[0] + 10


def test_a_type_that_arrow_does_not_know_is_refused_with_the_cast_to_write(warehouse):
    with (
        pytest.raises(ConnectorError, match=r"'a' has the PostgreSQL type inet.*\n.*a::text"),
        warehouse.read("SELECT '::1'::inet AS a WHERE :source_path = 'x'", "x"),
    ):
        pass


@pytest.mark.parametrize(
    ("value", "cast"),
    [
        ("'12.30'::money", "a::numeric"),
        ("4000000000::oid", "a::bigint"),
        ("ARRAY['1'::money]", "a::text"),
        ("row(1, 'x')", "a::text"),
        ("'\\377'::\"char\"", "a::text"),
    ],
)
def test_a_type_that_would_arrive_as_something_else_is_refused_with_the_cast_to_write(
    warehouse, value, cast
):
    with (
        pytest.raises(ConnectorError, match=rf"'a' has the PostgreSQL type .*\n.*{cast}"),
        warehouse.read(f"SELECT {value} AS a WHERE :source_path = 'x'", "x"),
    ):
        pass


@pytest.mark.parametrize("type_", ["date", "timestamp", "timestamptz"])
@pytest.mark.parametrize("value", ["'infinity'::{}", "'-infinity'::{}", "ARRAY['infinity'::{}]"])
def test_a_date_that_is_infinite_is_refused_and_not_read_as_another(warehouse, type_, value):
    query = f"SELECT {value.format(type_)} AS \"a b\" WHERE :source_path = 'x'"
    with (
        pytest.raises(
            ConnectorError, match=r"'a b' holds a date that is none.*infinity.*\n.*NULLIF\(\"a b\""
        ),
        warehouse.read(query, "x"),
    ):
        pass


def test_the_first_and_the_last_day_of_postgres_are_no_infinity(warehouse):
    days = "'4714-11-24 BC'::date AS a, '5874897-12-31'::date AS b, '294246-12-31'::timestamp AS c"
    with warehouse.read(
        f"SELECT {days}, ARRAY[]::date[] AS d WHERE :source_path = 'x'", "x"
    ) as rows:
        table = rows.read_all()
    numbers = [table[name].cast(pa.int32()).to_pylist()[0] for name in "ab"]
    assert numbers == [-2440588, 2145042905]  # days since 1970


def test_a_parameter_of_another_type_is_answered_with_the_cast(warehouse, ask):
    ask("CREATE TABLE t (id bigint)")
    with (
        pytest.raises(ConnectorError, match=r"CAST\(:source_path AS bigint\)"),
        warehouse.read("SELECT * FROM t WHERE id = :source_path", "1"),
    ):
        pass


@pytest.mark.parametrize("end", ["", ";", " -- all of it", "; -- all of it", "ORDER BY a -- )"])
def test_a_query_may_end_as_people_end_it(warehouse, end):
    query = f"WITH t AS (SELECT 1 AS a) SELECT a FROM t WHERE :source_path = 'x' {end}"
    with warehouse.read(query, "x") as reader:
        assert reader.read_all().to_pylist() == [{"a": 1}]


def test_a_batch_of_any_name_is_bound_as_a_text(warehouse):
    name = 'a\'b\\ "c" $1 \n żółć 漢字 ' * 500
    query = "SELECT :source_path AS name, pg_typeof(:source_path)::text AS type"
    with warehouse.read(query, name) as reader:
        assert reader.read_all().to_pylist() == [{"name": name, "type": "text"}]


def test_a_failure_in_the_middle_of_a_query_is_a_sentence(warehouse):
    query = "SELECT 1 / (5000 - i) AS a FROM generate_series(1, 9000) i WHERE :source_path = 'x'"
    with (
        pytest.raises(ConnectorError, match="division by zero"),
        warehouse.read(query, "x") as reader,
    ):
        reader.read_all()


def test_a_slow_query_is_ended_by_the_statement_timeout(warehouse, postgres, postgres_database):
    hasty = PostgresConnector(**postgres.config(postgres_database), statement_timeout_seconds=0.05)
    with (
        pytest.raises(ConnectorError, match=r"statement timeout.*\n.*statement_timeout_seconds"),
        hasty.read("SELECT pg_sleep(5)::text WHERE :source_path = 'x'", "x"),
    ):
        pass


def test_an_engine_can_scan_what_a_query_yields(warehouse):
    query = (
        "SELECT '{\"a\": 1}'::jsonb AS j, '00112233-4455-6677-8899-aabbccddeeff'::uuid AS u, "
        "ARRAY[1,2] AS l, now() AS t, '1 day'::interval AS i, bytea 'ab' AS b "
        "WHERE :source_path = 'x'"
    )
    with warehouse.read(query, "x") as reader, connect() as connection:
        connection.register("rows", reader)
        row = connection.execute("SELECT j::VARCHAR, u::VARCHAR, l FROM rows").fetchone()
    assert row == ('{"a": 1}', "00112233-4455-6677-8899-aabbccddeeff", [1, 2])

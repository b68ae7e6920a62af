"""PostgreSQL passes the suites on a real server; rights, locks, drift and NUL are its own."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace

import dagster as dg
import pyarrow as pa
import pytest

from lume_dagster.connectors import PostgresConnector
from lume_dagster.connectors.protocol import Column, DatabaseSource, Target
from lume_dagster.connectors.sql.ddl import POSTGRES_TYPES, sql_type
from lume_dagster.errors import ConnectorError, TransientError
from lume_dagster.testing import DatabaseSourceSuite, ServerSuite, TableReaderSuite, TargetSuite
from lume_dagster.testing.connectors import SECRET
from lume_dagster.testing.deliveries import EVERY_TYPE, make_delivery

CASTS = {"json": "jsonb", "uuid": "uuid"}


class TestPostgres(TargetSuite, TableReaderSuite, DatabaseSourceSuite, ServerSuite):
    connector_type = PostgresConnector
    literals = {
        "blob": "'\\x0027ff'::bytea",
        "instant": "'2024-02-29 12:00:00.123456+05:30'::timestamptz",
    }

    def silent(self, config, host, port):
        return {**config, "host": host, "port": port, "connect_timeout_seconds": 2}

    @pytest.fixture
    def config(self, postgres, postgres_database):
        self.server = postgres
        return postgres.config(postgres_database)

    def broken(self, config):
        uri = f"postgresql://app:{SECRET}@127.0.0.1:{config['port']}/postgres"
        return [
            {**config, "password": SECRET},
            {**config, "password": SECRET, "database": "nope"},
            {**config, "password": SECRET, "port": 1},
            {**config, "password": SECRET, "host": "no.such.host.invalid"},
            {"uri": uri},
            {"uri": uri.replace("127", "12 7")},
            {"uri": f"mysql://app:{SECRET}@localhost/x"},
            *({"uri": uri.replace(SECRET, f"12{mark}{SECRET}")} for mark in "@#/?["),
        ]

    def read_mapped(self, connector, table):
        return self._read(connector, table)

    def read_rejects(self, connector, table):
        return self._read(connector, f"{table}_rejects")

    def fill(self, config, rows):
        columns = ", ".join(f'"{c.name}" {sql_type(c, POSTGRES_TYPES)}' for c in EVERY_TYPE)
        names = [c.name for c in EVERY_TYPE if any(c.name in row for row in rows)]
        types = {c.name: c.type for c in EVERY_TYPE}
        values = {
            n: [json.dumps(r[n]) if types[n] == "json" and n in r else r.get(n) for r in rows]
            for n in names
        }
        staged = pa.table({"batch": [row["batch"] for row in rows], **values})
        casts = ", ".join(
            f'"{n}"::{CASTS.get(types[n], sql_type(c, POSTGRES_TYPES))}'
            for c in EVERY_TYPE
            if (n := c.name) in names
        )
        with self.server.connect(config["database"]) as cursor:
            cursor.execute(f"CREATE TABLE IF NOT EXISTS batches (batch text, {columns})")
            cursor.adbc_ingest("staged", staged, mode="create")
            listed = ", ".join(f'"{n}"' for n in names)
            cursor.execute(
                f"INSERT INTO batches (batch, {listed}) SELECT batch, {casts} FROM staged"
            )
            cursor.execute("DROP TABLE staged")

    def count(self, config):
        with self.server.connect(config["database"]) as cursor:
            cursor.execute("SELECT count(*) FROM batches")
            return cursor.fetchone()[0]

    def _read(self, connector, table):
        with self.server.connect(connector.database) as cursor:
            cursor.execute("SELECT to_regclass($1) IS NOT NULL", (table,))
            if not cursor.fetchone()[0]:
                return pa.table({})
            cursor.execute(f"SELECT * FROM {table}")
            found = cursor.fetch_arrow_table()
        return pa.table({n: decimals(found[n]) for n in found.column_names})


def decimals(column):
    if getattr(column.type, "extension_name", "") != "arrow.opaque":
        return column
    text = pa.chunked_array([c.storage for c in column.chunks], pa.string())
    return text.cast(pa.decimal128(38, 10))


@pytest.fixture
def warehouse(postgres, postgres_database):
    return PostgresConnector(**postgres.config(postgres_database))


@pytest.fixture
def hasty(warehouse):
    """The same, for who will wait in vain."""
    return warehouse.model_copy(update={"lock_timeout_seconds": 0.2})


@pytest.fixture
def ask(postgres, postgres_database):
    def asked(query, *values):
        with postgres.connect(postgres_database) as cursor:
            cursor.execute(query, values or None)
            return [list(row) for row in cursor.fetchall()] if cursor.description else []

    return asked


@contextmanager
def transaction(postgres, database):
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(postgres.uri(database)) as connection, connection.cursor() as cursor:
        yield cursor


def test_it_is_a_database_and_a_target(warehouse):
    assert isinstance(warehouse, DatabaseSource)
    assert isinstance(warehouse, Target)


def test_a_wrong_password_is_a_sentence_with_what_to_do(postgres):
    wrong = PostgresConnector(**{**postgres.config(), "password": "nonsense"})
    with pytest.raises(ConnectorError, match=r"password authentication failed.*\n.*check the conn"):
        list(wrong.test())


def test_secrets_come_from_the_environment(postgres, monkeypatch):
    secret = dg.EnvVar("LUME_TEST_PASSWORD")
    connector = PostgresConnector(**{**postgres.config(), "password": secret})
    with pytest.raises(ConnectorError, match="LUME_TEST_PASSWORD is not set"):
        list(connector.test())
    monkeypatch.setenv("LUME_TEST_PASSWORD", postgres.password)
    assert list(connector.test())


def test_it_serves_as_a_dagster_resource(postgres, monkeypatch):
    monkeypatch.setenv("LUME_TEST_PASSWORD", postgres.password)
    seen = []

    @dg.asset
    def looked(warehouse: PostgresConnector) -> None:
        seen.extend([repr(warehouse), *warehouse.test()])

    secret = dg.EnvVar("LUME_TEST_PASSWORD")
    resource = PostgresConnector(**{**postgres.config(), "password": secret})
    with dg.instance_for_test() as instance:
        assert dg.materialize(
            [looked], resources={"warehouse": resource}, instance=instance
        ).success
    assert postgres.password not in str(seen)


def test_a_server_that_may_only_be_read_is_no_target(warehouse, ask, tmp_path):
    delivery = make_delivery(tmp_path, [{"id": 1}])
    warehouse.deliver(delivery)
    ask(f"ALTER DATABASE {warehouse.database} SET default_transaction_read_only = on")
    for act in (warehouse.check, warehouse.deliver):
        with pytest.raises(
            ConnectorError, match=r"may only be read: it is a standby, or.*\n.*prim"
        ):
            act(delivery)
    assert list(warehouse.test())[-1].endswith("it can be no target.")
    with warehouse.read("SELECT id FROM ops.orders WHERE :source_path = 'x'", "x") as reader:
        assert reader.read_all().to_pylist() == [{"id": 1}]


def test_columns_have_types_comments_and_not_null(warehouse, ask, tmp_path):
    warehouse.deliver(
        make_delivery(tmp_path, [], columns=(*EVERY_TYPE, Column("d", "string", True, "it's")))
    )
    rows = ask(
        "SELECT attname::text, format_type(atttypid, atttypmod), attnotnull, "
        "col_description(attrelid, attnum) FROM pg_attribute "
        "WHERE attrelid = 'ops.orders'::regclass AND attnum > 0 ORDER BY attnum"
    )
    assert ["id", "bigint", True, None] in rows
    assert ["price", "numeric(18,4)", False, None] in rows
    assert ["nested", "jsonb", False, None] in rows
    assert ["d", "text", False, "it's"] in rows


@pytest.mark.parametrize("place", ["text", "nested"])
def test_a_nul_character_is_named_with_its_field_and_row_and_nothing_is_written(
    warehouse, ask, tmp_path, place
):
    bad = {"text": "a\0b"} if place == "text" else {"nested": {"a": "x\0"}}
    rows = [{"id": 1}, {"id": 2, **bad}]
    with pytest.raises(ConnectorError, match=f"the field '{place}' of row 2"):
        warehouse.deliver(make_delivery(tmp_path, rows, columns=EVERY_TYPE))
    assert ask("SELECT to_regclass('ops.orders')::text") == [[None]]


def test_rejects_keep_the_nul_characters_of_a_damaged_record(warehouse, ask, tmp_path):
    warehouse.deliver(make_delivery(tmp_path, [], rejects=1))
    assert "x\\u0000'" in ask("SELECT original::text FROM ops.orders_rejects")[0][0]
    assert ask(
        "SELECT errors->0->>'code' FROM (SELECT replace(errors::text, '\\u0000', '')::json "
        "AS errors FROM ops.orders_rejects) r"
    ) == [["INVALID_INTEGER"]]


def test_a_name_that_postgres_would_cut_is_refused(warehouse, tmp_path):
    columns = (Column("id", "integer"), Column("ż" * 32, "string"))
    with pytest.raises(ConnectorError, match="64 bytes long; this system keeps 63"):
        warehouse.check(make_delivery(tmp_path, [], columns=columns))


def test_a_view_in_the_place_of_the_table_is_refused(warehouse, ask, tmp_path):
    ask("CREATE SCHEMA ops")
    ask("CREATE VIEW ops.orders AS SELECT 1 AS id")
    with pytest.raises(ConnectorError, match="is a view"):
        warehouse.check(make_delivery(tmp_path, []))


def test_a_column_that_the_table_computes_is_refused_before_anything_is_written(
    warehouse, ask, tmp_path
):
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}]))
    ask("ALTER TABLE ops.orders DROP name")
    ask("ALTER TABLE ops.orders ADD name text GENERATED ALWAYS AS ('x') STORED")
    with pytest.raises(ConnectorError, match="different: name is computed by the table"):
        warehouse.check(make_delivery(tmp_path, [{"id": 2}]))


def test_a_column_named_as_postgres_names_its_own_is_refused(warehouse, tmp_path):
    columns = (Column("id", "integer"), Column("ctid", "string"))
    with pytest.raises(ConnectorError, match="PostgreSQL keeps the name 'ctid'"):
        warehouse.check(make_delivery(tmp_path, [], columns=columns))


def test_missing_rights_are_named_before_anything_is_written(
    warehouse, postgres, postgres_database, ask, tmp_path
):
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}]))
    user = f"reader_{postgres_database}"
    ask(f"CREATE ROLE {user} LOGIN PASSWORD 'p'")
    ask(f"GRANT USAGE ON SCHEMA ops TO {user}")
    ask(f"GRANT SELECT ON ALL TABLES IN SCHEMA ops TO {user}")
    reader = PostgresConnector(
        **{**postgres.config(postgres_database), "user": user, "password": "p"}
    )
    with pytest.raises(ConnectorError, match=f"{user} lacks the right to INSERT on"):
        reader.check(make_delivery(tmp_path, []))
    with pytest.raises(ConnectorError, match="lacks the right to CREATE a schema"):
        reader.check(make_delivery(tmp_path, [], table="new.orders"))


def test_row_level_security_is_told_before_anything_is_written(
    warehouse, postgres, postgres_database, ask, tmp_path
):
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}]))
    user = f"writer_{postgres_database}"
    ask(f"CREATE ROLE {user} LOGIN PASSWORD 'secret'")
    ask(f"GRANT USAGE ON SCHEMA ops TO {user}")
    ask(f"GRANT ALL ON ALL TABLES IN SCHEMA ops TO {user}")
    given = {**postgres.config(postgres_database), "user": user, "password": "secret"}
    PostgresConnector(**given).check(make_delivery(tmp_path, []))
    ask("ALTER TABLE ops.orders ENABLE ROW LEVEL SECURITY")
    with pytest.raises(ConnectorError, match=r"Row-level security .*\.ops\.orders,"):
        PostgresConnector(**given).check(make_delivery(tmp_path, []))


def test_a_lock_that_another_holds_is_a_transient_error(
    warehouse, hasty, postgres, postgres_database, tmp_path
):
    delivery = make_delivery(tmp_path, [{"id": 1}])
    warehouse.deliver(delivery)
    with transaction(postgres, postgres_database) as cursor:
        cursor.execute("LOCK TABLE ops.orders IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TransientError, match="lock timeout"):
            hasty.deliver(delivery)


def test_a_connection_that_the_server_ends_is_a_transient_error(warehouse, ask, tmp_path):
    def end(step):
        if step == "cleared":
            ask(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'lume'"
            )

    delivery = make_delivery(tmp_path, [{"id": 1}])
    with pytest.raises(TransientError, match="PostgreSQL at"):
        warehouse.deliver(delivery, end)
    assert warehouse.deliver(delivery).mapped_rows == 1


def test_batches_of_one_table_load_side_by_side(warehouse, tmp_path):
    """The second delivery ends while the first is in the middle of its transaction."""
    warehouse.deliver(make_delivery(tmp_path, []))
    other = make_delivery(tmp_path, [{"id": 2}], source_path="b")
    inner = []

    def meanwhile(step):
        if step == "staged":
            inner.append(warehouse.deliver(other).mapped_rows)

    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}], source_path="a"), meanwhile)
    assert inner == [1]


def test_one_batch_delivered_twice_at_once_waits(warehouse, hasty, tmp_path):
    warehouse.deliver(make_delivery(tmp_path, []))
    delivery = make_delivery(tmp_path, [{"id": 1}])

    def meanwhile(step):
        if step == "staged":
            hasty.deliver(replace(delivery, run_id="run_2"))

    with pytest.raises(TransientError, match="lock timeout"):
        warehouse.deliver(delivery, meanwhile)


def test_a_field_that_may_not_be_null_is_a_sentence(warehouse, tmp_path):
    delivery = make_delivery(tmp_path, [{"id": None}], columns=(Column("id", "integer"),))
    required = replace(delivery, columns=(Column("id", "integer", nullable=False),))
    with pytest.raises(ConnectorError, match="not-null constraint"):
        warehouse.deliver(required)


def test_a_value_that_does_not_fit_its_column_is_the_batchs_fault(warehouse, tmp_path):
    delivery = make_delivery(tmp_path, [{"id": 1, "name": "x"}])
    columns = (Column("id", "integer"), Column("name", "integer"))
    with pytest.raises(ConnectorError, match="Could not convert string") as caught:
        warehouse.deliver(replace(delivery, columns=columns))
    assert not isinstance(caught.value, TransientError)

"""What a database or a user is set to by others changes neither texts nor how often a batch is there."""

from __future__ import annotations

import random
import threading
from dataclasses import replace

import pytest

from lume_dagster.connectors import PostgresConnector
from lume_dagster.connectors.protocol import Column
from lume_dagster.errors import ConnectorError, TransientError
from lume_dagster.testing.deliveries import make_delivery
from lume_dagster_tests.waiting import PATIENCE, wait_until

QUERY = "SELECT name FROM ops.orders WHERE _lume_source_path = :source_path"


def asked(postgres, database, query):
    with postgres.connect(database) as cursor:
        cursor.execute(query)
        return [list(row) for row in cursor.fetchall()] if cursor.description else []


@pytest.fixture(params=["LATIN1", "WIN1250", "LATIN9"])
def other_encoding(request, postgres):
    how = f"TEMPLATE template0 ENCODING '{request.param}' LOCALE_PROVIDER libc LOCALE 'C'"
    with postgres.new_database(how) as name:
        yield name


@pytest.mark.parametrize("by", ["parts", "uri", "a uri that says otherwise"])
def test_texts_are_the_same_whatever_a_database_keeps_them_in(
    postgres, other_encoding, tmp_path, by
):
    uri = postgres.uri(other_encoding)
    uri += "" if by == "uri" else f"{'&' if '?' in uri else '?'}client_encoding=SQL_ASCII"
    config = postgres.config(other_encoding) if by == "parts" else {"uri": uri}
    warehouse = PostgresConnector(**config)
    delivery = make_delivery(tmp_path, [{"id": 1, "name": "Müller"}], source_path="ö.csv")
    warehouse.deliver(delivery)
    measured = "SELECT length(name), length(_lume_source_path) FROM ops.orders"
    assert asked(postgres, other_encoding, measured) == [[6, 5]]
    asked(postgres, other_encoding, "UPDATE ops.orders SET name = chr(223) || name")  # an ß
    with warehouse.read(QUERY, "ö.csv") as reader:
        assert reader.read_all().to_pylist() == [{"name": "ßMüller"}]


def test_a_text_that_a_database_cannot_keep_is_refused_with_what_to_do(
    postgres, other_encoding, tmp_path
):
    warehouse = PostgresConnector(**postgres.config(other_encoding))
    with pytest.raises(ConnectorError, match=r"no equivalent in encoding(.|\n)*encoding is UTF8"):
        warehouse.deliver(make_delivery(tmp_path, [{"id": 1, "name": "漢"}]))


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_of_two_deliveries_of_a_batch_one_is_left_however_transactions_are_isolated(
    postgres, postgres_database, tmp_path, level
):
    default = f"SET default_transaction_isolation = '{level}'"
    asked(postgres, postgres_database, f"ALTER DATABASE {postgres_database} {default}")
    warehouse = PostgresConnector(**postgres.config(postgres_database))
    warehouse.deliver(make_delivery(tmp_path, [], source_path="other"))
    first, second = (make_delivery(tmp_path, [{"id": 1}], run_id=f"run_{n}") for n in (1, 2))
    late = threading.Thread(target=warehouse.deliver, args=(second,))
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

    def meanwhile(step):
        if step == "before_commit":
            late.start()
            wait_until(lambda: asked(postgres, postgres_database, waiting) != [[0]])

    warehouse.deliver(first, meanwhile)
    late.join(PATIENCE)
    held = asked(postgres, postgres_database, "SELECT id, _lume_run_id FROM ops.orders")
    assert held == [[1, "run_2"]]


def test_a_user_who_may_only_read_still_reads_where_transactions_are_isolated(
    postgres, postgres_database
):
    for setting in ("isolation = 'serializable'", "read_only = on"):
        default = f"SET default_transaction_{setting}"
        asked(postgres, postgres_database, f"ALTER DATABASE {postgres_database} {default}")
    source = PostgresConnector(**postgres.config(postgres_database))
    with source.read("SELECT 1 AS a WHERE :source_path = 'x'", "x") as reader:
        assert reader.read_all().to_pylist() == [{"a": 1}]


def test_a_value_that_the_client_cannot_read_is_no_broken_connection(postgres, postgres_database):
    source = PostgresConnector(**postgres.config(postgres_database))
    query = "SELECT '[5:6]={1,2}'::int[] AS a WHERE :source_path = 'x'"
    with (
        pytest.raises(ConnectorError, match=r"lower bound(.|\n)*cast the column") as caught,
        source.read(query, "x") as reader,
    ):
        reader.read_all()
    assert not isinstance(caught.value, TransientError)


def test_a_key_too_long_for_an_index_is_answered_with_what_to_do(
    postgres, postgres_database, tmp_path
):
    """Letters by chance: PostgreSQL packs what repeats itself."""
    chance = random.Random(1)
    long = "".join(chr(chance.randrange(0x3000, 0x9000)) for _ in range(3000))
    columns = (Column("name", "string", nullable=False), Column("id", "integer"))
    merged = {"mode": "merge", "key": ("name",), "columns": columns}
    warehouse = PostgresConnector(**postgres.config(postgres_database))
    warehouse.deliver(make_delivery(tmp_path, [{"name": "short"}], **merged))
    batch = make_delivery(tmp_path, [{"name": long}, {"name": f"{long}."}], **merged)
    with pytest.raises(ConnectorError, match=r"index row(.|\n)*drop the index"):
        warehouse.deliver(batch)
    asked(postgres, postgres_database, "DROP INDEX ops.orders_name_idx")
    for run in ("run_2", "run_3"):
        warehouse.deliver(replace(batch, run_id=run))
    assert asked(postgres, postgres_database, "SELECT count(*) FROM ops.orders") == [[3]]


def test_a_key_may_have_more_fields_than_an_index(postgres, postgres_database, tmp_path):
    columns = tuple(Column(f"k{n}", "integer", nullable=False) for n in range(40))
    merged = {"mode": "merge", "key": tuple(c.name for c in columns), "columns": columns}
    warehouse = PostgresConnector(**postgres.config(postgres_database))
    for run, last in enumerate((1, 1, 2)):
        row = {**dict.fromkeys(merged["key"], 0), "k39": last}
        warehouse.deliver(make_delivery(tmp_path, [row], **merged, run_id=f"run_{run}"))
    assert asked(postgres, postgres_database, "SELECT count(*) FROM ops.orders") == [[2]]

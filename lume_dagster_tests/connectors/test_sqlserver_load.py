"""What SQL Server is asked as a target: stages that never stay, exact texts, keys, tables, rights."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import replace

import pytest

from lume_dagster.connectors import SQLServerConnector
from lume_dagster.connectors.protocol import Column, Reading, TableReader, Target
from lume_dagster.connectors.sql.ledger import delete_run
from lume_dagster.connectors.sql.read_back import read_back
from lume_dagster.connectors.sql.tables import Tables
from lume_dagster.connectors.sqlserver.read import JSON_KEYS, exactly
from lume_dagster.connectors.sqlserver.shape import Place, refuse_names
from lume_dagster.connectors.sqlserver.statement import DIALECT, rendered
from lume_dagster.connectors.sqlserver.types import CatalogType, key_units
from lume_dagster.errors import ConnectorError, TransientError
from lume_dagster.testing.crash import deliver_and_die, steps_of
from lume_dagster.testing.deliveries import EVERY_TYPE, make_delivery
from lume_dagster_tests.in_memory import connect

STAGES = "SELECT COUNT(*) FROM sys.tables WHERE LEFT(name, 12) = '_lume_stage_'"
KEYS = (Column("id", "string"), Column("name", "string"))


@pytest.fixture
def warehouse(sqlserver, sqlserver_database):
    return SQLServerConnector(**sqlserver.config(sqlserver_database))


@pytest.fixture
def ask(sqlserver, sqlserver_database):
    def asked(query, *values):
        with sqlserver.connect(sqlserver_database) as cursor:
            cursor.execute(query, values) if values else cursor.execute(query)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    return asked


@pytest.fixture
def kill_deliveries(sqlserver):
    """End every session but the one that asks, as an administrator would."""

    def kill():
        assert sqlserver.end_sessions("program_name = 'MSSQL-Python'")

    return kill


def at(step, act):
    """A checkpoint that does something once."""

    def checkpoint(reached):
        if reached == step:
            act()

    return checkpoint


def test_it_is_a_target(warehouse):
    assert isinstance(warehouse, Target)
    assert isinstance(warehouse, TableReader)


def test_no_stage_is_left_after_a_delivery(warehouse, ask, tmp_path):
    seen = []
    delivery = make_delivery(tmp_path, [{"id": 1}], rejects=1)
    warehouse.deliver(delivery, at("staged", lambda: seen.extend(ask(STAGES))))
    assert (seen, ask(STAGES)) == ([(2,)], [(0,)])


def test_a_batch_without_rejects_has_no_stage_for_them(warehouse, ask, tmp_path):
    seen = []
    delivery = make_delivery(tmp_path, [{"id": 1}])
    warehouse.deliver(delivery, at("staged", lambda: seen.extend(ask(STAGES))))
    assert (seen, ask(STAGES)) == ([(1,)], [(0,)])


def test_rows_carry_their_run_and_batch_only_from_the_stage_on(warehouse, ask, tmp_path):
    """They are alike in every row, so they are bound once, not sent with each."""
    seen = []
    columns = (
        "SELECT COUNT(*) FROM INFORMATION_SCHEMA.COLUMNS WHERE COLUMN_NAME IN "
        "('_lume_run_id', '_lume_source_path') AND TABLE_NAME LIKE '[_]lume[_]stage%'"
    )
    delivery = make_delivery(tmp_path, [{"id": 1}], rejects=1)
    warehouse.deliver(delivery, at("staged", lambda: seen.extend(ask(columns))))
    marks = "SELECT [_lume_run_id], [_lume_source_path] FROM "
    expected = [(delivery.run_id, delivery.source_path)]
    assert seen == [(0,)]
    assert ask(f"{marks} ops.orders") == ask(f"{marks} ops.orders_rejects") == expected


def test_no_stage_is_left_after_a_failure(warehouse, ask, tmp_path):
    delivery = make_delivery(tmp_path, [{"id": None}], columns=(Column("id", "integer"),))
    required = replace(delivery, columns=(Column("id", "integer", nullable=False),))
    with pytest.raises(ConnectorError, match=r"insert the value NULL.*\n.*the table says NOT NULL"):
        warehouse.deliver(required)
    assert ask(STAGES) == [(0,)]
    assert ask("SELECT name FROM sys.tables") == []


def test_the_stage_of_a_killed_delivery_is_collected_by_the_next(warehouse, ask, tmp_path):
    """SQL Server gives the lock of a dead session back, and the lock is what says it is dead."""
    delivery = make_delivery(tmp_path, [{"id": 1}], rejects=1)
    step = steps_of(warehouse, delivery).index("staged")
    config = warehouse.model_dump()
    assert deliver_and_die(SQLServerConnector, config, delivery, step) == -signal.SIGKILL
    assert ask(STAGES) == [(2,)]
    warehouse.deliver(replace(delivery, source_path="other"))
    assert ask(STAGES) == [(0,)]


def test_the_stage_of_a_living_delivery_is_left_alone(warehouse, ask, tmp_path):
    """Two batches of one table are staged side by side; each is moved alone."""
    warehouse.deliver(make_delivery(tmp_path, []))
    other = make_delivery(tmp_path, [{"id": 2}], source_path="b")
    inner = []
    warehouse.deliver(
        make_delivery(tmp_path, [{"id": 1}], source_path="a"),
        at("staged", lambda: inner.append(warehouse.deliver(other).mapped_rows)),
    )
    assert inner == [1]
    assert ask("SELECT id FROM ops.orders ORDER BY id") == [(1,), (2,)]


def test_a_move_into_a_table_waits_for_another(warehouse, tmp_path):
    warehouse.deliver(make_delivery(tmp_path, []))
    hasty = warehouse.model_copy(update={"lock_timeout_seconds": 0.2})
    other = make_delivery(tmp_path, [{"id": 2}], source_path="b")
    with pytest.raises(TransientError, match=r"another delivery holds the table since 0.2 seconds"):
        warehouse.deliver(
            make_delivery(tmp_path, [{"id": 1}]), at("cleared", lambda: hasty.deliver(other))
        )


@pytest.mark.parametrize("step", ["stage_made", "staged", "cleared", "before_commit"])
def test_a_connection_that_the_server_ends_is_a_transient_error_and_nothing_is_visible(
    warehouse, ask, kill_deliveries, tmp_path, step
):
    first = make_delivery(tmp_path, [{"id": 1}])
    warehouse.deliver(first)
    second = make_delivery(tmp_path, [{"id": 2}], run_id="run_2")
    with pytest.raises(TransientError, match=r"The connection to SQL Server at .* broke"):
        warehouse.deliver(second, at(step, kill_deliveries))
    assert ask("SELECT id FROM ops.orders") == [(1,)]
    assert warehouse.deliver(second).mapped_rows == 1
    assert ask("SELECT id FROM ops.orders") == [(2,)]
    assert ask(STAGES) == [(0,)]


def test_source_paths_are_equal_when_they_are_the_same_characters(warehouse, ask, tmp_path):
    """SQL Server's own equality takes a path with a space at its end for the one without."""
    long = "🎈" * 1_000 + "ż" * 1_000
    paths = ["a.csv", "a.csv ", "A.csv", "á.csv", "a.csv", long, long]
    for number, path in enumerate(paths):
        rows = [{"id": number}]
        warehouse.deliver(make_delivery(tmp_path, rows, source_path=path, run_id=f"run_{number}"))
    kept = {path: number for number, path in enumerate(paths)}
    assert sorted(ask("SELECT id FROM ops.orders")) == sorted((n,) for n in kept.values())
    for path, number in kept.items():
        with warehouse.read_table(Reading("ops.orders", "orders", (path,))) as rows:
            assert rows.read_all()["id"].to_pylist() == [number]


def test_statements_compare_texts_by_characters_and_length(tmp_path):
    table = Tables("m", "o@1]ps", "t").sql("t")
    delivery = make_delivery(tmp_path, [], source_path="a ")
    sql, values = rendered(delete_run(table, delivery, "r🎈"))
    collated = "? COLLATE Latin1_General_100_BIN2 AND DATALENGTH"
    assert sql == (
        f"DELETE FROM [o@1]]ps].[t] WHERE [_lume_run_id] = {collated}([_lume_run_id]) = 6 "
        f"AND [_lume_source_path] = {collated}([_lume_source_path]) = 4"
    )
    assert values == ["r🎈", "a "]


def test_rows_are_read_back_by_characters_and_length():
    """Of a table made by hand the collation is another, and = would ignore spaces at the end."""
    reading = Reading("ops.orders", "orders", ("a ",))
    query, _ = read_back(Tables("m", "ops", "orders"), reading, DIALECT, JSON_KEYS, rewrite=exactly)
    ended = "([{0}].[{1}] + N'|') COLLATE Latin1_General_100_BIN2"
    for name in ("run_id", "source_path"):
        pair = ended.format("ledger", name), ended.format("held", f"_lume_{name}")
        assert " = ".join(pair) in query
    order = "[held].[_lume_source_path]"
    assert query.endswith(
        f"ORDER BY {order} COLLATE Latin1_General_100_BIN2, DATALENGTH({order}), [held].[_lume_row]"
    )


def test_a_merge_knows_keys_of_every_kind(warehouse, ask, tmp_path):
    names = ("text", "price", "ratio", "flag", "day", "at", "clock", "uid")
    columns = tuple(c for c in EVERY_TYPE if c.name in {"id", *names})
    rows = [{"id": 1}, {"id": 2, "text": "a", "uid": "00112233-4455-6677-8899-aabbccddeeff"}]
    delivery = make_delivery(tmp_path, rows, columns=columns, mode="merge", key=names)
    warehouse.deliver(delivery)
    warehouse.deliver(replace(delivery, run_id="run_2", source_path="other"))
    assert ask("SELECT id, _lume_run_id FROM ops.orders ORDER BY id") == [
        (1, "run_2"),
        (2, "run_2"),
    ]


def test_a_key_too_long_for_an_index_is_a_sentence_and_nothing_is_written(warehouse, ask, tmp_path):
    rows = [{"id": "k" * 401, "name": "x"}]
    delivery = make_delivery(tmp_path, [], columns=KEYS, mode="merge", key=("id",))
    warehouse.deliver(delivery)
    text = make_text_delivery(tmp_path, rows, delivery)
    with pytest.raises(ConnectorError, match=r"would be truncated.*\n.*make the column longer"):
        warehouse.deliver(text)
    assert ask("SELECT COUNT(*) FROM ops.orders") == [(0,)]


def make_text_delivery(tmp_path, rows, delivery):
    """A delivery of texts: the suite's files know ``id`` as a number only."""
    plain = (Column("text", "string"), Column("name", "string"))
    made = make_delivery(
        tmp_path, [{"text": r["id"], "name": r["name"]} for r in rows], columns=plain
    )
    file = made.mapped[0].with_name("renamed.parquet")
    with connect() as connection:
        connection.execute(
            f"COPY (SELECT text AS id, name, _lume_row FROM '{made.mapped[0]}') TO '{file}'"
        )
    return replace(delivery, mapped=(file,))


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_sql_server_does_not_have_is_named_with_field_and_row(
    warehouse, ask, tmp_path, value
):
    rows = [{"id": 1, "ratio": 1.0}, {"id": 2, "ratio": value}]
    with pytest.raises(ConnectorError, match=r"the field 'ratio' of row 2 of the batch"):
        warehouse.deliver(make_delivery(tmp_path, rows, columns=EVERY_TYPE))
    assert ask("SELECT name FROM sys.tables") == []


def test_a_value_that_does_not_fit_its_column_is_the_batchs_fault(warehouse, ask, tmp_path):
    delivery = make_delivery(tmp_path, [{"id": 1, "name": "x"}])
    columns = (Column("id", "integer"), Column("name", "integer"))
    with pytest.raises(ConnectorError, match="Could not convert string") as caught:
        warehouse.deliver(replace(delivery, columns=columns))
    assert not isinstance(caught.value, TransientError)
    assert ask("SELECT name FROM sys.tables") == []


def test_columns_have_types_descriptions_and_not_null(warehouse, ask, tmp_path):
    columns = (*EVERY_TYPE, Column("d", "string", nullable=True, description="it's"))
    warehouse.deliver(make_delivery(tmp_path, [], columns=columns))
    found = ask(
        "SELECT c.name, y.name, c.max_length, c.precision, c.scale, c.is_nullable "
        "FROM sys.columns AS c JOIN sys.types AS y ON y.user_type_id = c.user_type_id "
        "JOIN sys.tables AS t ON t.object_id = c.object_id WHERE t.name = 'orders'"
    )
    types = {name: (str(CatalogType(*type_)), bool(null)) for name, *type_, null in found}
    assert types["id"] == ("bigint", False)
    assert types["price"] == ("decimal(18,4)", True)
    assert types["at"] == ("datetime2(6)", True)
    assert types["_lume_source_path"] == ("nvarchar(max)", False)
    described = ask(
        "SELECT c.name, p.value FROM sys.extended_properties AS p JOIN sys.columns AS c "
        "ON c.object_id = p.major_id AND c.column_id = p.minor_id "
        "JOIN sys.tables AS t ON t.object_id = c.object_id "
        "WHERE p.name = 'MS_Description' AND t.name = 'orders'"
    )
    assert sorted(described) == [("d", "it's"), ("items", "JSON"), ("nested", "JSON")]


def test_a_table_made_by_hand_is_taken_where_it_holds_the_same_values(warehouse, ask, tmp_path):
    ask("CREATE SCHEMA ops")
    ask(
        "CREATE TABLE ops.orders (id bigint NOT NULL, name nvarchar(50), "
        "_lume_run_id nvarchar(400) NOT NULL, _lume_source_path nvarchar(4000) NOT NULL, "
        "_lume_row bigint NOT NULL)"
    )
    warehouse.check(make_delivery(tmp_path, []))
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1, "name": "ż"}]))
    assert ask("SELECT name FROM ops.orders") == [("ż",)]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (CatalogType("varchar", 20, 0, 0), "varchar(20)"),
        (CatalogType("nchar", 20, 0, 0), "nchar(10)"),
        (CatalogType("varbinary", -1, 0, 0), "varbinary(max)"),
        (CatalogType("numeric", 9, 18, 4), "decimal(18,4)"),
        (CatalogType("datetime2", 8, 27, 7), "datetime2(6)"),
        (CatalogType("datetime2", 7, 23, 3), "datetime2(3)"),
        (CatalogType("int", 4, 10, 0), "int"),
    ],
)
def test_a_type_is_told_as_people_write_it(found, said):
    assert str(found) == said


def test_the_texts_of_a_key_share_the_bytes_of_an_index():
    keys = [Column(f"k{i}", "string") for i in range(5)]
    assert key_units(keys[:1], ["k0"]) == 400
    assert key_units(keys, [k.name for k in keys]) == 170
    assert key_units([*keys, Column("n", "integer")], ["k0", "k1", "k2", "n"]) == 280


def test_a_view_in_the_place_of_the_table_is_refused(warehouse, ask, tmp_path):
    ask("CREATE SCHEMA ops")
    ask("CREATE VIEW ops.orders AS SELECT 1 AS id")
    with pytest.raises(ConnectorError, match="ops.orders is a view, not a table"):
        warehouse.check(make_delivery(tmp_path, []))


def test_a_name_that_sql_server_cannot_keep_is_refused(warehouse, tmp_path):
    columns = (Column("id", "integer"), Column("ż" * 129, "string"))
    with pytest.raises(ConnectorError, match="129 characters long; SQL Server keeps 128"):
        warehouse.check(make_delivery(tmp_path, [], columns=columns))


def test_names_that_differ_in_case_are_one_name_where_the_database_says_so(tmp_path):
    columns = (Column("Id", "integer"), Column("id", "string"))
    delivery = make_delivery(tmp_path, [], columns=(Column("id", "integer"),))
    twins = replace(delivery, columns=columns)
    tables = Tables("m", "ops", "orders")
    refuse_names(twins, Place(tables, folds_case=False))
    with pytest.raises(ConnectorError, match="the fields 'Id' and 'id' for the same column"):
        refuse_names(twins, Place(tables, folds_case=True))


def test_a_table_spelled_in_another_case_is_the_one_that_the_catalog_takes_it_for(
    warehouse, ask, tmp_path
):
    """The catalog of Azure knows no case in a database whose texts do."""
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}], rejects=1))
    again = make_delivery(tmp_path, [{"id": 2}], table="ops.Orders", source_path="b", run_id="r")
    warehouse.check(again)
    warehouse.deliver(again)
    assert ask("SELECT id FROM ops.orders ORDER BY id") == [(1,), (2,)]
    with pytest.raises(ConnectorError, match="name is nvarchar"):
        warehouse.check(replace(again, columns=(Column("id", "integer"), Column("name", "date"))))


@contextmanager
def reader(sqlserver, ask, database):
    """A login that may read everything in the database and change nothing."""
    name = f"reader_{database}"
    ask(f"CREATE LOGIN [{name}] WITH PASSWORD = 'Only-reads-1'")
    ask(f"CREATE USER [{name}] FOR LOGIN [{name}]")
    ask(f"ALTER ROLE db_datareader ADD MEMBER [{name}]")
    changes = {"user": name, "password": "Only-reads-1"}
    try:
        yield SQLServerConnector(**{**sqlserver.config(database), **changes})
    finally:
        ask(f"DROP LOGIN [{name}]")


def test_missing_rights_are_named_before_anything_is_written(
    warehouse, sqlserver, sqlserver_database, ask, tmp_path
):
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}]))
    with reader(sqlserver, ask, sqlserver_database) as connector:
        lacks = r"lacks the right to CREATE TABLE.*ALTER on the schema ops, INSERT on the schema"
        with pytest.raises(ConnectorError, match=lacks):
            connector.check(make_delivery(tmp_path, []))
        with pytest.raises(ConnectorError, match="CREATE SCHEMA in the database"):
            connector.check(make_delivery(tmp_path, [], table="new.orders"))
        with pytest.raises(ConnectorError, match=r"permission.*denied.*\n.*ask the owner"):
            connector.deliver(make_delivery(tmp_path, [{"id": 2}]))
        assert "may create no table in" in "".join(connector.test())
    assert ask("SELECT id FROM ops.orders") == [(1,)]


def test_a_column_that_the_table_fills_itself_is_refused_before_anything_is_written(
    warehouse, ask, tmp_path
):
    ask("CREATE SCHEMA ops")
    ask(
        "CREATE TABLE ops.orders (id bigint IDENTITY(1,1) NOT NULL, name nvarchar(max) NULL, "
        "_lume_run_id nvarchar(400) NOT NULL, _lume_source_path nvarchar(4000) NOT NULL, "
        "_lume_row bigint NOT NULL)"
    )
    with pytest.raises(ConnectorError, match="different: id is computed by the table"):
        warehouse.check(make_delivery(tmp_path, [{"id": 1}]))

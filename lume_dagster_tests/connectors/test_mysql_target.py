"""What a MySQL target does beyond the suites: LOCAL forbidden, rights, locks, lost connections, exact keys."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from lume_dagster.connectors import MySQLConnector
from lume_dagster.connectors.mysql import send
from lume_dagster.connectors.protocol import Column, Target
from lume_dagster.errors import ConnectorError, TransientError
from lume_dagster.testing.deliveries import EVERY_TYPE, EVERY_VALUE, make_delivery

TEXT_KEY = (Column("key", "string"), Column("name", "string"))


@pytest.fixture
def warehouse(mysql_like, mysql_database):
    return MySQLConnector(**mysql_like.config(mysql_database))


@pytest.fixture
def hasty(warehouse):
    """The same, for who will wait in vain."""
    return warehouse.model_copy(update={"lock_timeout_seconds": 1})


@pytest.fixture
def ask(mysql_like, mysql_database):
    def asked(query, *values):
        with mysql_like.connect(mysql_database) as cursor:
            cursor.execute(query, values or None)
            return [list(row) for row in cursor.fetchall()]

    return asked


@pytest.fixture
def no_local_infile(ask):
    ask("SET GLOBAL local_infile = 0")
    yield
    ask("SET GLOBAL local_infile = 1")


def test_it_is_a_target(warehouse):
    assert isinstance(warehouse, Target)


def test_where_local_is_forbidden_rows_are_inserted_just_the_same_and_it_is_said_once(
    warehouse, ask, tmp_path, no_local_infile, caplog
):
    send._TOLD.clear()
    columns = (*EVERY_TYPE, Column("real", "number"))
    rows = [{**row, "real": 0.1} for row in EVERY_VALUE]
    delivery = make_delivery(tmp_path, rows, columns=columns, rejects=2)
    with caplog.at_level(logging.WARNING):
        assert warehouse.deliver(delivery).mapped_rows == 4
        assert warehouse.deliver(delivery).rejects_rows == 2
    assert [r.message.count("forbids LOAD DATA LOCAL") for r in caplog.records] == [1]
    inserted = ask("SELECT * FROM ops.orders ORDER BY id"), ask("SELECT * FROM ops.orders_rejects")
    assert "Rows are written by INSERT." in list(warehouse.test())
    ask("SET GLOBAL local_infile = 1")
    warehouse.deliver(delivery)
    loaded = ask("SELECT * FROM ops.orders ORDER BY id"), ask("SELECT * FROM ops.orders_rejects")
    assert inserted == loaded


@pytest.mark.parametrize("local_infile", [True, False])
def test_mariadb_keeps_no_sign_of_zero_and_mysql_does(
    warehouse, mysql_like, ask, tmp_path, local_infile
):
    columns = (Column("id", "integer"), Column("ratio", "number"))
    rows = [{"id": 1, "ratio": -0.0}, {"id": 2, "ratio": -5e-324}]
    delivery = make_delivery(tmp_path, rows, columns=columns)
    warehouse.model_copy(update={"local_infile": local_infile}).deliver(delivery)
    zero = "0.0" if mysql_like.ca is None else "-0.0"
    found = [str(ratio) for (ratio,) in ask("SELECT ratio FROM ops.orders ORDER BY id")]
    assert found == [zero, "-5e-324"]


def test_a_connector_without_local_infile_does_not_try(
    mysql_like, mysql_database, ask, tmp_path, caplog
):
    warehouse = MySQLConnector(**mysql_like.config(mysql_database), local_infile=False)
    rows = [{"id": i, "name": f"x'{i}\\"} for i in range(30_000)]
    assert warehouse.deliver(make_delivery(tmp_path, rows)).mapped_rows == 30_000
    assert ask("SELECT COUNT(*), COUNT(DISTINCT name), MAX(id) FROM ops.orders") == [
        [30_000, 30_000, 29_999]
    ]
    assert not caplog.records


@pytest.mark.parametrize("local_infile", [True, False])
def test_what_the_server_would_change_is_refused_and_nothing_is_written(
    mysql_like, mysql_database, ask, tmp_path, local_infile
):
    warehouse = MySQLConnector(**mysql_like.config(mysql_database), local_infile=local_infile)
    columns = (Column("id", "integer"), Column("ratio", "number"))
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1, "ratio": 1.5}], columns=columns))
    bad = make_delivery(
        tmp_path, [{"id": 2, "ratio": 2.5}, {"id": 3, "ratio": float("nan")}], columns=columns
    )
    with pytest.raises(ConnectorError, match=r"(?i)truncated|incorrect") as caught:
        warehouse.deliver(bad)
    assert not isinstance(caught.value, TransientError)
    assert ask("SELECT id FROM ops.orders") == [[1]]


def test_a_field_that_may_not_be_null_is_a_sentence(warehouse, ask, tmp_path):
    delivery = make_delivery(tmp_path, [{"id": None}], columns=(Column("id", "integer"),))
    required = replace(delivery, columns=(Column("id", "integer", nullable=False),))
    with pytest.raises(ConnectorError, match=r"'id'.*\n.*nothing was written"):
        warehouse.deliver(required)
    assert ask("SELECT COUNT(*) FROM ops.orders") == [[0]]


def test_a_unique_index_that_the_batch_breaks_is_a_sentence(warehouse, ask, tmp_path):
    warehouse.deliver(make_delivery(tmp_path, []))
    ask("CREATE UNIQUE INDEX one_of_each ON ops.orders (id)")
    with pytest.raises(ConnectorError, match=r"of 2 rows 1 would be written.*Duplicate entry"):
        warehouse.deliver(make_delivery(tmp_path, [{"id": 1}, {"id": 1}]))
    assert ask("SELECT COUNT(*) FROM ops.orders") == [[0]]


def test_keys_are_equal_only_to_the_byte(warehouse, ask, tmp_path):
    keys = ["a", "A", "a ", "ä", "a\u0308", "", None, "x" * 3000, "x" * 2999 + "y"]
    rows = [{"id": n, "name": key} for n, key in enumerate(keys)]
    delivery = make_delivery(tmp_path, rows, mode="merge", key=("name",))
    assert warehouse.deliver(delivery).mapped_rows == len(keys)
    again = make_delivery(
        tmp_path,
        [{"id": 90, "name": "a"}, {"id": 91, "name": None}],
        mode="merge",
        key=("name",),
        source_path="b",
        run_id="run_2",
    )
    warehouse.deliver(again)
    assert sorted(row[0] for row in ask("SELECT id FROM ops.orders")) == [
        1,
        2,
        3,
        4,
        5,
        7,
        8,
        90,
        91,
    ]


def test_a_merge_into_a_table_of_another_collation_takes_away_no_other_key(
    warehouse, ask, tmp_path
):
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1, "name": "a"}, {"id": 2, "name": "A"}]))
    ask("ALTER TABLE ops.orders CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    warehouse.deliver(
        make_delivery(
            tmp_path, [{"id": 3, "name": "a"}], mode="merge", key=("name",), source_path="b"
        )
    )
    assert sorted(ask("SELECT id, name FROM ops.orders")) == [[2, "A"], [3, "a"]]


def test_batches_are_told_apart_to_the_byte_whatever_their_length(warehouse, ask, tmp_path):
    long = "ż" * 1999
    paths = ["a", "A", "a ", f"{long}a", f"{long}b"]
    for number, path in enumerate(paths):
        warehouse.deliver(make_delivery(tmp_path, [{"id": number}], source_path=path, run_id="run"))
    warehouse.deliver(make_delivery(tmp_path, [], source_path="a", run_id="run"))
    warehouse.deliver(make_delivery(tmp_path, [], source_path=f"{long}b", run_id="run"))
    assert sorted(ask("SELECT id FROM ops.orders")) == [[1], [2], [3]]


def test_batches_of_a_table_of_another_collation_are_told_apart_to_the_byte(
    warehouse, ask, tmp_path
):
    warehouse.deliver(make_delivery(tmp_path, [{"id": 0}]))
    ask("ALTER TABLE ops.orders CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    for number, path in enumerate(["a", "A", "a "]):
        warehouse.deliver(make_delivery(tmp_path, [{"id": number}], source_path=path, run_id="run"))
    warehouse.deliver(make_delivery(tmp_path, [], source_path="a", run_id="run"))
    assert sorted(ask("SELECT id, _lume_source_path FROM ops.orders WHERE id > 0")) == [
        [1, "A"],
        [2, "a "],
    ]


def test_a_column_that_the_table_computes_is_refused_before_anything_is_written(
    warehouse, ask, tmp_path
):
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}]))
    ask("ALTER TABLE ops.orders DROP COLUMN name")
    ask("ALTER TABLE ops.orders ADD name longtext GENERATED ALWAYS AS ('x') VIRTUAL")
    with pytest.raises(ConnectorError, match="different: name is computed by the table"):
        warehouse.check(make_delivery(tmp_path, [{"id": 2}]))


def test_a_zero_in_a_column_that_counts_stays_a_zero(warehouse, ask, tmp_path):
    warehouse.deliver(make_delivery(tmp_path, [{"id": 5}]))
    ask("ALTER TABLE ops.orders MODIFY id bigint NOT NULL AUTO_INCREMENT, ADD UNIQUE (id)")
    warehouse.deliver(make_delivery(tmp_path, [{"id": 0}, {"id": 7}], source_path="b"))
    assert sorted(ask("SELECT id FROM ops.orders")) == [[0], [5], [7]]


def test_a_table_too_wide_for_a_row_is_answered_with_what_to_do(mysql, tmp_path):
    names = [f"c{number}" for number in range(300)]
    columns = (Column("id", "integer"), *(Column(name, "string") for name in names))
    with mysql.new_database() as database:
        warehouse = MySQLConnector(**mysql.config(database))
        with pytest.raises(ConnectorError, match=r"\(1118\)\n.*197 columns of text"):
            warehouse.deliver(make_delivery(tmp_path, [], columns=columns))


def test_columns_have_types_comments_and_not_null(warehouse, ask, tmp_path):
    said = Column("d", "string", True, "it's \\ a `b`; --")
    warehouse.deliver(make_delivery(tmp_path, [], columns=(*EVERY_TYPE, said)))
    rows = ask(
        "SELECT column_name, data_type, is_nullable, column_comment FROM information_schema.columns "
        "WHERE table_schema = 'ops' AND table_name = 'orders'"
    )
    assert ["id", "bigint", "NO", ""] in rows
    assert ["price", "decimal", "YES", ""] in rows
    assert ["at", "datetime", "YES", ""] in rows
    assert ["d", "longtext", "YES", "it's \\ a `b`; --"] in rows


def test_a_nul_character_is_kept(warehouse, ask, tmp_path):
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1, "name": "a\0b"}], rejects=1))
    assert ask("SELECT name FROM ops.orders") == [["a\0b"]]
    assert "x\\u0000'" in ask("SELECT original FROM ops.orders_rejects")[0][0]


@pytest.mark.parametrize(
    "made", ["TABLE ops.orders (id bigint) ENGINE = MyISAM", "VIEW ops.orders AS SELECT 1 AS id"]
)
def test_what_has_no_transactions_is_refused(warehouse, ask, tmp_path, made):
    ask("CREATE DATABASE ops")
    ask(f"CREATE {made}")
    with pytest.raises(ConnectorError, match="is (a view|kept by the engine MyISAM)"):
        warehouse.check(make_delivery(tmp_path, []))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"columns": (Column("id", "integer"), Column("ż" * 65, "string"))}, "65 characters long"),
        ({"table": "x" * 60}, "68 characters long; MySQL keeps 64"),
        ({"table": "ops.🎈"}, "cannot keep the name '🎈_rejects': it holds '🎈'"),
        ({"columns": (Column("id", "integer"), Column("a🎈", "string"))}, "the name 'a🎈'"),
        (
            {"columns": (Column("Name", "string"), Column("name", "string"))},
            "MySQL takes the fields 'Name' and 'name' for the same column",
        ),
        ({"table": "a.b.c"}, "in MySQL a schema is a database"),
    ],
)
def test_a_name_that_mysql_cannot_keep_is_refused(warehouse, tmp_path, changes, said):
    with pytest.raises(ConnectorError, match=said):
        warehouse.check(make_delivery(tmp_path, [], **changes))


def test_a_table_without_a_database_needs_one(mysql_like, tmp_path):
    nowhere = MySQLConnector(**mysql_like.config())
    with pytest.raises(ConnectorError, match=r"'orders' is in no database.*\n.*give the connector"):
        nowhere.check(make_delivery(tmp_path, [], table="orders"))


def test_missing_rights_are_named_before_anything_is_written(
    warehouse, mysql_like, mysql_database, ask, tmp_path
):
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}]))
    user = mysql_database[:20]
    ask(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'p'")
    try:
        ask(f"GRANT SELECT ON ops.* TO '{user}'@'%'")
        reader = MySQLConnector(**{**mysql_like.config(), "user": user, "password": "p"})
        with pytest.raises(
            ConnectorError, match=f"{user}@% lacks the right to INSERT on ops.orders, UPDATE on"
        ):
            reader.check(make_delivery(tmp_path, []))
        with pytest.raises(ConnectorError, match="CREATE tables in the database new"):
            reader.check(make_delivery(tmp_path, [], table="new.orders"))
        with pytest.raises(ConnectorError, match=r"denied.*\n.*GRANT it"):
            reader.deliver(make_delivery(tmp_path, [{"id": 2}]))
    finally:
        ask(f"DROP USER '{user}'@'%'")
    assert ask("SELECT id FROM ops.orders") == [[1]]


def test_a_server_that_may_only_be_read_is_no_target(
    warehouse, mysql_like, mysql_database, ask, tmp_path
):
    warehouse.deliver(make_delivery(tmp_path, []))
    user = mysql_database[:20]
    ask(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'p'")
    ask(f"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON *.* TO '{user}'@'%'")
    writer = MySQLConnector(**{**mysql_like.config(), "user": user, "password": "p"})
    ask("SET GLOBAL read_only = 1")
    try:
        for table in ("ops.orders", "not_there_yet.orders"):
            with pytest.raises(ConnectorError, match=r"--read-only.*\n.*use the primary"):
                writer.check(make_delivery(tmp_path, [], table=table))
    finally:
        ask("SET GLOBAL read_only = 0")
        ask(f"DROP USER '{user}'@'%'")


@pytest.mark.parametrize("step", ["cleared", "staged", "before_commit"])
def test_a_connection_that_the_server_ends_is_a_transient_error_and_nothing_is_written(
    warehouse, ask, tmp_path, step, mysql_like, mysql_database
):
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}]))
    delivery = make_delivery(tmp_path, [{"id": 2}], run_id="run_2")

    def checkpoint(reached):
        if reached == step:
            assert mysql_like.end_sessions(mysql_database)

    with pytest.raises(TransientError, match="MySQL at"):
        warehouse.deliver(delivery, checkpoint)
    assert ask("SELECT id FROM ops.orders") == [[1]]
    assert warehouse.deliver(delivery).mapped_rows == 1


def test_a_row_that_another_holds_is_a_transient_error(warehouse, hasty, mysql_like, tmp_path):
    delivery = make_delivery(tmp_path, [{"id": 1}])
    warehouse.deliver(delivery)
    with mysql_like.connect("ops", autocommit=False) as cursor:
        cursor.execute("SELECT * FROM orders FOR UPDATE")
        with pytest.raises(TransientError, match=r"Lock wait timeout.*\n.*lock_timeout_seconds"):
            hasty.deliver(delivery)


def test_batches_of_one_table_load_side_by_side(warehouse, tmp_path):
    """The second delivery ends while the first is in the middle of its transaction."""
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}], source_path="a"))
    other = make_delivery(tmp_path, [{"id": 2}], source_path="b", run_id="run_2")
    inner = []

    def meanwhile(step):
        if step == "staged":
            inner.append(warehouse.deliver(other).mapped_rows)

    warehouse.deliver(
        make_delivery(tmp_path, [{"id": 1}], source_path="a", run_id="run_9"), meanwhile
    )
    assert inner == [1]


@pytest.mark.parametrize(
    ("outer", "inner"),
    [("replace_batch", "replace_batch"), ("merge", "merge"), ("replace", "append")],
)
def test_deliveries_that_would_disturb_each_other_wait(
    warehouse, hasty, ask, tmp_path, outer, inner
):
    warehouse.deliver(make_delivery(tmp_path, []))
    delivery = make_delivery(tmp_path, [{"id": 1}], mode=outer)
    path = delivery.source_path if outer == "replace_batch" else "other"

    def meanwhile(step):
        if step == "staged":
            hasty.deliver(replace(delivery, run_id="run_2", mode=inner, source_path=path))

    with pytest.raises(TransientError, match="Another delivery holds|Lock wait timeout"):
        warehouse.deliver(delivery, meanwhile)
    assert ask("SELECT COUNT(*) FROM ops.orders") == [[0]]

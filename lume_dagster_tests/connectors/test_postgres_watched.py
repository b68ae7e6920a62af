"""Triggers and rules of a table's owner never make a batch there twice, or half, without a word."""

from __future__ import annotations

import pytest

from lume_dagster.connectors import PostgresConnector
from lume_dagster.errors import ConnectorError
from lume_dagster.testing.deliveries import make_delivery

#: How an owner keeps rows: what a function of theirs does, or a rule that is older than triggers.
KEPT_BY = {
    "a trigger": [
        "CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER t BEFORE DELETE ON {0} FOR EACH ROW EXECUTE FUNCTION kept()",
    ],
    "a rule": ["CREATE RULE kept AS ON DELETE TO {0} DO INSTEAD NOTHING"],
}


@pytest.fixture
def warehouse(postgres, postgres_database):
    return PostgresConnector(**postgres.config(postgres_database))


@pytest.fixture
def ask(postgres, postgres_database):
    def asked(query):
        with postgres.connect(postgres_database) as cursor:
            cursor.execute(query)
            return [list(row) for row in cursor.fetchall()] if cursor.description else []

    return asked


@pytest.mark.parametrize("mode", ["replace_batch", "merge"])
def test_a_trigger_that_leaves_out_rows_is_noticed_and_nothing_is_written(
    warehouse, ask, tmp_path, mode
):
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}], mode=mode))
    ask(
        "CREATE FUNCTION left_out() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RETURN CASE WHEN NEW.id = 2 THEN NULL ELSE NEW END; END'"
    )
    ask("CREATE TRIGGER t BEFORE INSERT ON ops.orders FOR EACH ROW EXECUTE FUNCTION left_out()")
    batch = make_delivery(tmp_path, [{"id": 2}, {"id": 3}], mode=mode, source_path="b")
    with pytest.raises(ConnectorError, match="of 2 rows of the batch the table would hold 1"):
        warehouse.deliver(batch)
    assert ask("SELECT id FROM ops.orders") == [[1]]
    whole = make_delivery(tmp_path, [{"id": 3}], mode=mode, source_path="b")
    assert warehouse.deliver(whole).mapped_rows == 1


@pytest.mark.parametrize("kept_by", KEPT_BY)
@pytest.mark.parametrize("mode", ["replace_batch", "append", "merge", "replace"])
def test_rows_that_the_owner_keeps_are_noticed_and_nothing_is_written(
    warehouse, ask, tmp_path, mode, kept_by
):
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}], mode=mode))
    for statement in KEPT_BY[kept_by]:
        ask(statement.format("ops.orders"))
    again = make_delivery(tmp_path, [{"id": 1}], mode=mode, run_id="run_2")
    with pytest.raises(ConnectorError, match="orders changes .*: 1 rows that the batch replaces"):
        warehouse.deliver(again)
    assert ask("SELECT id, _lume_run_id FROM ops.orders") == [[1, "run_1"]]


def test_rejects_that_the_owner_keeps_are_noticed_too(warehouse, ask, tmp_path):
    warehouse.deliver(make_delivery(tmp_path, [], rejects=2))
    for statement in KEPT_BY["a trigger"]:
        ask(statement.format("ops.orders_rejects"))
    with pytest.raises(ConnectorError, match="orders_rejects changes .*: 2 rows that"):
        warehouse.deliver(make_delivery(tmp_path, [], rejects=1, run_id="run_2"))
    assert ask("SELECT count(*) FROM ops.orders_rejects") == [[2]]


@pytest.mark.parametrize("mode", ["replace_batch", "append", "merge", "replace"])
def test_a_trigger_that_only_looks_is_no_hindrance(warehouse, ask, tmp_path, mode):
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}], mode=mode, rejects=1))
    ask(
        "CREATE FUNCTION looks() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RETURN COALESCE(NEW, OLD); END'"
    )
    for event in ("INSERT", "DELETE"):
        ask(
            f"CREATE TRIGGER on_{event} BEFORE {event} ON ops.orders "
            "FOR EACH ROW EXECUTE FUNCTION looks()"
        )
    again = make_delivery(tmp_path, [{"id": 1}], mode=mode, rejects=1, run_id="run_2")
    warehouse.deliver(again)
    warehouse.deliver(again)
    assert ask("SELECT id, _lume_run_id FROM ops.orders") == [[1, "run_2"]]


def test_a_trigger_of_a_part_of_a_part_is_seen(warehouse, ask, tmp_path):
    warehouse.deliver(make_delivery(tmp_path, []))
    ask("DROP TABLE ops.orders")
    ask(
        "CREATE TABLE ops.orders (id bigint NOT NULL, name text, _lume_run_id text NOT NULL, "
        "_lume_source_path text NOT NULL, _lume_row bigint NOT NULL) PARTITION BY RANGE (id)"
    )
    span = "FOR VALUES FROM (0) TO (10)"
    ask(f"CREATE TABLE ops.part PARTITION OF ops.orders {span} PARTITION BY RANGE (id)")
    ask(f"CREATE TABLE ops.part_of_part PARTITION OF ops.part {span}")
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}]))
    for statement in KEPT_BY["a trigger"]:
        ask(statement.format("ops.part_of_part"))
    with pytest.raises(ConnectorError, match="1 rows that the batch replaces would stay"):
        warehouse.deliver(make_delivery(tmp_path, [{"id": 2}], run_id="run_2"))

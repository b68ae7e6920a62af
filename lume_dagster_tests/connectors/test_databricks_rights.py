"""Rights that are missing on Databricks are told before anything is written, and only those."""

from __future__ import annotations

import pytest

from lume_dagster.connectors import DatabricksConnector
from lume_dagster.errors import ConnectorError
from lume_dagster.testing.deliveries import make_delivery

TABLES = ("orders", "orders_rejects", "_lume_batches")


@pytest.fixture
def lake(faulty):
    """A connector as a user whose name a test can say."""
    return DatabricksConnector(**faulty.config())


@pytest.fixture
def user(faulty):
    return faulty.run("SELECT current_user()")[0][0]


def granted(who, *rights, tables=TABLES):
    return [["ops", table, who, right] for table in tables for right in rights]


def owned(who, tables=TABLES):
    return [["ops", table, who, "OWN"] for table in tables]


def schema(who, *rights):
    return [["ops", "ops", who, right] for right in rights]


@pytest.fixture
def delivery(tmp_path, lake):
    """A batch for tables that are there."""
    made = make_delivery(tmp_path, [{"id": 1, "name": "a"}])
    lake.deliver(made)
    return made


def test_rights_on_tables_that_are_lacking_are_named(faulty, lake, user, delivery):
    rows = granted(user, "SELECT", "MODIFY", tables=TABLES[:1])
    rows += granted(user, "SELECT", tables=TABLES[1:])
    faulty.ask({"rights": {"table_privileges": rows, "tables": owned("somebody")}})
    with pytest.raises(ConnectorError, match="lacks the right") as told:
        lake.check(delivery)
    lacking = "MODIFY on main.ops.orders_rejects, MODIFY on main.ops._lume_batches"
    assert f"The user {user} lacks the right to {lacking}." in str(told.value)
    assert f"have the owner GRANT it to {user}" in str(told.value)


@pytest.mark.parametrize(
    "rights",
    [
        lambda user: {"table_privileges": granted(user, "SELECT", "MODIFY")},
        lambda user: {"table_privileges": granted(user, "ALL_PRIVILEGES")},
        lambda user: {"table_privileges": granted(user, "SELECT"), "tables": owned(user)},
        lambda _: {"table_privileges": granted("loaders", "SELECT", "MODIFY")},
        lambda _: {"table_privileges": granted("account users", "SELECT", "MODIFY")},
        lambda _: {"table_privileges": granted("ana", "SELECT"), "tables": owned("loaders")},
        # Who sees the grants of others manages the thing: what is listed is not all that may be.
        lambda user: {"table_privileges": granted(user, "SELECT") + granted("ana", "SELECT")},
        lambda _: {"tables": owned("somebody")},
    ],
    ids=["granted", "all", "owner", "group", "everybody", "group owns", "manages", "untold"],
)
def test_who_may_write_or_might_is_not_refused(faulty, lake, user, delivery, rights):
    faulty.ask({"rights": rights(user), "groups": ["loaders", "o'hare's"]})
    lake.check(delivery)


def test_a_schema_in_which_no_table_may_be_made_is_named(faulty, lake, user, tmp_path):
    faulty.run("CREATE SCHEMA IF NOT EXISTS ops")
    delivery = make_delivery(tmp_path, [])
    faulty.ask({"rights": {"schema_privileges": schema(user, "USE SCHEMA", "SELECT")}})
    with pytest.raises(ConnectorError, match=r"right to CREATE TABLE on the schema main\.ops\."):
        lake.check(delivery)
    faulty.ask({"rights": {"schema_privileges": schema(user, "USE SCHEMA", "CREATE_TABLE")}})
    lake.check(delivery)


def test_without_an_information_schema_nothing_is_refused(lake, delivery):
    lake.check(delivery)

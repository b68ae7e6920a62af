"""What tables that go together, and names that stand in several of them, say of a pair."""

from __future__ import annotations

import numpy as np

from lume_dagster.mapper.embedding import load_embedding
from lume_dagster.mapper.match.column import Column
from lume_dagster.mapper.match.core import default_maker, match_columns
from lume_dagster.mapper.match.tables import table_affinity


def tables(**columns: str) -> list[Column]:
    return [
        Column(path=f"{table}.{name}", name=name, table=table)
        for table, names in columns.items()
        for name in names.split()
    ]


SOURCE = tables(stays="who ref began", bills="who ref sum", notes="who text")
TARGET = tables(
    visit="person_id visit_id start", cost="person_id visit_id total", remark="person_id body"
)


def affinity(source, target):
    base = np.zeros((len(source), len(target)), dtype=np.float32)
    return table_affinity(source, target, base, load_embedding())


def test_a_name_that_stands_in_as_many_tables_is_nearer():
    spread = affinity(SOURCE, TARGET)["table_spread"]
    assert spread[0, 0] == 0  # in three tables each
    assert spread[0, 0] > spread[0, 1] > spread[0, 2]
    assert spread[2, 2] == 0  # in one each


def test_of_a_single_table_nothing_is_told():
    assert affinity(tables(stays="who ref"), TARGET) == {}


def test_a_key_goes_to_the_key_of_the_table_that_goes_with_its_own():
    source = tables(customers="customer_id name", orders="order_id customer_id total")
    target = tables(client="client_id full_name", purchase="purchase_id client_id amount")
    matches = match_columns(source, target, default_maker())
    likeliest = {one.field: one.column or one.alternatives[0].column for one in matches}
    assert likeliest["client.client_id"] == "customers.customer_id"
    assert likeliest["purchase.client_id"] == "orders.customer_id"

"""The columns a flow needs are known without a batch."""

from __future__ import annotations

import pytest

from lume_dagster.plan.used_columns import missing_columns, used_columns
from lume_dagster_tests.plan.mapping import flow_of

TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("expression", "columns"),
    [
        ("trim(a) || b || a", ("a", "b")),
        ('"two words"', ("two words",)),
        ("a.b.c", ("a",)),
        ("source.a || target.b", ("a",)),
        ("'text'", ()),
        ("CASE WHEN a IS NULL THEN b ELSE a END", ("a", "b")),
    ],
)
def test_names_of_columns_are_found_and_others_are_not(expression, columns):
    assert used_columns(flow_of({"y": TEXT}, {"y": expression})) == columns


def test_the_item_of_a_list_is_no_column_and_what_stands_beside_it_is():
    items = {"type": "array", "items": {"type": "object", "properties": {"s": TEXT, "t": TEXT}}}
    node = {"each": "lines", "as": "line", "item": {"s": "line.sku", "t": "currency"}}
    assert used_columns(flow_of({"y": items}, {"y": node})) == ("lines", "currency")


def test_rules_need_columns_too():
    flow = flow_of({"y": TEXT}, {"y": "a"}, rules=[{"name": "r", "check": "b > 'x'"}])
    assert used_columns(flow) == ("a", "b")


def test_what_a_batch_lacks_is_told_by_the_rules_of_names():
    flow = flow_of({"y": TEXT}, {"y": "a || B || c"})
    assert missing_columns(flow, ("A", "b")) == ("c",)
    source = flow.source.model_copy(update={"also_called": {"c": ("C.",)}})
    assert missing_columns(flow.model_copy(update={"source": source}), ("a", "b", "c.")) == ()

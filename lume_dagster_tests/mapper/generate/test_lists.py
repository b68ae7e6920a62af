"""Lists within the source: lists of the target made from them, and figures over their items."""

from __future__ import annotations

import pytest

from lume_dagster.flows.flow_file import parse
from lume_dagster.flows.schema import TargetSchema
from lume_dagster.flows.yaml_text import write_yaml
from lume_dagster.mapper.lineage import lineage_of
from lume_dagster.mapper.nodes import complete
from lume_dagster.mapper.proposal import Verdict
from lume_dagster_tests.mapper.generate.test_generate import TEXT, by_path, draft_of
from lume_dagster_tests.mapper.samples import sample_of

WHOLE, NUMBER = {"type": "integer"}, {"type": "number"}
LINE = {
    "type": "object",
    "properties": {"sku": TEXT, "quantity": WHOLE, "unit_price": NUMBER},
}
LINES = {"type": "array", "items": LINE}


def order(n, mark="."):
    items = [
        {"article": f"A-{n}{k}", "qty": k + n % 3, "price": f"{n}{mark}{k}0"} for k in range(1, 3)
    ]
    return {"id": n, "items": items}


ORDERS = [order(n) for n in range(1, 30)]
MADE = {
    "each": "items",
    "item": {"sku": "item.article", "quantity": "item.qty", "unit_price": "item.price"},
}


@pytest.mark.parametrize("name", ["lines", "order_lines", "positions", "line_items"])
def test_a_list_of_objects_is_made_from_a_list_of_another_name(tmp_path, name):
    draft = draft_of(sample_of(tmp_path, ORDERS), tmp_path, {"order_id": WHOLE, name: LINES})
    assert draft.mapping == {"order_id": "id", name: MADE}
    assert draft.unused == ()


def test_what_surrounds_a_list_says_nothing_of_its_items(tmp_path):
    records = [{**o, "article": "x", "kind": "y", "amount": "9.99"} for o in ORDERS]
    draft = draft_of(sample_of(tmp_path, records), tmp_path, {"lines": LINES})
    assert draft.mapping == {"lines": MADE}


def test_a_list_inside_a_list_is_made_from_one_inside(tmp_path):
    records = [{"orders": [{"no": o["id"], "items": o["items"]}]} for o in ORDERS]
    inner = {"type": "object", "properties": {"order_no": WHOLE, "lines": LINES}}
    draft = draft_of(
        sample_of(tmp_path, records), tmp_path, {"orders": {"type": "array", "items": inner}}
    )
    each = {**MADE, "each": "item.items"}
    assert draft.mapping == {
        "orders": {"each": "orders", "item": {"order_no": "item.no", "lines": each}}
    }


def test_the_last_column_of_the_items_may_be_the_last_field_but_never_surely(tmp_path):
    records = [{"items": [{"zq": "A-1", "quantity": 2, "price": "1.5"}] * 2} for _ in range(20)]
    described = {**LINE["properties"], "sku": {**TEXT, "description": "article number"}}
    schema = {"type": "array", "items": {"type": "object", "properties": described}}
    draft = draft_of(sample_of(tmp_path, records), tmp_path, {"items": schema})
    sku = by_path(draft)["items[].sku"]
    assert sku.verdict is not Verdict.AUTO


@pytest.mark.parametrize(
    ("source", "fields", "made"),
    [
        ("product_ids", {"id": TEXT}, "id"),
        ("product_ids", {"product_id": TEXT, "quantity": WHOLE}, "product_id"),
        ("categories", {"note": TEXT, "category": TEXT}, "category"),
    ],
)
def test_items_of_a_list_of_plain_values_are_proposed_for_review(tmp_path, source, fields, made):
    records = [{"order_no": n, source: [f"P{n}", f"P{n + 1}"]} for n in range(20)]
    inner = {"type": "array", "items": {"type": "object", "properties": fields}}
    draft = draft_of(sample_of(tmp_path, records), tmp_path, {source.removesuffix("_ids"): inner})
    proposal = next(p for p in draft.proposals if p.path.endswith(f"[].{made}"))
    assert (proposal.verdict, proposal.expression) == (Verdict.REVIEW, "item")
    assert f"Each value of {source}, a list of plain values, may be" in proposal.reasons[0]
    assert {"each": source, "item": {made: "item"}} in draft.mapping.values()


def test_where_several_fields_may_be_meant_by_plain_values_that_is_said(tmp_path):
    records = [{"tags": ["red", "big"]} for _ in range(20)]
    inner = {"type": "object", "properties": {"label": TEXT, "kind": TEXT}}
    draft = draft_of(
        sample_of(tmp_path, records), tmp_path, {"tags": {"type": "array", "items": inner}}
    )
    tags = by_path(draft)["tags"]
    assert tags.verdict is Verdict.ABSTAIN
    assert "Its values are plain; which field" in tags.reasons[0]


def test_a_list_of_which_nothing_is_made_is_left_to_a_person(tmp_path):
    records = [{"payments": [{"xq": "card", "zz": 5.5}]} for _ in range(10)]
    inner = {"type": "object", "properties": {"colour": TEXT, "born": {**TEXT, "format": "date"}}}
    draft = draft_of(
        sample_of(tmp_path, records), tmp_path, {"payments": {"type": "array", "items": inner}}
    )
    payments = by_path(draft)["payments"]
    assert (payments.verdict, payments.expression) == (Verdict.ABSTAIN, None)
    assert "none of its fields is" in payments.reasons[0]
    assert draft.mapping == {}


FIGURES = {
    "item_count": (WHOLE, "count_of(items)"),
    "number_of_items": (WHOLE, "count_of(items)"),
    "n_items": (WHOLE, "count_of(items)"),
    "line_count": (WHOLE, "count_of(items)"),
    "total_quantity": (WHOLE, "sum_of(items, item.qty)"),
    "sum_qty": (NUMBER, "sum_of(items, item.qty)"),
    "max_price": (NUMBER, "max_of(items, item.price::DOUBLE)"),
    "lowest_price": (NUMBER, "min_of(items, item.price::DOUBLE)"),
    "first_article": (TEXT, "first_of(items, item.article)"),
    "articles": (TEXT, "join_of(items, ', ', item.article)"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_name_that_asks_for_a_figure_gets_it_for_review(tmp_path, name):
    kind, expression = FIGURES[name]
    made = by_path(draft_of(sample_of(tmp_path, ORDERS), tmp_path, {name: kind}))[name]
    assert (made.expression, made.verdict, made.kind) == (expression, Verdict.REVIEW, "figure")
    assert made.shown[0].after is not None


@pytest.mark.parametrize("name", ["account_count", "count", "total", "total_tax", "max_speed"])
def test_a_figure_of_something_else_is_not_made_up(tmp_path, name):
    made = by_path(draft_of(sample_of(tmp_path, ORDERS), tmp_path, {name: NUMBER}))[name]
    assert made.expression is None


def test_a_column_of_the_row_goes_before_a_figure(tmp_path):
    records = [{**o, "total_quantity": 3} for o in ORDERS]
    made = by_path(draft_of(sample_of(tmp_path, records), tmp_path, {"total_quantity": WHOLE}))
    assert made["total_quantity"].expression == "total_quantity"


def test_what_adds_up_is_converted_first(tmp_path):
    sample = sample_of(tmp_path, [order(n, mark=",") for n in range(1, 30)])
    made = by_path(draft_of(sample, tmp_path, {"total_price": NUMBER}))["total_price"]
    assert made.expression == "sum_of(items, parse_number(item.price, ','))"
    assert made.shown[0].after == "2.3"


def test_numbers_with_the_noise_of_binary_fractions_add_up_too(tmp_path):
    records = [{"items": [{"price": 0.1 + 0.2}, {"price": n / 3}]} for n in range(1, 9)]
    made = by_path(draft_of(sample_of(tmp_path, records), tmp_path, {"total_price": NUMBER}))
    assert made["total_price"].expression == "sum_of(items, item.price::DOUBLE)"
    assert all(row.error is None for row in made["total_price"].shown)


def test_the_mapping_of_a_list_makes_a_flow_that_loads(tmp_path):
    properties = {"order_id": WHOLE, "lines": LINES, "item_count": WHOLE}
    schema = {"type": "object", "properties": properties}
    draft = draft_of(sample_of(tmp_path, ORDERS), tmp_path, properties)
    mapping = complete(draft.mapping, TargetSchema.parse(schema))
    head = {"lume": 1, "flow": "f", "source": {"connector": "s"}}
    target = {"connector": "t", "table": "t"}
    flow = parse(write_yaml({**head, "target": target, "schema": schema, "mapping": mapping}))
    assert flow.mapping["item_count"] == "count_of(items)"


def test_the_lineage_of_a_figure_is_in_the_items():
    assert lineage_of("sum_of(items, item.qty)", "x").sources == ("items", "items[].qty")
    inside = lineage_of("sum_of(line.parts, item.n)", "x", (("line", "lines"),))
    assert inside.sources == ("lines[].parts", "lines[].parts[].n")

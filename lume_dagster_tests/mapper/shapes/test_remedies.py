"""Values that are written otherwise: the expressions that read them, tried, and put into a flow."""

from __future__ import annotations

import pytest

from lume_dagster.flows.flow_file import parse
from lume_dagster.mapper.shapes.kept import shape_changes, shapes_of
from lume_dagster.mapper.shapes.remedies import remedies, with_remedies
from lume_dagster_tests.mapper.samples import sample_of, settings_of
from lume_dagster_tests.mapper.shapes.test_shapes import (
    AMOUNTS,
    DAY_FIRST,
    ISO,
    MONTH_FIRST,
    POINTS,
)


def flow_of(expression, schema):
    import json

    return parse(f"""\
lume: 1
flow: orders
source: {{connector: landing}}
target: {{connector: warehouse, table: orders}}
schema: {{type: object, properties: {{y: {json.dumps(schema)}, z: {{type: string}}}}}}
mapping: {{y: {json.dumps(expression)}, z: "'x'"}}
""")


def found(folder, expression, schema, before, now):
    """The remedies for a column ``x`` that is written otherwise now."""
    flow = flow_of(expression, schema)
    shapes = shapes_of(flow, sample_of(folder, [{"x": value} for value in before]))
    sample = sample_of(folder, [{"x": value} for value in now])
    told = remedies(flow, shape_changes(flow, shapes, sample), sample, settings_of(folder))
    return flow, told


DATE = {"type": "string", "format": "date"}
NUMBER = {"type": "number"}


@pytest.mark.parametrize("before", ["x", "parse_date(x, '%Y-%m-%d')"])
def test_dates_in_another_format_are_read_beside_the_old_ones(tmp_path, before):
    flow, told = found(tmp_path, before, DATE, ISO, POINTS)
    assert [r.after for r in told] == ["parse_date(x, '%Y-%m-%d', '%d.%m.%Y')"]
    assert (told[0].reads_before, told[0].reads_after, told[0].keeps) == (0.0, 1.0, True)
    assert with_remedies(flow, told).mapping["y"] == told[0].after


def test_a_day_that_changed_places_with_the_month_is_not_read_both_ways(tmp_path):
    _, told = found(tmp_path, "parse_date(x, '%d/%m/%Y')", DATE, DAY_FIRST, MONTH_FIRST)
    assert [r.after for r in told] == ["parse_date(x, '%m/%d/%Y')"]
    assert "batches as they were need the old one" in told[0].sentence


def test_a_decimal_comma_is_read(tmp_path):
    commas = [amount.replace(".", ",") for amount in AMOUNTS]
    _, told = found(tmp_path, "parse_number(x)", NUMBER, AMOUNTS, commas)
    assert [r.after for r in told] == ["parse_number(x, ',')"]


@pytest.mark.parametrize(
    ("expression", "schema", "before", "now"),
    [
        ("x", DATE, ISO, ISO),
        ("x", {"type": "string"}, ISO, POINTS),
        ("x", DATE, ISO, ["soon", "later"] * 10),
        ("coalesce(x, target.z)", {"type": "string"}, ISO, POINTS),
    ],
)
def test_nothing_is_proposed_where_nothing_reads_more(tmp_path, expression, schema, before, now):
    assert found(tmp_path, expression, schema, before, now)[1] == ()

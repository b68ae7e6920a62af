"""A target schema from a sample of what the target should look like."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lume_dagster.flows.schema import TargetSchema
from lume_dagster.mapper.infer import infer_schema
from lume_dagster.mapper.sample import Sample, take_sample
from lume_dagster_tests.mapper.samples import sample_of, sample_of_text, settings_of


def of_column(folder, *values):
    """What the schema says of one column of a CSV with these values."""
    sample = sample_of_text(folder, "c,k\n" + "".join(f'"{value}",1\n' for value in values))
    return infer_schema(sample)["properties"]["c"]


@pytest.mark.parametrize(
    ("values", "schema"),
    [
        (("1", "-20"), {"type": "integer"}),
        (("1", "2.5"), {"type": "number"}),
        (("007", "1"), {"type": "string"}),
        (("true", "False"), {"type": "boolean"}),
        (("2024-02-29", "1999-01-01"), {"type": "string", "format": "date"}),
        (("2023-02-29",), {"type": "string"}),
        (("2024-02-29T10:00:00Z", "2024-02-29 10:00"), {"type": "string", "format": "date-time"}),
        (("10:30",), {"type": "string", "format": "time"}),
        (("a@b.org",), {"type": "string", "format": "email"}),
        (("https://a.org/x",), {"type": "string", "format": "uri"}),
        (("10.0.0.1",), {"type": "string", "format": "ipv4"}),
        (("999.0.0.1",), {"type": "string"}),
        (
            ("a", "b", "a", "a", "b", "a", "b", "a", "b", "b"),
            {"type": "string", "enum": ["a", "b"]},
        ),
        (("a", "b"), {"type": "string"}),
        (("a",) * 20, {"type": "string"}),  # one value seen is not one value allowed
        (("",), {"type": "string"}),
    ],
)
def test_what_all_values_show_is_said(tmp_path, values, schema):
    assert of_column(tmp_path, *values) == schema


def test_a_field_is_required_where_no_value_is_missing(tmp_path):
    assert infer_schema(sample_of_text(tmp_path, "a,b\n1,\n2,3\n"))["required"] == ["a"]


def test_in_a_list_a_field_is_required_where_every_item_has_it(tmp_path):
    records = [
        {"lines": [{"sku": "a", "n": 1}, {"sku": "b", "x": {"y": 1}}]},
        {"lines": [{"sku": "c"}]},
        {"lines": []},
    ]
    items = infer_schema(sample_of(tmp_path, records))["properties"]["lines"]["items"]
    assert items["required"] == ["sku"]
    assert items["properties"]["x"]["required"] == ["y"]
    only = [{"lines": [{"sku": "a"}, {"extra": True}]}]
    (tmp_path / "only").mkdir()
    items = infer_schema(sample_of(tmp_path / "only", only))["properties"]["lines"]["items"]
    assert "required" not in items


def test_nothing_is_required_of_an_empty_sample(tmp_path):
    schema = infer_schema(sample_of_text(tmp_path, "a,b\n"))
    assert schema == {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
    }


def test_objects_and_lists_become_objects_and_arrays(tmp_path):
    record = {"c": {"name": "Ann", "tags": ["x"]}, "lines": [{"sku": "a", "n": 1}, {"sku": "b"}]}
    properties = infer_schema(sample_of(tmp_path, [record]))["properties"]
    assert properties["c"]["properties"] == {
        "name": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
    }
    assert properties["lines"]["items"]["properties"] == {
        "sku": {"type": "string"},
        "n": {"type": "integer"},
    }


def test_examples_are_written_only_when_asked_for(tmp_path):
    sample = sample_of_text(tmp_path, "n,t\n1,x\n2,y\n1,x\n")
    assert "examples" not in json.dumps(infer_schema(sample))
    properties = infer_schema(sample, examples=2)["properties"]
    assert [p["examples"] for p in properties.values()] == [[1, 2], ["x", "y"]]


def test_types_of_a_database_are_kept(tmp_path):
    import pyarrow as pa

    from lume_dagster.engines.duckdb_engine import DuckDBEngine

    table = pa.table(
        {
            "n": pa.array([1], pa.int32()),
            "price": pa.array(["1.25"]).cast(pa.decimal128(10, 2)),
            "at": pa.array([0], pa.timestamp("us", "UTC")),
            "text": ["1"],
        }
    )
    settings = settings_of(tmp_path)
    with DuckDBEngine(settings) as engine:
        staged = engine.stage_stream(table.to_reader(), "db", tmp_path / "staged")
    properties = infer_schema(take_sample(settings, staged))["properties"]
    assert properties["n"] == {"type": "integer"}
    assert properties["price"] == {"type": "number", "multipleOf": 0.01}
    assert properties["at"] == {"type": "string", "format": "date-time"}


NAMES = st.lists(
    st.text("aA.[]é ", min_size=1, max_size=4) | st.text(min_size=60, max_size=80),
    min_size=1,
    max_size=4,
    unique=True,
)


@given(NAMES, st.lists(st.sampled_from(["1", "x", "", "2024-01-01"]), max_size=3))
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
def test_the_schema_of_any_columns_loads(tmp_path, names, values):
    from lume_dagster.mapper.sample import SampleColumn

    columns = tuple(SampleColumn(n, n, "VARCHAR", tuple(v or None for v in values)) for n in names)
    sample = Sample(sample_of_text(tmp_path, "a\n").staged, columns, tuple(range(len(values))))
    assert TargetSchema.parse(infer_schema(sample)).fields


def test_a_column_that_is_called_like_the_items_of_a_list_is_a_field(tmp_path):
    schema = infer_schema(sample_of_text(tmp_path, "[],lines[]\n1,x\n"))
    assert list(schema["properties"].values()) == [{"type": "integer"}, {"type": "string"}]
    assert len(schema["required"]) == 2
    assert len(TargetSchema.parse(schema).fields) == 2


def test_names_that_a_target_cannot_have_are_spelled_anew_and_told_apart(tmp_path):
    sample = sample_of_text(tmp_path, "a.b,a_b,A_B\n1,x,\n")
    assert infer_schema(sample) == {
        "type": "object",
        "required": ["a_b", "a_b_2"],
        "properties": {
            "a_b": {"type": "integer"},
            "a_b_2": {"type": "string"},
            "A_B_3": {"type": "string"},
        },
    }

"""Expressions tried on a sample: what each row becomes, or why not."""

from __future__ import annotations

import pytest

from lume_dagster.flows.model import Seed
from lume_dagster.flows.schema import TargetSchema
from lume_dagster.mapper.trial import Trial
from lume_dagster_tests.mapper.samples import sample_of, sample_of_text, settings_of


def field_of(**keywords):
    """A field ``f`` with these keywords."""
    return TargetSchema.parse({"type": "object", "properties": {"f": keywords}}).fields[0]


def tried(tmp_path, sample, field, *expressions, within="", **options):
    with Trial(settings_of(tmp_path), sample, **options) as trial:
        return trial.run(field, expressions, within)


def test_a_value_and_no_error_where_a_row_is_good_and_a_code_where_it_is_not(tmp_path):
    sample = sample_of_text(tmp_path, "n,m\n1,\nx,\n,\n")
    (one,) = tried(tmp_path, sample, field_of(type="integer"), "n")
    assert (one.values, one.errors) == (("1", None, None), (None, "INVALID_INTEGER", None))
    assert one.good == 1


def test_a_value_that_breaks_the_enum_is_shown_with_its_code(tmp_path):
    sample = sample_of_text(tmp_path, "s\nopen\nshut\n")
    (one,) = tried(tmp_path, sample, field_of(type="string", enum=["open"]), "s")
    assert (one.values, one.errors) == (("open", "shut"), (None, "NOT_IN_ENUM"))


def test_an_expression_that_is_none_says_why_and_the_others_still_run(tmp_path):
    sample = sample_of_text(tmp_path, "d\n31.12.2024\n")
    found = tried(
        tmp_path,
        sample,
        field_of(type="string", format="date"),
        "nothing",
        "parse_date(d, '%d.%m.%Y')",
        "read_csv('x')",
        "regexp_replace(d, '(', '')",
    )
    assert [one.values for one in found] == [(), ("2024-12-31",), (), ()]
    refused = [one.refused or "" for one in found]
    assert "no column 'nothing'" in refused[0] or "nothing" in refused[0]
    assert refused[1] == ""
    assert "read_csv is not allowed" in refused[2]
    assert "missing )" in refused[3]


def test_a_required_field_without_a_value_is_an_error(tmp_path):
    schema = {"type": "object", "properties": {"f": {"type": "string"}}, "required": ["f"]}
    field = TargetSchema.parse(schema).fields[0]
    (one,) = tried(tmp_path, sample_of_text(tmp_path, "s,t\n,1\n"), field, "s")
    assert one.errors == ("MISSING_REQUIRED_FIELD",)


def test_a_field_inside_an_object_reads_a_place_inside_a_column(tmp_path):
    schema = {
        "type": "object",
        "properties": {"o": {"type": "object", "properties": {"n": {"type": "integer"}}}},
    }
    field = TargetSchema.parse(schema).fields[0].fields[0]
    sample = sample_of(tmp_path, [{"c": {"n": 1}}, {"c": None}])
    (one,) = tried(tmp_path, sample, field, "c.n")
    assert one.values == ("1", None)


def test_a_field_of_an_items_list_gives_a_value_for_each_item(tmp_path):
    records = [{"o": [{"q": "1", "t": ["a"]}, {"q": "x"}]}, {"o": None}, {"o": [{"t": ["b", "c"]}]}]
    sample = sample_of(tmp_path, records)
    found = tried(
        tmp_path,
        sample,
        field_of(type="integer"),
        "item.q",
        "lookup('s', 'a', 'b')",
        within="o[].q",
    )
    assert found[0].values == ("1", None, None)
    assert found[0].errors == (None, "INVALID_INTEGER", None)
    assert "inside a list" in (found[1].refused or "")
    (inner,) = tried(tmp_path, sample, field_of(type="string"), "upper(item)", within="o[].t[]")
    assert inner.values == ("A", "B", "C")


def test_a_list_field_gives_its_json(tmp_path):
    field = field_of(type="array", items={"type": "integer"})
    sample = sample_of_text(tmp_path, "l\n1;2\n1;x\n")
    (one,) = tried(tmp_path, sample, field, "string_split(l, ';')")
    assert one.values[0] == "[1,2]"
    assert one.errors == (None, "INVALID_INTEGER")


def test_seeds_are_looked_up(tmp_path):
    (tmp_path / "lands.csv").write_text("code,name\nDE,Germany\n", encoding="utf-8")
    sample = sample_of_text(tmp_path, "c\nDE\nXX\n")
    found = tried(
        tmp_path,
        sample,
        field_of(type="string"),
        "lookup('lands', c, 'name')",
        "lookup('lands', c, 'nam')",
        seeds={"lands": Seed(path="lands.csv", key="code")},
        folder=tmp_path,
    )
    assert found[0].refused is None
    assert (found[0].values, found[0].errors) == (("Germany", None), (None, "LOOKUP_NOT_FOUND"))
    assert "did you mean 'name'" in (found[1].refused or "")


def test_only_the_rows_of_the_sample_are_tried(tmp_path):
    sample = sample_of_text(tmp_path, "n\n" + "".join(f"{n}\n" for n in range(100)), rows=10)
    (one,) = tried(tmp_path, sample, field_of(type="integer"), "n")
    assert one.values == sample.columns[0].values


def test_an_empty_batch_gives_no_rows(tmp_path):
    (one,) = tried(tmp_path, sample_of_text(tmp_path, "a\n"), field_of(type="string"), "a")
    assert (one.values, one.refused) == ((), None)


def test_texts_that_mean_no_value_are_none(tmp_path):
    sample = sample_of_text(tmp_path, "n\nNA\n1\n")
    (one,) = tried(tmp_path, sample, field_of(type="integer"), "n", nulls=["NA"])
    assert (one.values, one.errors) == ((None, "1"), (None, None))


def test_many_expressions_come_out_in_the_order_they_went_in(tmp_path):
    sample = sample_of_text(tmp_path, "n\n1\n")
    expressions = [f"n || '{i}'" for i in range(40)]
    found = tried(tmp_path, sample, field_of(type="string"), *expressions)
    assert [one.values for one in found] == [(f"1{i}",) for i in range(40)]


def test_outside_a_with_block_it_says_so(tmp_path):
    trial = Trial(settings_of(tmp_path), sample_of_text(tmp_path, "a\n1\n"))
    with pytest.raises(RuntimeError, match="with block"):
        trial.one(field_of(type="string"), "a")


def test_a_column_may_be_called_otherwise_as_the_source_of_the_flow_says(tmp_path):
    sample = sample_of_text(tmp_path, "Vorname\nada\n")
    field, called = field_of(type="string"), {"first_name": ["given", "Vorname"]}
    (one,) = tried(tmp_path, sample, field, "upper(first_name)", also_called=called)
    assert one.values == ("ADA",)
    (other,) = tried(tmp_path, sample, field, "upper(first_name)")
    assert other.refused is not None
    assert "no column 'first_name'" in other.refused

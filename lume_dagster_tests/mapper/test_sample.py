"""What the mapper sees of a batch."""

from __future__ import annotations

from lume_dagster_tests.mapper.samples import sample_of, sample_of_text


def test_a_column_of_a_csv_is_its_texts_and_an_empty_cell_is_none(tmp_path):
    sample = sample_of_text(tmp_path, "id,Full Name\n1,Ann\n2,\n")
    assert [(c.path, c.reference, c.values) for c in sample.columns] == [
        ("id", "id", ("1", "2")),
        ("Full Name", '"Full Name"', ("Ann", None)),
    ]


def test_a_word_of_sql_and_a_quote_are_quoted(tmp_path):
    sample = sample_of_text(tmp_path, 'select,"a""b",case\n1,2,3\n')
    assert [c.reference for c in sample.columns] == ['"select"', '"a""b"', '"case"']


def test_a_header_that_begins_like_a_statement_is_a_name_and_nothing_is_logged(tmp_path, caplog):
    sample = sample_of_text(tmp_path, "Call No.,Show me,Set x = 1\n1,2,3\n")
    assert [c.reference for c in sample.columns] == ['"Call No."', '"Show me"', '"Set x = 1"']
    assert caplog.messages == []


def test_rows_are_evenly_spaced_and_always_the_same(tmp_path):
    text = "n\n" + "".join(f"{n}\n" for n in range(100))
    samples = [sample_of_text(tmp_path, text, rows=10) for _ in range(2)]
    assert samples[0].columns[0].values == tuple(str(n) for n in range(0, 100, 10))
    assert samples[0].columns == samples[1].columns


def test_places_inside_objects_keep_their_rows(tmp_path):
    sample = sample_of(tmp_path, [{"c": {"city": "Köln"}}, {"c": {}}, {"c": {"city": None}}, {}])
    city = sample.column("c.city")
    assert (city.reference, city.values) == ("c.city", ("Köln", None, None, None))


def test_an_object_is_no_place_of_its_own_and_a_list_is(tmp_path):
    records = [{"o": {"lines": [{"sku": "a", "n": 1}, {"sku": "b"}], "tags": ["x", "y"]}}]
    sample = sample_of(tmp_path, records)
    assert {(c.path, c.reference, c.values, c.is_list) for c in sample.columns} == {
        ("o.lines", "o.lines", ('[{"sku": "a", "n": 1}, {"sku": "b"}]',), True),
        ("o.lines[].sku", "item.sku", ("a", "b"), False),
        ("o.lines[].n", "item.n", ("1",), False),
        ("o.tags", "o.tags", ('["x", "y"]',), True),
        ("o.tags[]", "item", ("x", "y"), False),
    }


def test_an_empty_batch_has_columns_without_values(tmp_path):
    sample = sample_of_text(tmp_path, "a,b\n")
    assert [(c.path, c.values) for c in sample.columns] == [("a", ()), ("b", ())]


def test_a_dot_in_a_name_is_told_from_a_place_inside(tmp_path):
    flat = sample_of_text(tmp_path, "a.b\n1\n").columns[0]
    nested = sample_of(tmp_path, [{"a": {"b": [{"c.d": 1}]}}]).columns[1]
    assert (flat.column, flat.inside, flat.name, flat.reference) == ("a.b", (), "a.b", '"a.b"')
    assert (nested.column, nested.inside, nested.name) == ("a", ("b", "[]", "c.d"), "c.d")

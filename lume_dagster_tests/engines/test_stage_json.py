"""JSON Lines, arrays, and records within documents."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lume_dagster.engines.readers.surrogates import _marked
from lume_dagster.errors import BatchError, FlowError


def test_columns_are_keys_in_order_of_appearance_and_values_are_json(stage):
    lines = b'{"b":"x","a":12}\n{"a":null,"c":{"z":[1,2]}}\n{"A":true,"b":"null"}\n'
    staged = stage({"x.jsonl": lines})
    assert staged.names == ["b", "a", "c", "A"]
    assert {column.type for column in staged.batch.columns} == {"JSON"}
    assert staged.values == [
        ('"x"', "12", None, None),
        (None, None, '{"z":[1,2]}', None),
        ('"null"', None, None, "true"),
    ]


def test_a_line_that_is_no_object_is_malformed(stage):
    data = b'{"a":1}\r\n\r\n{bad\r\n[1]\r\n"t"\r\n{"a":1,"a":2}\r\n{"a":2}'
    staged = stage({"x.jsonl": data})
    assert list(staged.rows) == [1, 6]
    assert staged.malformed == {
        2: ("{bad", "the record is not valid JSON"),
        3: ("[1]", "the record is not an object but an array"),
        4: ('"t"', "the record is not an object but a text"),
        5: ('{"a":1,"a":2}', 'the key "a" appears twice'),
    }


def test_bad_bytes_in_a_line_are_malformed(stage):
    staged = stage({"x.jsonl": '{"a":"ä"}\n{"a":"ö"}\n'.encode() + b'{"a":"\xff"}\n'})
    assert staged.malformed == {3: (r'{"a":"\xff"}', "byte 0xFF at position 7 is not utf-8")}


@pytest.mark.parametrize(
    "number",
    [
        "123456789012345678901234567890",
        "0.1234567890123456789012345",
        "12345678901234567.25",
        "1e400",
        "-1.5e-400",
        "9007199254740993",
    ],
)
def test_numbers_keep_every_digit(stage, number):
    data = f'{{"x: {number}, y":{number},"n":{{"z":[{number}]}},"t":"{number}"}}\n'
    staged = stage({"x.jsonl": data.encode()})
    value, nested, text = staged.values[0]
    assert (value.lower(), nested.lower()) == (number, f'{{"z":[{number}]}}')
    assert (text, staged.names[0]) == (f'"{number}"', f"x: {number}, y")


def test_keys_of_any_kind_are_columns(stage):
    record = {"": 1, "a/b": 2, "k~0": 3, 'q"t': 4, "s*": 5, "0": 6, "$.x": 7, "é\t": 8}
    staged = stage({"x.jsonl": json.dumps(record).encode()})
    assert dict(zip(staged.names, staged.values[0], strict=True)) == {
        key: str(value) for key, value in record.items()
    }


@pytest.mark.parametrize("number", ["7", "123456789012345678901234567890"])
def test_records_of_many_keys_are_read(stage, number):
    keys = [f"k{place}" for place in range(230)]
    many = ",".join(f'"{key}":{number}' for key in keys)
    staged = stage({"x.jsonl": f'{{{many}}}\n{{"k229":null,"k100":"a"}}\n'.encode()})
    assert staged.names == keys
    assert staged.values[0] == (number,) * 230
    assert [value for value in staged.values[1] if value is not None] == ['"a"']
    assert staged.values[1][100] == '"a"'


def test_the_elements_of_an_array_are_records(stage):
    staged = stage({"x.json": b'[{"a":1},\n {"b": [2]}, 3, null]'})
    assert staged.values == [("1", None), (None, "[2]")]
    assert [message for _, message in staged.malformed.values()] == [
        "the record is not an object but a number",
        "the record is not an object but null",
    ]


def test_records_are_found_within_a_document(stage):
    data = b'\xef\xbb\xbf{"data": {"items": [{"a": 1}, {"a": 2}]}}'
    staged = stage({"x.json": data}, records="$.data.items")
    assert staged.values == [("1",), ("2",)]
    with pytest.raises(BatchError, match=r"has nothing at \$.rows.\nHint: .* the keys data"):
        stage({"x.json": data}, records="$.rows")
    with pytest.raises(FlowError, match="is no path"):
        stage({"x.json": data}, records="$..[")


def test_a_document_of_one_object_is_one_record(stage):
    assert stage({"x.json": b'{\n "a": 1\n}\n'}).values == [("1",)]


def test_a_broken_document_is_told_with_its_place(stage):
    with pytest.raises(BatchError, match="x.json is not valid JSON: .* line 2, column 8"):
        stage({"x.json": b'[{"a":1},\n{"a":2}'})


def test_several_documents_keep_their_rows(stage):
    files = {
        "1.json": b'[{"a":1},{"a":2}]',
        "2.json": b"",
        "3.json": b"[]",
        "4.json": b'[{"a":3},4]',
    }
    staged = stage(files)
    assert staged.rows == {1: ("1",), 2: ("2",), 3: ("3",)}
    assert [(f.first_row, f.records, f.malformed) for f in staged.batch.files] == [
        (1, 2, 0),
        (3, 0, 0),
        (3, 0, 0),
        (3, 2, 1),
    ]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), max_size=6))
def test_what_json_wrote_comes_back(stage, records):
    lines = "".join(json.dumps(record) + "\n" for record in records)
    staged = stage({"x.jsonl": lines.encode()}, type="jsonl")
    found = [
        {name: json.loads(value) for name, value in zip(staged.names, row, strict=True) if value}
        for row in staged.values
    ]
    assert found == [
        {key: value for key, value in record.items() if value is not None} for record in records
    ]


HALVES = [r"x\ud800y", r"\udc00", r"\ud83d\ud83d\ude00", r"\\\udbff\\"]


@pytest.mark.parametrize(
    ("document", "options"),
    [
        ('[{"a": "1"}, {"a": "HALF"}, {"a": "3"}]', {}),
        ('{"d": [{"a": "1"}, {"a": "HALF"}, {"a": "3"}]}', {"records": "$.d"}),
        ('{"a": "1"}\n{"a": "HALF"}\n{"a": "3"}\n', {"type": "jsonl"}),
    ],
)
@pytest.mark.parametrize("half", HALVES)
def test_half_a_letter_is_the_fault_of_its_record_alone(stage, document, options, half):
    staged = stage({"a.json": document.replace("HALF", half).encode()}, **options)
    assert staged.values == [('"1"',), ('"3"',)]
    ((text, message),) = staged.malformed.values()
    assert json.loads(text) == {"a": json.loads(f'"{half}"')}
    assert message == "the record is not valid JSON"


ESCAPES = [r"\ud800", r"\udc00", r"\ud83d\ude00", r"\\", r"\u0041", "u"]


@given(pieces=st.lists(st.sampled_from(ESCAPES)), chunk=st.integers(1, 40))
def test_half_letters_are_marked_wherever_a_piece_of_the_document_ends(pieces, chunk):
    data = "".join(pieces).encode()
    halves = marked_in_pieces(data, len(data) + 1)
    assert marked_in_pieces(data, chunk) == halves
    assert re.sub(rb"\\u0001half-(....)\\u0001", rb"\\u\1", halves) == data


def marked_in_pieces(data: bytes, size: int) -> bytes:
    written, carry = b"", b""
    for at in range(0, len(data) + size, size):
        chunk = data[at : at + size]
        done, carry, _ = _marked(carry + chunk, at_end=not chunk)
        written += done
    return written + carry


def test_a_document_that_is_broken_elsewhere_too_is_refused_as_before(stage):
    with pytest.raises(BatchError, match="is not valid JSON"):
        stage({"a.json": rb'[{"a": "\ud800"}, {"a": ]'})

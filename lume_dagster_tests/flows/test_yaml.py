"""YAML is read without its traps, and what is written reads back as the same."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dagster.flows.yaml_text import MAX_BYTES, plain_value, read_yaml, write_yaml


def value(text):
    document = read_yaml(text.encode())
    assert document.problems == []
    return document.value


def flaw(text):
    document = read_yaml(text if isinstance(text, bytes) else text.encode())
    (problem,) = document.problems
    return f"{problem.line}:{problem.column}: {problem.message} {problem.hint}"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("NO", "NO"), ("no", "no"), ("on", "on"), ("yes", "yes"), ("y", "y"), ("Off", "Off"),
        ("true", True), ("FALSE", False), ("null", None), ("~", None), ("", None),
        ("12", 12), ("-7", -7), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("012", 12),
        ("0x1F", "0x1F"), ("0o17", "0o17"), ("1_000", "1_000"), ("12:30:45", "12:30:45"),
        ("2024-01-31", "2024-01-31"), ("1.2.3", "1.2.3"), (".inf", ".inf"), (".nan", ".nan"),
        ("1e999", "1e999"), ("'12'", "12"), ('"null"', "null"), ("=", "="), ("<<", "<<"),
    ],
)  # fmt: skip
def test_a_value_is_what_a_person_reads(text, meant):
    read = value(f"x: {text}\n")["x"]
    assert (read, type(read)) == (meant, type(meant))


def test_a_key_is_the_text_that_stands_there():
    assert value("{NO: 1, on: 2, 1: 3, null: 4, 2024-01-01: 5}") == {
        "NO": 1, "on": 2, "1": 3, "null": 4, "2024-01-01": 5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", "3:1: the key 'a' is already on line 1. keep one of the two"),
        ("a: &x 1\n", "1:4: anchors such as &name are not taken. write the value out"),
        ("a: *x\n", "1:4: aliases such as *name are not taken."),
        ("a: !!python/object:os.system x\n", "1:4: tags such as"),
        ("a:\n\tb: 1\n", "indent with spaces; YAML takes no tabs"),
        ("a: 1\n---\nb: 2\n", "a second document begins."),
        ("? [a]\n: 1\n", "a key must be text."),
        ("a: [1\n", "is not YAML:"),
        ("a: b: c\n", "check the indentation"),
        ("<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> x\n", "the marks of a merge conflict"),
        ("a: \x07\n", "1:None: holds the control character U+0007. remove it"),
        (b"a: 1\nb: \xff\n", "2:None: is not UTF-8: byte 0xFF. save the file as UTF-8"),
        ("[" * 60 + "]" * 60, "is nested more than 50 deep. flatten it"),
        (b"#" * (MAX_BYTES + 1), "is larger than 1 MB (1,000,001 bytes). data belongs in a seed"),
    ],
)
def test_a_trap_is_refused_with_its_place_and_a_hint(text, says):
    assert says in flaw(text)


def test_a_byte_order_mark_is_no_part_of_the_text():
    assert read_yaml(b"\xef\xbb\xbfa: 1\n").value == {"a": 1}


def test_every_key_that_is_there_twice_is_named():
    document = read_yaml(b"a: 1\na: 2\nb: {c: 1, c: 2}\n")
    assert [(p.path, p.line, p.column) for p in document.problems] == [
        (("a",), 2, 1),
        (("b", "c"), 3, 11),
    ]


def test_each_part_has_its_place():
    document = read_yaml(b"a:\n  - x\n  - {b: 1}\n")
    assert document.position(("a", 1, "b")) == (3, 6)
    assert document.position(("a", 1, "missing")) == (3, 5)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**200), 10**200),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    st.text(st.sampled_from("ab :#-'\"\\\n\t[]{},&*!|>%@`?~0.e"), max_size=12),
    st.sampled_from(["NO", "1e5", "null", "~", "0x1", "2024-01-01", "- a", "a\nb\n", "\n", " "]),
    st.dates(date(1900, 1, 1)).map(str),
)
keys = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_what_is_written_reads_back_as_the_same(given_value):
    assert value(write_yaml(given_value)) == given_value


@given(st.text(st.sampled_from("0123456789+-.eE_xnulltrue~"), max_size=10))
def test_a_plain_text_means_something_without_an_exception(text):
    assert isinstance(plain_value(text), str | int | float | bool | None)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(content):
    document = read_yaml(content)
    assert document.problems or document.value is not NotImplemented

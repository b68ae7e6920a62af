"""A pattern that a flow may hold is one that the engine takes."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dagster.flows.patterns import pattern_flaw

PIECES = [
    *"ab|()[]{}*+?.^$\\-,12 :é", r"\d", r"\b", "(?:", "(?i)", "[^a]", "{2}", "{1,3}", r"\x41",
    r"\pL", "[[:alpha:]]", "(?P<n>", "a-z", r"\z", r"\u0041", "(?=", r"\1", "{1001}",
]  # fmt: skip
ENGINE = duckdb.connect()


def engine_takes(pattern):
    try:
        ENGINE.execute("SELECT regexp_matches('x', $1)", [pattern]).fetchone()
    except duckdb.Error:
        return False
    return True


@given(st.lists(st.sampled_from(PIECES), max_size=7).map("".join))
def test_what_is_taken_the_engine_takes(pattern):
    assert pattern_flaw(pattern) is not None or engine_takes(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^N[0-9A-Z]{4,5}$",
        r"(?i)^[a-z]+$",
        r"^\p{L}+$",
        "a|b",
        r"[\w.-]+@[\w.-]+",
        "^(a(b)?)+$",
        "",
    ],
)
def test_what_people_write_is_taken(pattern):
    assert pattern_flaw(pattern) is None
    assert engine_takes(pattern)


@pytest.mark.parametrize("pattern", ["(?=a)", "(?<!a)b", r"(a)\1", "a**", "[b-a]", "a{1001}", "\\"])
def test_what_the_engine_does_not_take_is_refused(pattern):
    assert pattern_flaw(pattern) is not None
    assert not engine_takes(pattern)

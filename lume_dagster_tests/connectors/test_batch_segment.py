"""A batch's folder name is readable, safe and its own."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dagster.connectors.batch_segment import batch_segment


@pytest.mark.parametrize(
    ("source_path", "tail"),
    [
        ("s3://bucket/in/2013-01.csv", "2013-01.csv"),
        ("s3://bucket/in/2013/", "2013"),
        ("zażółć gęś.csv", "za_g_.csv"),
        ("..", "batch"),
        ("", "batch"),
        ("*/*.csv", "csv"),
    ],
)
def test_the_tail_of_the_path_can_be_read(source_path, tail):
    assert re.fullmatch(re.escape(tail) + "-[0-9a-f]{12}", batch_segment(source_path))


@given(st.text())
def test_any_path_gives_a_safe_name(source_path):
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,72}", batch_segment(source_path))


@given(st.text(), st.text())
def test_two_paths_have_two_names(one, other):
    assert (batch_segment(one) == batch_segment(other)) == (one == other)

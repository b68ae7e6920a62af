"""How sure a pair is depends on what becomes of the others, and never on a target of many tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dagster.mapper.embedding import load_embedding
from lume_dagster.mapper.knowledge import default_knowledge
from lume_dagster.mapper.match import second_look
from lume_dagster.mapper.match.calibrate import SECOND, load_calibration
from lume_dagster.mapper.match.column import Column
from lume_dagster.mapper.match.features import look_at


def told(first, columns):
    found = second_look.evidence(np.array(first), columns)
    return {name: found[:, n] for n, name in enumerate(second_look.NAMES)}


def test_a_column_that_is_left_alone_has_one_field_left():
    found = told([0.95, 0.9, 0.3], columns=3)
    assert found["columns_left"][2] == pytest.approx(np.log1p(1))
    assert found["fields_left"][2] == pytest.approx(np.log1p(1))
    assert found["others"][2] == pytest.approx((0.95 + 0.9) / 2)


def test_more_fields_than_columns_are_left_where_a_schema_asks_for_more():
    found = told([0.95, 0.3, 0.0, 0.0], columns=2)
    assert found["more_fields"][1] > 0
    assert found["more_columns"][1] == 0


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=40),
    st.integers(min_value=1, max_value=2000),
)
def test_what_is_told_is_finite_for_all_that_may_be_seen_first(first, columns):
    assert np.isfinite(second_look.evidence(np.array(first), columns)).all()


def test_a_pair_is_surer_where_all_others_are():
    again = load_calibration().regressions[SECOND]

    def of_first(others):
        first = np.array([0.5, *others])
        return again.probabilities(second_look.evidence(first, len(first)))[0]

    assert of_first([0.97] * 6) > of_first([0.2] * 6)


def test_only_a_schema_of_one_table_is_looked_at_twice():
    names = ("name", "city", "born_on")
    fields = [Column(name, name) for name in names]
    sides = [
        look_at(columns, default_knowledge(), load_embedding())
        for columns in (
            fields,
            [replace(field, table=f"t{n}") for n, field in enumerate(fields)],
            [replace(field, values=("a", "b") * 10) for field in fields],
        )
    ]
    assert [load_calibration().looks_twice(side) for side in sides] == [True, False, False]

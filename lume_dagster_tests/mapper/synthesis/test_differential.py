"""The engine gives what the interpreter gives: for every kind of step, on texts of every sort."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lume_dagster.mapper.synthesis.node import OPS, Node
from lume_dagster.mapper.synthesis.program import Program
from lume_dagster_tests.mapper.synthesis.trees import (
    TEXTS,
    TREES,
    by_engine,
    by_reference,
    kinds,
)


def test_every_kind_of_step_is_held_to_the_engine():
    assert kinds() == set(OPS)


def _named(tree: Node) -> str:
    return f"{tree.op}-{'-'.join(map(str, tree.args))[:20]}"


@pytest.mark.parametrize("tree", TREES, ids=_named)
@settings(max_examples=1, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(TEXTS, min_size=60, max_size=80, unique=True))
def test_the_engine_gives_what_the_interpreter_gives(tree, texts):
    rows = [*([text] for text in texts), [None]]
    program = Program(tree)
    found, told = (by(program, rows, ["x"]) for by in (by_engine, by_reference))
    assert list(zip(rows, found, strict=True)) == list(zip(rows, told, strict=True))


@pytest.mark.parametrize("tree", TREES, ids=_named)
def test_no_value_gives_no_value(tree):
    program = Program(tree)
    if tree.op != "when":  # which has an answer for rows that fail its test
        assert program.apply({"x": None}) is None


@pytest.mark.parametrize("tree", TREES, ids=_named)
def test_a_program_survives_json_and_can_be_explained(tree):
    program = Program(tree, 1.5, 0.5, 0.25, ("a doubt",))
    assert Program.from_json(program.to_json()) == program
    assert program.explain().endswith(".")

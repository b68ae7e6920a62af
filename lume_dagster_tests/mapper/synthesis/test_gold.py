"""The benchmark's gold tasks: solved from three examples, and the engine agrees on every row."""

import pytest

from benchmarks.mapping.synthesis import disagreements, gold_tasks, solve_all

EXAMPLES = 3


@pytest.fixture(scope="module")
def results():
    return solve_all(gold_tasks(), EXAMPLES)


def test_most_gold_tasks_are_solved_and_hardly_any_wrong(results):
    outcomes = [result.outcome for result in results]
    assert len(outcomes) > 40
    assert outcomes.count("solved") / len(outcomes) >= 0.9
    assert outcomes.count("wrong") / len(outcomes) <= 0.05


def test_the_engine_agrees_with_every_learned_program(results):
    assert list(disagreements(results)) == []

"""Laws of learning, on whatever texts: programs give their examples, the engine agrees."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lume_dagster.mapper.synthesis import Example, Program, learn
from lume_dagster_tests.mapper.synthesis.trees import TEXTS, by_engine

#: What people do with texts, so that there is something to be found.
_CHANGES = st.sampled_from(
    [
        str.upper,
        lambda x: x[:2] or "?",
        lambda x: x.split(" ")[-1] or "?",
        lambda x: f"<{x}>",
        lambda x: x.replace("-", "") or "?",
        lambda x: f"{len(x)}",
        lambda x: "".join(c for c in x if c.isdigit()) or "none",
    ]
)
_EXAMPLES = st.tuples(st.lists(TEXTS, min_size=1, max_size=4, unique=True), _CHANGES)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=_EXAMPLES, beside=st.lists(st.one_of(st.none(), TEXTS), max_size=6))
def test_every_program_gives_the_output_of_every_example(told, beside):
    texts, change = told
    found = learn([Example({"a": t}, change(t)) for t in texts], {"a": beside})
    for program in found:
        assert [program.apply({"a": t}) for t in texts] == [change(t) for t in texts]
        assert 0 <= program.support <= 1
        assert 0 <= program.ambiguity <= 1
        assert Program.from_json(program.to_json()) == program
    assert found == learn([Example({"a": t}, change(t)) for t in texts], {"a": beside})


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=_EXAMPLES, beside=st.lists(TEXTS, min_size=5, max_size=30))
def test_the_engine_gives_what_learned_programs_give(told, beside):
    texts, change = told
    for program in learn([Example({"a": t}, change(t)) for t in texts], {"a": beside}, most=2):
        rows = [[t] for t in (*texts, *beside)]
        names = list(program.sources) or ["a"]
        assert by_engine(program, rows, names) == [program.apply({"a": r[0]}) for r in rows]

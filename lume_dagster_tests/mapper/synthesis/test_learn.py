"""What is learned from a few examples, what is refused, what is doubted, what is asked next."""

import subprocess
import sys

import pytest

from lume_dagster.errors import FlowError
from lume_dagster.mapper.synthesis import Example, Program, learn, next_question
from lume_dagster_tests.mapper.synthesis.trees import by_engine


def taught(pairs, beside=(), paths=("a", "b", "c")):
    """The programs for pairs of inputs (a text or several) and output."""
    examples = [Example(_row(given, paths), after) for given, after in pairs]
    rows = [_row(given, paths) for given in beside]
    known = examples[0].before
    return learn(examples, {path: [row[path] for row in rows] for path in known})


def _row(given, paths):
    texts = (given,) if isinstance(given, str) or given is None else given
    return dict(zip(paths, texts, strict=False))


@pytest.mark.parametrize(
    ("pairs", "given", "wanted"),
    [
        ([(("ada", "lovelace"), "Ada LOVELACE"), (("alan", "turing"), "Alan TURING")],
         ("grace", "hopper"), "Grace HOPPER"),
        ([(("2024-02-01", "13:05"), "01.02.2024 13:05"), (("2023-12-31", "00:30"), "31.12.2023 00:30")],
         ("2022-08-08", "22:10"), "08.08.2022 22:10"),
        ([("3 km", "1.86411 miles"), ("250 km", "155.343 miles")], "12 km", "7.45645 miles"),
        ([("1.234,50 EUR", "1234.50"), ("12,00 EUR", "12.00")], "3.000,99 EUR", "3000.99"),
        ([("4", "IV"), ("1350", "MCCCL")], "981", "CMLXXXI"),
        ([("texas", "TX"), ("Ohio", "OH")], "maine", "ME"),
    ],
)  # fmt: skip
def test_a_few_examples_are_enough(pairs, given, wanted):
    best = taught(pairs, [given])[0]
    assert best.apply(_row(given, "abc")) == wanted
    assert best.certain
    names = list(best.sources)
    row = [_row(given, "abc")[name] for name in names]
    assert by_engine(best, [row], names) == [wanted]


def test_a_condition_is_learned_where_one_rule_is_not_enough():
    best = taught([("1.5 kg", "1500"), ("250 g", "250"), ("2 kg", "2000")], ["0.5 kg", "75 g"])[0]
    assert [best.apply({"a": text}) for text in ("0.5 kg", "75 g")] == ["500", "75"]
    assert best.explain().startswith("Where a contains 'kg': ")


def test_three_kinds_are_told_apart_by_five_examples():
    pairs = [
        ("1.5 kg", "1500"),
        ("250 g", "250"),
        ("3 t", "3000000"),
        ("2 kg", "2000"),
        ("7 t", "7000000"),
    ]
    best = taught(pairs, ["0.5 kg", "75 g", "1 t"])[0]
    assert [best.apply({"a": text}) for text in ("0.5 kg", "75 g", "1 t")] == [
        "500",
        "75",
        "1000000",
    ]


def test_examples_that_contradict_each_other_are_named():
    with pytest.raises(FlowError, match=r"contradict each other: a='x' becomes '1' in one and '2'"):
        taught([("x", "1"), ("x", "2")])


def test_the_same_example_twice_counts_once():
    assert taught([("a-b", "b"), ("a-b", "b")]) == taught([("a-b", "b")])


@pytest.mark.parametrize(
    "pairs",
    [
        [("47.61 N", "Bellevue"), ("48.09 N", "Port Angeles")],
        [("a", "")],
        [],
        [(None, "constant text")],
    ],
)
def test_no_program_or_a_doubted_one_where_the_examples_are_out_of_reach(pairs):
    found = learn([Example({"a": a}, b) for a, b in pairs], {"a": ["1", "2"]})
    assert not any(program.certain for program in found)


def test_a_program_that_repeats_one_text_is_doubted():
    best = taught([("J. Smith", "Dear John"), ("J. Doe", "Dear John")], ["A. Lee"])[0]
    assert not best.certain
    assert "same text for every row" in best.doubts[0]


def test_a_table_of_the_examples_is_doubted_for_values_it_does_not_know():
    pairs = [("A1", "open"), ("B7", "closed"), ("C9", "open")]
    known, unknown = taught(pairs, ["A1", "B7"])[0], taught(pairs, ["A1", "X3"])[0]
    assert unknown.apply({"a": "X3"}) is None
    assert not unknown.certain
    assert known.apply({"a": " b7 "}) == "closed"


def test_unlabelled_rows_choose_among_programs():
    pairs = [("Ann Lee", "Lee"), ("Rob Fox", "Fox")]
    assert taught(pairs, ["Maria van Dyk"])[0].support == 1.0
    assert taught([("a1-b2", "b2")], ["c3", "d4"])[0].apply({"a": "c3"}) is not None


def test_the_next_question_is_a_row_on_which_the_programs_differ():
    found = taught([("Anna Lee", "Lee")], ["Bob Fox", "Maria van Dyk"])
    asked = next_question(found, {"a": ["Anna Lee", "Maria van Dyk"]})
    assert asked == {"a": "Maria van Dyk"}
    assert next_question(found[:1], {"a": ["Anna Lee", "Maria van Dyk"]}) is None


def test_many_columns_and_long_texts_are_bounded():
    row = {f"c{i}": f"value {i}" for i in range(200)} | {"name": "ann lee", "essay": "x" * 200_000}
    examples = [
        Example(row, "Ann Lee"),
        Example(row | {"name": "rob fox", "c1": "other"}, "Rob Fox"),
    ]
    best = learn(examples, {path: [value, "z"] for path, value in row.items()})[0]
    assert best.sources == ("name",)


def test_a_source_that_is_not_given_is_named():
    program = taught([(("x", "y"), "x-y"), (("p", "q"), "p-q")])[0]
    assert program.apply({"a": "x", "b": None}) is None
    with pytest.raises(FlowError, match="reads 'b', which is not given"):
        program.expression({"a": "a"})


@pytest.mark.parametrize(
    "data",
    [{}, {"tree": ["eval", [], ["1"]], "cost": 0, "support": 0, "ambiguity": 0, "doubts": []}],
)
def test_json_that_is_no_program_is_refused(data):
    with pytest.raises(FlowError, match="not a (step of a )?transformation"):
        Program.from_json(data)


_AGAIN = """
from lume_dagster.mapper.synthesis import Example, learn
pairs = [("Smith, John", "J. Smith"), ("Doe, Ann", "A. Doe"), ("Fox, Tim", "T. Fox")]
for p in learn([Example({"a": a}, b) for a, b in pairs], {"a": ["van Dyk, Eva", "Lee"]}):
    print(p.to_json(), p.expression({"a": "a"}))
"""


def test_the_same_examples_give_the_same_programs_in_every_process():
    def run(seed):
        environment = {"PYTHONHASHSEED": seed}
        return subprocess.run(
            [sys.executable, "-c", _AGAIN],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        ).stdout

    assert run("1") == run("2") != ""


def test_hostile_values_stay_values():
    nasty = "x'); DROP TABLE staged; --"
    best = taught([((nasty, "b"), f"b {nasty}"), (("y'", "c"), "c y'")], [("q''", "d")])[0]
    assert by_engine(best, [["q'';", "d"]], ["a", "b"]) == ["d q'';"]
    only = taught([("a", f"a{nasty}"), ("b", f"b{nasty}")])[0]
    assert by_engine(only, [["z"]], ["a"]) == [f"z{nasty}"]

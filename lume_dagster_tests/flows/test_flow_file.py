"""A flow file says everything that is wrong with it at once, and is written back unchanged."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dagster.errors import FlowError
from lume_dagster.flows.flow_file import load, parse, render
from lume_dagster.flows.model import Flow
from lume_dagster.flows.yaml_text import read_yaml, write_yaml
from lume_dagster_tests.flows.sample import TEXT, problems

ROOT = Path(__file__).parents[2]

MANY_FLAWS = """\
lume: 1
flow: people
source: {connector: landing, formt: {}}
target: {connector: warehouse, table: t, key: [idd]}
schema:
  type: object
  properties:
    id: {type: integer, minimun: 1}
    name: {type: string}
mapping:
  id: number
  nam: full_name
rules:
  - {name: r, chek: "true"}
"""


def test_every_problem_is_named_at_once_with_file_line_column_and_field():
    assert [(p.place, p.field) for p in problems(MANY_FLAWS)] == [
        ("flow.yaml:3:30", "source.formt"),
        ("flow.yaml:4:48", "target.key[0]"),
        ("flow.yaml:8:25", "schema.properties.id.minimun"),
        ("flow.yaml:12:3", "mapping.nam"),
        ("flow.yaml:14:5", "rules[0].check"),
        ("flow.yaml:14:15", "rules[0].chek"),
    ]


def test_every_problem_has_a_hint():
    assert all(p.hint for p in problems(MANY_FLAWS))


def test_the_message_lists_them_all():
    with pytest.raises(FlowError, match="6 problems:") as caught:
        parse(MANY_FLAWS, "flow.yaml")
    assert "- flow.yaml:12:3: mapping.nam: there is no target field 'nam'." in str(caught.value)
    assert "Hint: did you mean 'name'?" in str(caught.value)


def test_a_mapping_in_place_of_a_number_is_said():
    (problem,) = problems(TEXT.replace("lume: 1", "lume: {a: b}"))
    assert "is not one of 1." in problem.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty."),
        ("# only a comment\n", "is empty."),
        ("- a\n- b\n", "is a list; a mapping is wanted."),
        ("hello\n", "is a single value; a mapping is wanted."),
        ("lume: 7\nanything: else\n", "format 7 is newer than this package, which reads format 1."),
        (b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_what_is_no_flow_gets_one_sentence(text, says):
    (problem,) = problems(text)
    assert says in problem.message
    assert problem.hint


def test_a_duplicate_key_does_not_hide_the_other_problems():
    found = problems(TEXT.replace("flow: people", "flow: people\nflow: people\nflwo: x"))
    assert [p.field for p in found] == ["flow", "flwo"]


def test_a_country_code_stays_a_country_code():
    flow = parse(
        TEXT.replace('country: {type: [string, "null"]}', "country: {type: string, enum: [NO, PL]}")
    )
    assert flow.target_schema.fields[2].enum == ("NO", "PL")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FlowError, match=r"nope\.yaml: there is no such file\."):
        load(tmp_path / "nope.yaml")


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    with pytest.raises(FlowError, match="cannot be read: Is a directory"):
        load(tmp_path)


def test_a_flow_cannot_be_changed():
    flow = parse(TEXT)
    with pytest.raises(ValueError, match="frozen"):
        flow.flow = "other"


# -- whatever is written in whatever place ----------------------------------------------------

JUNK = [None, [], {}, "", 0, -1, 1.5, True, "x", "{", [None], {"a": None}, [[]], [{}], {"": ""}]
JUNK += [10**250, 1e300, ["a", "a"], {"type": "string"}, {"each": "x"}, {"enum": [{}]}]


def places(value, path=()):
    yield from [path] if path else []
    lists = enumerate(value) if isinstance(value, list) else ()
    for key, part in value.items() if isinstance(value, dict) else lists:
        yield from places(part, (*path, key))


def found_in(text):
    try:
        parse(text, "flow.yaml")
    except FlowError as error:
        return error.problems
    return ()


@given(st.data())
def test_damage_anywhere_is_a_list_of_placed_problems_or_none(data):
    value = read_yaml(TEXT.encode()).value
    for _ in range(data.draw(st.integers(1, 3))):
        *outer, last = data.draw(st.sampled_from(list(places(value))))
        part = value
        for step in outer:
            part = part[step]
        part[last] = copy.deepcopy(data.draw(st.sampled_from(JUNK)))
    assert all(p.line and p.column for p in found_in(write_yaml(value)))


# -- what is written reads back ---------------------------------------------------------------

names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(
    lambda t: t.strip() != ""
)
expressions = texts.map(str.strip) | st.sampled_from(
    ["1", "1.0", "true", "NULL", "'a: b'", "x\n+ 1"]
)
rates = st.floats(0, 1)


def flows():
    return st.builds(
        make_flow,
        fields=st.lists(names, min_size=1, max_size=4, unique=True),
        expression=expressions,
        text=texts,
        rate=rates,
        nulls=st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=4)),
    )


def make_flow(fields, expression, text, rate, nulls):
    return Flow.model_validate(
        {
            "lume": 1,
            "flow": "made",
            "description": text,
            "source": {"connector": text, "format": {"type": "csv", "nulls": nulls}},
            "target": {"connector": "w", "table": text, "write": "merge", "key": fields[:1]},
            "seeds": {name: {"path": "seeds/a.csv", "key": text} for name in fields},
            "schema": {
                "type": "object",
                "properties": {n: {"type": "string", "description": text} for n in fields},
            },
            "mapping": dict.fromkeys(fields, expression),
            "rules": [{"name": fields[0], "check": expression, "message": text}],
            "checks": [{"unique": fields}, {"reject_rate": {"max": rate}, "on_fail": "warn"}],
            "errors": {"max_error_rate": rate, "handling": {f"{fields[0]}.type": "warn"}},
        }
    )


@given(flows())
def test_a_flow_that_is_written_reads_back_as_the_same(flow):
    assert parse(render(flow)) == flow


@given(flows())
def test_writing_is_stable(flow):
    assert render(parse(render(flow))) == render(flow)


@pytest.mark.parametrize("file", sorted((ROOT / "examples/flows").rglob("flow.yaml")), ids=str)
def test_the_examples_are_written_back_as_they_mean(file):
    assert parse(render(load(file))) == load(file)

"""A model's answers are tried on the sample; what fails goes back to it, at most three times."""

from __future__ import annotations

import asyncio
import json

import pytest

from lume_dagster.errors import PlanError
from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.model import Candidate, Example, Judged, Question, Workbench
from lume_dagster.mapper.model.batches import SMALL_FIELDS
from lume_dagster_tests.mapper.model.bench import (
    Asked,
    answers,
    columns_of,
    proposer,
    question_of,
    said,
    workbench,
)

DATE = "TRY_CAST(try_strptime(signup, '%d.%m.%Y') AS DATE)"


def schema_of(asked: Asked, number: int = 0) -> str:
    return json.dumps(asked.seen[number].output_tools[0].parameters_json_schema)


def test_an_expression_that_stands_is_the_answer():
    asked = Asked(answers(said("f1", "trim(cust_nm)", "c1")))
    proposed = proposer(asked).propose(question_of("name"), workbench())
    [answer] = proposed.answers
    assert (answer.expression, answer.sources) == ("trim(cust_nm)", ("cust_nm",))
    assert (len(asked.prompts), proposed.spent.requests, proposed.stopped) == (1, 1, None)


def test_a_model_alone_is_never_surer_than_three_quarters():
    asked = Asked(answers(said("f1", "cust_nm", "c1", confidence=1)))
    [answer] = proposer(asked).propose(question_of("name"), workbench()).answers
    assert answer.confidence == 0.75


def test_null_is_an_answer_and_is_not_asked_again():
    asked = Asked(answers(said("f1", None, reason="nothing carries it")))
    [answer] = proposer(asked).propose(question_of("status"), workbench()).answers
    assert (answer.expression, answer.confidence, answer.reason) == (None, 0, "nothing carries it")
    assert len(asked.prompts) == 1


def test_what_fails_goes_back_with_its_code_and_count_and_only_that_field():
    first = answers(said("f1", "cust_nm", "c1"), said("f2", "signup", "c2"))
    asked = Asked(first, answers(said("f1", DATE, "c2")))
    proposed = proposer(asked).propose(question_of("name", "since"), workbench())
    assert [a.expression for a in proposed.answers] == ["cust_nm", DATE]
    assert [a.rounds for a in proposed.answers] == [1, 2]
    assert '"tried": "signup"' in asked.prompts[1]
    assert '"code": "INVALID_DATE", "rows": 4' in asked.prompts[1]
    assert '"path": "name"' not in asked.prompts[1]


def test_after_three_rounds_there_is_no_answer_but_the_reason():
    asked = Asked(*(answers(said("f1", e, "c2")) for e in ("upper(signup)", "st", "signup")))
    [answer] = proposer(asked).propose(question_of("since"), workbench()).answers
    assert len(asked.prompts) == 3
    assert answer.expression is None
    assert answer.reason == (
        "no expression of the model stood the trial; the last had INVALID_DATE in 4 rows."
    )


ISO = "substr(signup, 7, 4) || '-' || substr(signup, 4, 2) || '-' || substr(signup, 1, 2)"


def test_what_is_good_for_most_rows_is_the_answer_at_last_and_less_sure():
    asked = Asked(*(answers(said("f1", e, "c2")) for e in ("signup", ISO, "upper(signup)")))
    [answer] = proposer(asked).propose(question_of("since"), workbench()).answers
    assert (answer.expression, answer.rounds) == (ISO, 3)
    assert answer.confidence == pytest.approx(0.75 * 3 / 4)
    assert answer.reason == "it fits; it fails 25% of the rows: INVALID_DATE in 1 row."


def test_a_model_that_says_the_same_again_is_not_asked_a_third_time():
    asked = Asked(answers(said("f1", ISO, "c2")))
    [answer] = proposer(asked).propose(question_of("since"), workbench()).answers
    assert (answer.expression, answer.rounds, len(asked.prompts)) == (ISO, 2, 2)


def test_a_judge_may_let_faults_pass():
    judged = Judged.of_rows(["a", None], [None, "TOO_LONG"])
    lenient = Workbench(lambda *_: Judged(ok=True, faults=judged.faults, outputs=judged.outputs))
    asked = Asked(answers(said("f1", "cust_nm", "c1")))
    [answer] = proposer(asked).propose(question_of("name"), lenient).answers
    assert (answer.expression, len(asked.prompts)) == ("cust_nm", 1)


def test_the_answer_can_only_name_fields_and_columns_that_were_asked():
    asked = Asked(answers(said("f1", "cust_nm", "c1")))
    proposer(asked).propose(question_of("name"), workbench())
    schema = schema_of(asked)
    assert '"field": {"const": "f1"' in schema
    assert '{"enum": ["c1", "c2", "c3", "c4"], "type": "string"}' in schema


def test_what_a_small_model_leaves_out_is_empty_and_still_asked_for():
    asked = Asked(answers({"field": "f1", "confidence": 0.5}))
    bench = workbench(synthesize=lambda *_: None)
    [answer] = proposer(asked).propose(question_of("name"), bench).answers
    assert (answer.expression, answer.rounds, answer.reason) == (None, 1, "")
    assert '"required": ["field", "sources", "expression", "examples", "confidence"' in schema_of(
        asked
    )


@pytest.mark.parametrize(("field", "column"), [("f9", "c1"), ("f1", "c9"), ("f1", "cust_nm")])
def test_an_invented_field_or_column_is_no_answer(field, column):
    asked = Asked(answers(said(field, "cust_nm", column)))
    [answer] = proposer(asked, rounds=1).propose(question_of("name"), workbench()).answers
    assert answer.expression is None
    assert answer.reason == "the model's answer could not be read."


@pytest.mark.parametrize(
    "forbidden",
    [
        "read_csv('/etc/passwd')",
        "getenv('HOME')",
        "cust_nm || getenv('HOME')",
        "(SELECT cust_nm FROM t)",
        "cust_nm; DROP TABLE t",
        "random()",
        "nope_column",
    ],
)
def test_what_is_not_allowed_never_reaches_the_engine(forbidden):
    reached: list[str] = []

    def judge(_: SchemaField, expression: str, __: tuple[str, ...]) -> Judged:
        reached.append(expression)
        return Judged(ok=True)

    asked = Asked(answers(said("f1", forbidden, "c1")))
    [answer] = proposer(asked).propose(question_of("name"), Workbench(judge)).answers
    assert (reached, answer.expression, answer.reason) == (
        [], None, "no expression of the model stood the trial; the last had NOT_ALLOWED."
    )  # fmt: skip
    assert '"code": "NOT_ALLOWED"' in asked.prompts[1]


def test_a_constant_is_no_mapping():
    asked = Asked(answers(said("f1", "'x'")))
    [answer] = proposer(asked, rounds=1).propose(question_of("name"), workbench()).answers
    assert answer.expression is None
    assert answer.reason.endswith("CONSTANT.")


def test_the_sources_are_what_the_expression_says_whatever_the_model_says():
    asked = Asked(answers(said("f1", "cust_nm || st", "c2")))
    [answer] = proposer(asked).propose(question_of("name"), workbench()).answers
    assert answer.sources == ("cust_nm", "st")


def test_a_judge_that_refuses_is_heard_not_raised():
    def judge(*_: object) -> Judged:
        raise PlanError("the types do not fit.")

    asked = Asked(answers(said("f1", "cust_nm", "c1")))
    [answer] = proposer(asked, rounds=2).propose(question_of("name"), Workbench(judge)).answers
    assert answer.expression is None
    assert "the types do not fit." in asked.prompts[1]


def test_an_expression_that_is_empty_in_every_row_does_not_stand():
    asked = Asked(answers(said("f1", "nullif(cust_nm, cust_nm)", "c1")))
    [answer] = proposer(asked, rounds=1).propose(question_of("name"), workbench()).answers
    assert answer.reason.endswith("NO_VALUE.")


def test_examples_become_an_expression_by_synthesis():
    seen: list[tuple[str, tuple[str, ...], tuple[Example, ...]]] = []

    def synthesize(field, sources, examples):
        seen.append((field.path, sources, examples))
        return "split_part(cust_nm, ',', 1)"

    example = {"inputs": ["Doe, Jo"], "output": "Doe"}
    asked = Asked(answers(said("f1", None, "c1", examples=[example])))
    proposed = proposer(asked).propose(question_of("name"), workbench(synthesize=synthesize))
    assert proposed.answers[0].expression == "split_part(cust_nm, ',', 1)"
    assert seen == [("name", ("cust_nm",), (Example(("Doe, Jo",), "Doe"),))]


def test_examples_that_no_program_fits_go_back():
    example = {"inputs": ["a", "b"], "output": "c"}
    asked = Asked(answers(said("f1", None, "c1", examples=[example])))
    bench = workbench(synthesize=lambda *_: None)
    [answer] = proposer(asked, rounds=2).propose(question_of("name"), bench).answers
    assert answer.reason.endswith("NO_PROGRAM.")
    assert '"code": "NO_PROGRAM"' in asked.prompts[1]


def test_without_a_synthesizer_no_examples_are_asked_for():
    asked = Asked(answers(said("f1", "cust_nm", "c1")))
    proposer(asked).propose(question_of("name"), workbench())
    assert "ExampleGiven" not in schema_of(asked)


def test_the_same_question_is_the_same_request_and_hash():
    one, two = (Asked(answers(said("f1", "cust_nm", "c1"))) for _ in range(2))
    hashes = {proposer(a).propose(question_of("name"), workbench()).prompt_hash for a in (one, two)}
    other = proposer(Asked(answers())).propose(question_of("since"), workbench()).prompt_hash
    assert one.prompts == two.prompts
    assert len(hashes) == 1
    assert other not in hashes


def test_what_was_found_offline_is_not_shown_but_what_is_current_is():
    question = question_of("name", "since", offline={"name": "upper(cust_nm)"},
                           current={"since": "lower(signup)"})  # fmt: skip
    asked = Asked(answers(said("f1", None), said("f2", None)))
    proposer(asked).propose(question, workbench())
    assert "upper(cust_nm)" not in asked.prompts[0]
    assert '"now": "lower(signup)"' in asked.prompts[0]


def wide(fields: int, columns: int) -> Question:
    """A target of many fields, each with eight candidates."""
    made = tuple(SchemaField(f"t{n}", f"t{n}", "string") for n in range(fields))
    table = columns_of({f"s{n}": [f"v{n}"] for n in range(columns)})
    near = {
        f.path: tuple(Candidate(f"s{(n + k) % columns}", 1 - k / 10) for k in range(8))
        for n, f in enumerate(made[:-1])
    }
    return Question(made, table, near)


def test_a_large_target_is_asked_in_batches_with_short_lists():
    asked = Asked(answers())
    question = wide(SMALL_FIELDS + 2, 30)
    proposed = proposer(asked, rounds=1).propose(question, workbench())
    assert len(asked.prompts) == 4
    assert all(prompt.count('"candidates"') <= 20 for prompt in asked.prompts)
    assert '"candidates": ["c1", "c2", "c3", "c4", "c5"]' in asked.prompts[0]
    assert proposed.answers[-1].reason == "it has no candidate columns."
    assert [a.path for a in proposed.answers] == [f.path for f in question.fields]


def test_a_small_target_is_asked_at_once():
    asked = Asked(answers())
    proposer(asked, rounds=1).propose(wide(SMALL_FIELDS, 30), workbench())
    assert len(asked.prompts) == 1


def test_without_columns_nothing_is_asked():
    asked = Asked(answers())
    proposed = proposer(asked).propose(Question(question_of("name").fields, ()), workbench())
    assert (asked.prompts, proposed.answers[0].expression) == ([], None)


def test_it_can_be_asked_inside_a_running_event_loop():
    async def notebook():
        asked = Asked(answers(said("f1", "cust_nm", "c1")))
        return proposer(asked).propose(question_of("name"), workbench())

    assert asyncio.run(notebook()).answers[0].expression == "cust_nm"


def test_headers_that_are_alike_but_for_their_place_keep_their_paths():
    table = columns_of({"a b": ["x1"], "A.b": ["x2"], "select": ["x3"]})
    asked = Asked(answers(said("f1", '"A.b" || "select"', "c2", "c3")))
    bench = Workbench(lambda *_: Judged(ok=True))
    [answer] = proposer(asked).propose(Question(question_of("name").fields, table), bench).answers
    assert answer.sources == ("A.b", "select")

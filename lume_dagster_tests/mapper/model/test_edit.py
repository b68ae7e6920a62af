"""A person's sentence changes one expression, or teaches something about many."""

from __future__ import annotations

from lume_dagster.mapper.model import Candidate, Edit, Learned
from lume_dagster_tests.mapper.model.bench import (
    Asked,
    answers,
    columns_of,
    fields_of,
    proposer,
    question_of,
    said,
    workbench,
)

[NAME] = fields_of("name")


def test_the_sentence_and_the_current_expression_are_asked():
    asked = Asked(answers(said("f1", "upper(trim(cust_nm))", "c1")))
    edit = Edit(NAME, "in capitals", columns_of(), "trim(cust_nm)")
    [answer] = proposer(asked).edit(edit, workbench()).answers
    assert answer.expression == "upper(trim(cust_nm))"
    assert '"now": "trim(cust_nm)"' in asked.prompts[0]
    assert '<sentence>\n"in capitals"\n</sentence>' in asked.prompts[0]
    assert "<sentence> is what a person wants" in str(asked.seen[0].instructions)


def test_an_edit_goes_through_the_same_rounds():
    asked = Asked(answers(said("f1", "nope(cust_nm)", "c1")), answers(said("f1", "cust_nm", "c1")))
    [answer] = proposer(asked).edit(Edit(NAME, "as it is", columns_of()), workbench()).answers
    assert (answer.expression, answer.rounds) == ("cust_nm", 2)


def test_a_person_may_ask_for_a_constant():
    asked = Asked(answers(said("f1", "'shop'")))
    [answer] = proposer(asked).edit(Edit(NAME, "always shop", columns_of()), workbench()).answers
    assert (answer.expression, answer.sources) == ("'shop'", ())


def test_a_person_may_not_ask_for_what_is_not_allowed():
    asked = Asked(answers(said("f1", "getenv('HOME')")))
    [answer] = proposer(asked).edit(Edit(NAME, "my home", columns_of()), workbench()).answers
    assert answer.expression is None


def test_of_a_wide_table_the_columns_in_use_and_the_candidates_are_shown():
    table = columns_of({f"s{n}": ["v"] for n in range(500)})
    edit = Edit(NAME, "add s499", table, "s400", (Candidate("s499", 0.5),))
    asked = Asked(answers(said("f1", None)))
    proposer(asked).edit(edit, workbench())
    assert '"s400"' in asked.prompts[0]
    assert '"s499"' in asked.prompts[0]
    assert '"s300"' not in asked.prompts[0]


def lesson(kind: str, word: str, meaning: str | None = None) -> dict[str, str | None]:
    return {"field": "f1", "kind": kind, "word": word, "meaning": meaning}


def learn(*lessons: dict[str, str | None]) -> tuple[Asked, Learned]:
    asked = Asked({"lessons": list(lessons)})
    return asked, proposer(asked).learn("st: p is paid", question_of("status"))


def test_what_a_sentence_teaches_is_kept_by_field():
    asked, learned = learn(
        lesson("synonym", "state"),
        lesson("code", "p", "open"),
        lesson("note", "empty means open"),
        lesson("code", "no meaning"),
    )
    assert learned.synonyms == {"status": ("state",)}
    assert learned.codes == {"status": {"p": "open"}}
    assert learned.notes == {"status": ("empty means open",)}
    assert learned.spent.requests == 1
    assert "st: p is paid" in asked.prompts[0]


def test_a_sentence_that_teaches_nothing_is_nothing():
    _, learned = learn()
    assert (learned.synonyms, learned.codes, learned.notes) == ({}, {}, {})


def test_a_model_that_cannot_answer_has_taught_nothing_and_it_is_said():
    asked = Asked({"lessons": [{"field": "f9"}]})
    learned = proposer(asked).learn("st: p is paid", question_of("status"))
    assert learned.failed == "the model's answer could not be read."


def test_notes_are_told_with_their_field():
    asked = Asked(answers())
    question = question_of("name", notes={"name": ("the title is not part of it",)})
    proposer(asked, rounds=1).propose(question, workbench())
    assert '"notes": ["the title is not part of it"]' in asked.prompts[0]

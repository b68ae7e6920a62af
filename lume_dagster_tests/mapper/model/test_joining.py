"""Votes, agreement, and what becomes of an offline proposal when a model was asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lume_dagster.mapper.model import Answer, joined
from lume_dagster.mapper.proposal import Proposal, Verdict
from lume_dagster_tests.mapper.model.bench import (
    Asked,
    answers,
    proposer,
    question_of,
    said,
    workbench,
)

OFFLINE = Proposal("name", "cust_nm", ("cust_nm",), 0.8, Verdict.REVIEW, "identity", ("alike",))
NONE = Proposal("name", None, (), 0.1, Verdict.ABSTAIN, "none")
SAYS = Answer("name", "upper(cust_nm)", ("cust_nm",), 0.75, "in capitals", agrees=False)


def agrees(expression: str, offline: str) -> bool | None:
    asked = Asked(answers(said("f1", expression, "c1", "c4")))
    question = question_of("name", offline={"name": offline})
    return proposer(asked).propose(question, workbench()).answers[0].agrees


def test_the_same_expression_agrees_however_it_is_written():
    assert agrees("UPPER( cust_nm )", "upper(cust_nm)") is True


def test_another_expression_with_the_same_values_agrees():
    assert agrees("substr(cust_nm, 1)", "cust_nm") is True


def test_other_values_do_not_agree():
    assert agrees("upper(cust_nm)", "cust_nm") is False


def test_where_the_model_was_shown_it_there_is_no_telling():
    asked = Asked(answers(said("f1", "cust_nm", "c1")))
    question = question_of("name", offline={"name": "cust_nm"}, current={"name": "cust_nm"})
    [answer] = proposer(asked).propose(question, workbench()).answers
    assert answer.agrees is None


def test_agreement_raises_the_confidence_and_keeps_the_expression():
    after = joined(OFFLINE, replace(SAYS, agrees=True), "m", auto_at=0.85)
    assert (after.expression, after.verdict) == ("cust_nm", Verdict.AUTO)
    assert after.confidence == pytest.approx(0.875)


def test_agreement_is_not_enough_where_somebody_must_look():
    after = joined(OFFLINE, replace(SAYS, agrees=True), "m")
    assert after.verdict is Verdict.REVIEW


def test_a_difference_is_looked_at_even_if_the_offline_proposal_was_sure():
    sure = replace(OFFLINE, confidence=0.97, verdict=Verdict.AUTO)
    after = joined(sure, SAYS, "m", auto_at=0.5)
    assert (after.expression, after.verdict) == ("cust_nm", Verdict.REVIEW)
    assert after.alternatives[0].expression == "upper(cust_nm)"
    assert after.reasons[-1] == "m says otherwise: in capitals"


def test_an_offline_guess_gives_way_to_a_surer_model_and_stays_an_alternative():
    after = joined(replace(OFFLINE, confidence=0.2), SAYS, "m", auto_at=0.5)
    assert (after.expression, after.verdict, after.confidence) == (
        "upper(cust_nm)", Verdict.REVIEW, 0.75
    )  # fmt: skip
    assert after.alternatives[0].expression == "cust_nm"


def test_what_only_the_model_proposes_is_looked_at():
    after = joined(NONE, replace(SAYS, agrees=None), "m", auto_at=0.5)
    assert (after.expression, after.verdict, after.kind) == (
        "upper(cust_nm)", Verdict.REVIEW, "model"
    )  # fmt: skip


def test_no_answer_changes_nothing():
    assert joined(OFFLINE, Answer("name"), "m", auto_at=0.5) == OFFLINE


def turn(expression: str | None) -> dict[str, object]:
    """Whatever the order of the columns is: the source is read off the expression."""
    return answers(said("f1", expression, confidence=0.9))


def elected(*expressions: str | None):
    asked = Asked(*map(turn, expressions))
    question = question_of("name", offline={"name": "cust_nm"})
    [answer] = proposer(asked, votes=3).propose(question, workbench()).answers
    return asked, answer


def test_where_they_differ_three_votes_decide():
    asked, answer = elected("upper(cust_nm)", "lower(cust_nm)", "UPPER(cust_nm)")
    assert (answer.expression, answer.votes, answer.agrees) == ("upper(cust_nm)", (2, 3), False)
    assert len(asked.prompts) == 3


def test_votes_may_bring_the_offline_answer_back():
    _, answer = elected("upper(cust_nm)", "cust_nm", "cust_nm")
    assert (answer.expression, answer.votes, answer.agrees) == ("cust_nm", (2, 3), True)


def test_without_a_majority_there_is_no_answer():
    _, answer = elected("upper(cust_nm)", "lower(cust_nm)", "reverse(cust_nm)")
    assert (answer.expression, answer.votes) == (None, (0, 3))


def test_where_they_agree_nobody_votes():
    asked, answer = elected("cust_nm")
    assert (len(asked.prompts), answer.votes, answer.agrees) == (1, None, True)


def test_votes_shuffle_the_columns_and_always_the_same_way():
    one, _ = elected("upper(cust_nm)", "upper(cust_nm)", "upper(cust_nm)")
    two, _ = elected("upper(cust_nm)", "upper(cust_nm)", "upper(cust_nm)")
    assert one.prompts == two.prompts
    assert len(set(one.prompts)) == 3

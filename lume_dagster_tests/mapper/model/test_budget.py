"""What a call may cost is known before it is made, and kept to."""

from __future__ import annotations

from decimal import Decimal

import pytest

from lume_dagster.errors import InvalidRequestError
from lume_dagster.mapper.model import Budget, ModelSettings
from lume_dagster.mapper.model.budget import Purse, price_of
from lume_dagster.mapper.model.proposer import ModelProposer
from lume_dagster.mapper.model.tokens import tokens_of
from lume_dagster_tests.mapper.model.bench import (
    Asked,
    answers,
    proposer,
    question_of,
    said,
    settings_of,
    workbench,
)
from lume_dagster_tests.mapper.model.scripted import Raw, serve
from lume_dagster_tests.mapper.model.test_wire import GOOD, settings


def test_an_estimate_over_the_budget_is_refused_before_anything_is_sent():
    asked = Asked(answers())
    asking = proposer(asked, budget=Budget(1_000))
    with pytest.raises(InvalidRequestError, match="would go over the budget: 1,000 of 1,000"):
        asking.propose(question_of(), workbench())
    assert asked.prompts == []


def test_a_price_over_the_budget_is_refused_before_anything_is_sent():
    given = ModelSettings("openai", "gpt-4o", budget=Budget(1_000_000, Decimal("0.0001")))
    asking = ModelProposer(given, lambda: pytest.fail("the client was opened"))
    with pytest.raises(InvalidRequestError, match=r"\$0.0001 are allowed"):
        asking.propose(question_of(), workbench())


def test_the_loop_stops_when_the_budget_is_used_up(wire):
    wrong = answers(said("f1", "signup", "c2"))
    with serve(wrong, usage=(40_000, 900)) as script:
        asking = ModelProposer(settings(script, "openai", rounds=3, budget=Budget(42_000)))
        proposed = asking.propose(question_of("since"), workbench())
    assert len(script.seen) == 1
    assert proposed.stopped is not None
    assert "1,100 of 42,000 tokens are left" in proposed.stopped
    assert proposed.answers[0].expression is None


def test_a_malformed_answer_is_not_sent_back_when_the_budget_is_used_up(wire):
    with serve(Raw("{"), usage=(40_000, 900)) as script:
        asking = ModelProposer(settings(script, "openai", budget=Budget(42_000)))
        proposed = asking.propose(question_of("since"), workbench())
    assert len(script.seen) == 1
    assert proposed.stopped is not None


def test_what_was_used_and_its_price_are_in_the_result(wire):
    with serve(GOOD, usage=(1_000_000, 1_000_000)) as script:
        asking = ModelProposer(settings(script, "openai", model="gpt-4o-mini"))
        spent = asking.propose(question_of("name"), workbench()).spent
    assert (spent.requests, spent.input_tokens, spent.output_tokens) == (1, 1_000_000, 1_000_000)
    assert spent.price == price_of(asking.settings, 1_000_000, 1_000_000)
    assert spent.price is not None
    assert spent.price > 0


def test_a_provider_that_counts_nothing_is_counted_for(wire):
    with serve(GOOD, usage=(0, 0)) as script:
        asking = ModelProposer(settings(script, "openai"))
        spent = asking.propose(question_of("name"), workbench()).spent
    assert spent.input_tokens > 500
    assert spent.output_tokens > 10


def test_the_price_of_an_unknown_model_is_not_known_and_tokens_still_hold():
    given = settings_of(budget=Budget(100, Decimal(1)))
    assert price_of(given, 10, 10) is None
    assert price_of(ModelSettings("openai", "made-up"), 10, 10) is None
    with pytest.raises(InvalidRequestError, match="100 of 100 tokens are left"):
        Purse(given).allow(60, 60)


def test_tries_that_were_sent_and_not_answered_count():
    purse = Purse(settings_of(budget=Budget(100)))
    purse.unanswered += 60
    with pytest.raises(InvalidRequestError, match="40 of 100"):
        purse.allow(30, 20)


def test_an_estimate_opens_no_client_and_holds_the_whole_first_round():
    asking = ModelProposer(settings_of(), lambda: pytest.fail("the client was opened"))
    estimate = asking.estimate(question_of())
    assert estimate.requests == 1
    assert estimate.tokens == estimate.input_tokens + estimate.output_tokens
    assert estimate.input_tokens > 1_000


def test_the_estimate_is_at_least_what_the_request_is_counted_as():
    asked = Asked(answers(said("f1", "cust_nm", "c1")))
    asking = proposer(asked)
    asking.propose(question_of("name"), workbench())
    sent = asked.prompts[0] + str(asked.seen[0].instructions)
    assert asking.estimate(question_of("name")).input_tokens >= tokens_of(sent)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        # what cl100k_base is published to make of them
        ("The quick brown fox jumps over the lazy dog.", 10),
        ("tiktoken is great!", 6),
        ("antidisestablishmentarianism", 6),
        ("2 + 2 = 4", 7),
        ("お誕生日おめでとう", 9),
    ],
)
def test_more_tokens_are_counted_than_a_tokenizer_makes(text, known):
    assert tokens_of(text) >= known

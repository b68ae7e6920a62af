"""Both wire shapes against a scripted provider on loopback: troubles, headers, and no key anywhere."""

from __future__ import annotations

import json
import logging
import socket
import traceback
from typing import Any

import pytest

from lume_dagster.errors import AuthenticationError, ConnectorError, LumeError, TransientError
from lume_dagster.mapper.model import ModelSettings, model_proposer
from lume_dagster_tests.mapper.model.bench import (
    answers,
    question_of,
    said,
    settings_of,
    workbench,
)
from lume_dagster_tests.mapper.model.conftest import KEY
from lume_dagster_tests.mapper.model.scripted import (
    Body,
    Drop,
    Hang,
    Prose,
    Raw,
    Refusal,
    Script,
    Status,
    Turn,
    serve,
)

GOOD = answers(said("f1", "cust_nm", "c1"))
SHAPES = ("openai", "anthropic")
pytestmark = pytest.mark.usefixtures("wire")


def settings(script: Script, provider: str, **more: Any) -> ModelSettings:
    anthropic = provider == "anthropic"
    given: dict[str, Any] = {
        "provider": provider,
        "model": "claude-haiku-5-5" if anthropic else "gpt-4o-mini",
        "base_url": script.url if anthropic else f"{script.url}/v1",
        "api_key_env": "MADE_UP_KEY",
        "rounds": 1,
    }
    return settings_of(**{**given, **more})


def propose(script: Script, provider: str, **more: Any):
    asking = model_proposer(settings(script, provider, **more))
    return asking.propose(question_of("name"), workbench())


@pytest.mark.parametrize("provider", SHAPES)
@pytest.mark.parametrize(
    "trouble",
    [
        Status(429, headers={"retry-after": "0"}),
        Status(500),
        Status(503),
        Status(529),
        Drop,
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again(provider, trouble):
    with serve(trouble, trouble, GOOD) as script:
        proposed = propose(script, provider)
    assert proposed.answers[0].expression == "cust_nm"
    assert (len(script.seen), proposed.spent.requests) == (3, 1)


@pytest.mark.parametrize("provider", SHAPES)
@pytest.mark.parametrize("trouble", [Status(429), Status(500), Drop], ids=str)
def test_tries_are_bounded(provider, trouble):
    with serve(trouble) as script, pytest.raises(TransientError, match=r"failed in 3 tries"):
        propose(script, provider, retries=2)
    assert len(script.seen) == 3


@pytest.mark.parametrize("provider", SHAPES)
def test_a_provider_that_does_not_answer_is_given_up(provider):
    with serve(Hang) as script, pytest.raises(TransientError, match="2 tries .*no answer in|timed out"):  # fmt: skip
        propose(script, provider, timeout=1, retries=1)
    assert len(script.seen) == 2


@pytest.mark.parametrize("provider", SHAPES)
def test_nobody_waits_for_a_provider_that_wants_an_hour(provider):
    with (
        serve(Status(429, headers={"retry-after": "3600"})) as script,
        pytest.raises(TransientError, match="429"),
    ):
        propose(script, provider)
    assert len(script.seen) == 1


@pytest.mark.parametrize("provider", SHAPES)
@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (401, "refused the API key"),
        (403, "refused the API key"),
        (404, "has no such model"),
        (400, "refused the request"),
    ],
)
def test_what_will_not_pass_is_said_at_once(provider, code, sentence):
    with serve(Status(code)) as script, pytest.raises(ConnectorError, match=sentence):
        propose(script, provider)
    assert len(script.seen) == 1


def test_nobody_at_the_address_is_a_sentence():
    with socket.socket() as taken:  # so that nobody else can listen there
        taken.bind(("127.0.0.1", 0))
        nobody = Script([], url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(TransientError, match="openai:gpt-4o-mini failed in 2 tries"):
            propose(nobody, "openai", retries=1)


MALFORMED = [
    ("openai", Raw("{not json")),
    ("openai", Raw("[]")),
    ("openai", Raw(json.dumps({"answers": [{"field": "f1"}]}))),
    ("openai", Raw(json.dumps(answers(said("f1", "cust_nm", "c77"))))),
    ("openai", Prose("I think it is cust_nm.")),
    ("anthropic", Prose("I think it is cust_nm.")),
    ("anthropic", Raw("not a list")),
    ("anthropic", answers(said("f7", "cust_nm", "c1"))),
]


@pytest.mark.parametrize(("provider", "turn"), MALFORMED)
def test_a_malformed_answer_is_sent_back_and_may_be_mended(provider, turn: Turn):
    with serve(turn, GOOD) as script:
        proposed = propose(script, provider)
    assert proposed.answers[0].expression == "cust_nm"
    assert proposed.spent.requests == 2


@pytest.mark.parametrize(("provider", "turn"), MALFORMED)
def test_an_answer_that_stays_malformed_is_none(provider, turn: Turn):
    with serve(turn) as script:
        [answer] = propose(script, provider, rounds=2).answers
    assert (answer.expression, answer.reason) == (None, "the model's answer could not be read.")
    assert len(script.seen) == 4


@pytest.mark.parametrize("provider", SHAPES)
def test_a_refusal_is_no_answer(provider):
    with serve(Refusal()) as script:
        [answer] = propose(script, provider).answers
    assert (answer.expression, answer.reason) == (None, "the model refused to answer.")


def what_came(script: Script, provider: str) -> str:
    try:
        [answer] = propose(script, provider, retries=0).answers
    except LumeError as error:
        return error.message
    assert answer.expression is None
    return answer.reason


@pytest.mark.parametrize("provider", SHAPES)
@pytest.mark.parametrize("text", ["", "<html>502</html>", "[1, 2]", '{"choices": 3}'])
def test_an_answer_of_another_shape_is_no_stack_trace(provider, text):
    with serve(Body(text)) as script:
        came = what_came(script, provider)
    assert came == "the model's answer could not be read." or "failed in 1 tries" in came


def test_what_was_answered_stays_when_a_later_request_fails():
    first = answers(said("f1", "cust_nm", "c1"), said("f2", "signup", "c2"))
    with serve(first, Status(500)) as script:
        asking = model_proposer(settings(script, "openai", rounds=3, retries=0))
        proposed = asking.propose(question_of("name", "since"), workbench())
    assert proposed.answers[0].expression == "cust_nm"
    assert proposed.stopped is not None
    assert "failed in 1 tries" in proposed.stopped
    assert proposed.answers[1].reason.startswith("it was not settled: ")


@pytest.mark.parametrize("provider", [*SHAPES, "openai-compatible"])
def test_the_key_goes_to_the_address_given_and_nowhere_else(provider):
    with serve(GOOD) as script:
        propose(script, provider)
    [seen] = script.seen
    assert seen.path.startswith(
        "/v1/messages" if provider == "anthropic" else "/v1/chat/completions"
    )
    assert KEY in (seen.headers.get("authorization", "") + seen.headers.get("x-api-key", ""))
    assert KEY not in seen.text


def test_ollama_needs_no_key_and_holds_the_model_to_the_form():
    with serve(GOOD) as script:
        given = settings_of(provider="ollama", base_url=f"{script.url}/v1", model="llama3.2")
        proposed = model_proposer(given).propose(question_of("name"), workbench())
    assert (proposed.answers[0].expression, proposed.spent.price) == ("cust_nm", None)
    assert proposed.made_by == "ollama:llama3.2"
    form = script.seen[0].body["response_format"]["json_schema"]["schema"]
    assert form["properties"]["answers"]["type"] == "array"


def test_temperature_is_nought_where_the_model_has_one():
    bodies = {}
    for model in ("gpt-4o-mini", "gpt-5-mini"):
        with serve(GOOD) as script:
            propose(script, "openai", model=model)
        bodies[model] = script.seen[0].body
    assert bodies["gpt-4o-mini"]["temperature"] == 0
    assert "temperature" not in bodies["gpt-5-mini"]
    assert bodies["gpt-5-mini"]["reasoning_effort"] == "low"


def test_the_form_is_strict_where_the_provider_can_be():
    with serve(GOOD) as script:
        propose(script, "openai")
    assert script.seen[0].body["tools"][0]["function"]["strict"] is True


def test_two_runs_send_the_same_bytes():
    texts = []
    for _ in range(2):
        with serve(GOOD) as script:
            propose(script, "openai")
        texts.append(script.seen[0].text)
    assert texts[0] == texts[1]


@pytest.mark.parametrize("provider", SHAPES)
@pytest.mark.parametrize("code", [400, 401, 500])
def test_the_key_is_in_no_repr_log_or_error_even_when_the_provider_repeats_it(
    provider, code, caplog
):
    caplog.set_level(logging.DEBUG)
    with serve(Status(code, echo=f"bad key {KEY}")) as script:
        given = settings(script, provider, retries=0)
        asking = model_proposer(given)
        with pytest.raises(ConnectorError, match="•••") as caught:
            asking.propose(question_of("name"), workbench())
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert KEY not in shown + repr(given) + repr(asking) + caplog.text
    assert KEY not in repr(vars(asking))
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)


def test_a_key_that_is_not_set_is_said_before_anything_is_sent(monkeypatch):
    monkeypatch.delenv("MADE_UP_KEY")
    with serve(GOOD) as script, pytest.raises(AuthenticationError, match="MADE_UP_KEY is not set"):
        propose(script, "openai")
    assert script.seen == []

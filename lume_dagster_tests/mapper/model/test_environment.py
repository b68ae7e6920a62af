"""The model that the environment names, and that a person names instead."""

from __future__ import annotations

import pytest

from lume_dagster.errors import InvalidRequestError
from lume_dagster.mapper.model import Privacy
from lume_dagster.mapper.model.environment import KEY_ENV, MODEL, PRIVACY, TOKENS, URL, model_of


def test_without_a_name_there_is_no_model():
    assert model_of(environment={PRIVACY: "samples"}) is None


def test_everything_can_be_said_by_the_environment():
    given = {
        MODEL: "openai-compatible:m:latest",
        URL: "https://models.example.com/v1",
        KEY_ENV: "MY_KEY",
        PRIVACY: "shapes",
        TOKENS: "5000",
    }
    found = model_of(environment=given)
    assert found is not None
    assert (found.provider, found.model, found.url) == (
        "openai-compatible",
        "m:latest",
        "https://models.example.com/v1",
    )
    assert (found.api_key_env, found.privacy, found.budget.tokens) == (
        "MY_KEY",
        Privacy.SHAPES,
        5000,
    )


def test_what_a_person_says_comes_first_and_names_only_is_the_default():
    found = model_of("ollama:qwen3", environment={MODEL: "openai:x"})
    assert found is not None
    assert (found.name, found.privacy) == ("ollama:qwen3", Privacy.NAMES)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({MODEL: "gpt"}, "names no provider"),
        ({MODEL: "openai:x", PRIVACY: "all"}, "no privacy level 'all'"),
        ({MODEL: "openai:x", TOKENS: "many"}, "LUME_MODEL_TOKENS is 'many'"),
    ],
)
def test_what_makes_no_sense_gets_a_sentence(given, sentence):
    with pytest.raises(InvalidRequestError, match=sentence):
        model_of(environment=given)

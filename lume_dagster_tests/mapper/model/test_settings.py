"""Settings of a model: what cannot be is said, and the packages are imported when they are used."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from lume_dagster.errors import AuthenticationError, InvalidRequestError
from lume_dagster.mapper.model import Budget, ModelSettings, Privacy, Proposer, model_proposer
from lume_dagster_tests.mapper.model.bench import settings_of


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"provider": "opnai"}, r"no model provider 'opnai'.\nHint: did you mean 'openai'"),
        ({"provider": "openai-compatible", "base_url": None}, "it has no address"),
        ({"base_url": "localhost:80"}, "not an http or https address"),
        ({"base_url": "http://me:secret@host/v1"}, "holds more than an address"),
        ({"base_url": "http://host/v1?key=secret"}, "holds more than an address"),
        ({"api_key_env": "sk-secret"}, "not the name of an environment variable"),
        ({"model": " "}, "no model is named"),
        ({"timeout": 0}, "timeout and pause are seconds"),
        ({"retries": 11}, "retries is 11"),
        ({"rounds": 4}, "rounds is 4"),
        ({"votes": 2}, "votes is 2"),
        ({"budget": Budget(0)}, "allows no tokens"),
    ],
)
def test_a_setting_that_cannot_be_is_said(given: dict[str, Any], sentence):
    with pytest.raises(InvalidRequestError, match=sentence) as caught:
        settings_of(**given)
    assert "secret" not in str(caught.value)


def test_an_unknown_privacy_level_is_said():
    with pytest.raises(InvalidRequestError, match="no privacy level 'all'"):
        settings_of(privacy="all")


def test_a_privacy_level_may_be_written_as_a_word():
    assert settings_of(privacy="shapes").privacy is Privacy.SHAPES


@pytest.mark.parametrize(
    ("provider", "variable"), [("openai", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY")]
)
def test_the_key_is_read_from_the_providers_usual_variable(provider, variable, monkeypatch):
    settings = ModelSettings(provider, "made-up")
    monkeypatch.setenv(variable, "made-up-key")
    assert settings.key() == "made-up-key"
    monkeypatch.delenv(variable)
    with pytest.raises(AuthenticationError, match=f"{variable} is not set"):
        settings.key()


def test_a_model_proposer_is_a_proposer():
    proposer: Proposer = model_proposer(settings_of())
    assert "made-up" in repr(proposer)


def test_the_face_imports_no_package_of_the_extra():
    program = "import sys, lume_dagster.mapper.model; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    names = {name.partition(".")[0] for name in done.stdout.split()}
    assert (
        names & {"pydantic_ai", "openai", "anthropic", "genai_prices", "httpx", "httpx2"} == set()
    )


def test_without_the_packages_the_extra_is_named():
    program = (
        "import sys; sys.modules['pydantic_ai'] = None\n"
        "from lume_dagster.errors import MissingExtraError\n"
        "from lume_dagster.mapper.model import ModelSettings, model_proposer\n"
        "try: model_proposer(ModelSettings('openai', 'made-up'))\n"
        "except MissingExtraError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        "Asking a language model needs packages that are not installed.\n"
        "Hint: pip install 'lume-dagster[llm]'\n"
    )

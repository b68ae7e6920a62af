"""The model a machine is set up for: environment variables, so that no file holds it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from lume_dagster.errors import InvalidRequestError
from lume_dagster.mapper.model.settings import PROVIDERS, Budget, ModelSettings, Privacy

MODEL = "LUME_MODEL"
URL = "LUME_MODEL_URL"
KEY_ENV = "LUME_MODEL_KEY_ENV"
PRIVACY = "LUME_MODEL_PRIVACY"
TOKENS = "LUME_MODEL_TOKENS"


def model_of(
    named: str | None = None,
    privacy: str | None = None,
    tokens: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> ModelSettings | None:
    """The model that is named, or that the environment names; None where none is.

    Args:
        named: ``provider:model``, in place of LUME_MODEL.
        privacy: in place of LUME_MODEL_PRIVACY; ``names`` where neither is said.
        tokens: the budget of a call, in place of LUME_MODEL_TOKENS.
        environment: in place of the process's.

    Raises:
        InvalidRequestError: what is said makes no sense.
    """
    given = os.environ if environment is None else environment
    whole = named or given.get(MODEL)
    if not whole:
        return None
    provider, _, model = whole.partition(":")
    if not model:
        raise InvalidRequestError(
            f"The model {whole!r} names no provider.",
            hint=f"write provider:model; the providers are {', '.join(PROVIDERS)}.",
        )
    return ModelSettings(
        provider,
        model,
        base_url=given.get(URL) or None,
        api_key_env=given.get(KEY_ENV) or None,
        privacy=Privacy(_known(privacy or given.get(PRIVACY) or Privacy.NAMES)),
        budget=Budget(tokens or _number(given.get(TOKENS)) or Budget().tokens),
    )


def _known(privacy: str) -> str:
    if privacy not in list(Privacy):
        levels = ", ".join(Privacy)
        raise InvalidRequestError(
            f"There is no privacy level {privacy!r}.", hint=f"it is one of {levels}."
        )
    return privacy


def _number(text: str | None) -> int | None:
    if not text:
        return None
    if not text.isdecimal():
        raise InvalidRequestError(
            f"{TOKENS} is {text!r}.", hint="it is a number of tokens, such as 20000."
        )
    return int(text)

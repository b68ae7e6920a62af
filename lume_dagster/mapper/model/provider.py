"""The provider's client, made for one request, and its errors as sentences without the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_ai import exceptions

from lume_dagster.errors import ConnectorError, LumeError, MissingExtraError, TransientError
from lume_dagster.mapper.model.settings import ModelSettings

if TYPE_CHECKING:
    from pydantic_ai.models import Model

_LONGEST = 200
_NO_KEY = "none"  # for servers that want no key; the client wants one


def open_model(settings: ModelSettings) -> Model:
    """A client of its own for each request, because a client belongs to one event loop.

    Raises:
        AuthenticationError: the key's variable is not set.
        MissingExtraError: the provider's packages are not installed.
    """
    key = settings.key() or _NO_KEY
    try:
        return _SHAPES[settings.known.shape](settings, key)
    except ImportError as error:
        raise MissingExtraError.for_extra(
            f"The model provider {settings.provider}", "llm"
        ) from error


def _openai(settings: ModelSettings, key: str) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    return OpenAIChatModel(
        settings.model, provider=OpenAIProvider(base_url=settings.url, api_key=key)
    )


def _compatible(settings: ModelSettings, key: str) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    provider = OpenAICompatibleProvider(settings.provider, base_url=settings.url, api_key=key)
    return OpenAIChatModel(settings.model, provider=provider)


def _ollama(settings: ModelSettings, key: str) -> Model:
    from pydantic_ai.models.ollama import OllamaModel
    from pydantic_ai.providers.ollama import OllamaProvider

    return OllamaModel(settings.model, provider=OllamaProvider(base_url=settings.url, api_key=key))


def _anthropic(settings: ModelSettings, key: str) -> Model:
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    return AnthropicModel(
        settings.model, provider=AnthropicProvider(base_url=settings.url, api_key=key)
    )


_SHAPES = {
    "openai": _openai,
    "compatible": _compatible,
    "ollama": _ollama,
    "anthropic": _anthropic,
}

#: The first that fits: what it means, and what to do.
_MEANINGS: tuple[tuple[type[exceptions.ModelAPIError], str, str], ...] = (
    (exceptions.ModelAuthenticationError, "refused the API key", "look at the key's variable."),
    (exceptions.ModelNotFoundError, "has no such model", "look at the model and base_url."),
    (
        exceptions.ModelQuotaExceededError,
        "says that the account is used up",
        "look at its billing.",
    ),
    (
        exceptions.ModelContextWindowExceededError,
        "cannot take a question that long",
        "ask for fewer fields.",
    ),
)
_LATER = "it may pass: try again later."


def told(error: exceptions.ModelAPIError, settings: ModelSettings) -> LumeError:
    """The provider's error as one of ours."""
    said = _said(error, settings)
    for kind, meaning, hint in _MEANINGS:
        if isinstance(error, kind):
            return ConnectorError(f"{settings.name} {meaning}{said}.", hint=hint)
    if isinstance(error, exceptions.ModelRequestRejectedError):
        return ConnectorError(f"{settings.name} refused the request{said}.")
    tries = settings.retries + 1
    return TransientError(f"{settings.name} failed in {tries} tries{said}.", hint=_LATER)


def _said(error: exceptions.ModelAPIError, settings: ModelSettings) -> str:
    """The status and the provider's message, on one line, without the key in it."""
    status = f"{error.status_code}: " if isinstance(error, exceptions.ModelHTTPError) else ""
    message = " ".join(_message(error).split())
    key = settings.key()
    if key:
        message = message.replace(key, "•••")
    return f" ({status}{message[:_LONGEST].rstrip('.')})"


def _message(error: exceptions.ModelAPIError) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    inner = body.get("error", body)
    found = inner.get("message") if isinstance(inner, dict) else None
    return str(found) if found else error.message

"""Which model is asked, where it is, what may leave, and how much it may cost."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from urllib.parse import urlsplit

from lume_dagster.errors import AuthenticationError, InvalidRequestError, did_you_mean

MOST_RETRIES = 10


class Privacy(StrEnum):
    """What of the sample a model is shown."""

    NAMES = "names"  # headers and types
    SHAPES = "shapes"  # and values with every letter made a/A and every digit 9
    SAMPLES = "samples"  # and some values


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that one call of a proposer may use: tokens in and out together, and dollars."""

    tokens: int = 20_000
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """How a provider is reached: which of the two wire shapes, where, and with which key."""

    shape: str  # openai or anthropic
    base_url: str | None
    api_key_env: str | None
    prices: str | None  # what genai-prices calls it
    held_to_form: bool = False  # it can hold a model to a JSON Schema while it writes


PROVIDERS: dict[str, Provider] = {
    "openai": Provider("openai", "https://api.openai.com/v1", "OPENAI_API_KEY", "openai"),
    "anthropic": Provider(
        "anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY", "anthropic"
    ),
    "ollama": Provider("ollama", "http://localhost:11434/v1", None, None, held_to_form=True),
    "openai-compatible": Provider("compatible", None, None, None),
}
_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """A model and the terms it is asked on.

    ``provider`` is one of ``PROVIDERS``. ``api_key_env`` names the environment variable that holds
    the key; the key itself is read when a request is sent and kept nowhere. ``timeout`` is of one
    try in seconds; after a try that may pass, ``pause`` seconds go by before the next, then twice
    that. ``votes`` is how often a field is asked on which the model and the offline answer differ:
    1 is once.

    Raises:
        InvalidRequestError: an unknown provider, or a setting that cannot be.
    """

    provider: str
    model: str
    base_url: str | None = None
    api_key_env: str | None = None
    privacy: Privacy = Privacy.NAMES
    budget: Budget = Budget()
    timeout: float = 60.0
    retries: int = 3
    pause: float = 1.0
    rounds: int = 3
    votes: int = 1

    def __post_init__(self) -> None:
        if self.provider not in PROVIDERS:
            raise InvalidRequestError(
                f"there is no model provider {self.provider!r}.",
                hint=did_you_mean(self.provider, PROVIDERS),
            )
        if self.privacy not in list(Privacy):
            raise InvalidRequestError(
                f"there is no privacy level {self.privacy!r}.",
                hint=did_you_mean(str(self.privacy), Privacy),
            )
        object.__setattr__(self, "privacy", Privacy(self.privacy))
        for fact, hint in _wrong(self):
            raise InvalidRequestError(f"{self.provider}: {fact}", hint=hint)

    @property
    def known(self) -> Provider:
        """The row of the provider."""
        return PROVIDERS[self.provider]

    @property
    def url(self) -> str:
        """Where requests go."""
        return str(self.base_url or self.known.base_url)

    @property
    def name(self) -> str:
        """``provider:model``."""
        return f"{self.provider}:{self.model}"

    def key(self) -> str | None:
        """The key from the environment; None where the provider needs none.

        Raises:
            AuthenticationError: the variable is not set.
        """
        variable = self.api_key_env or self.known.api_key_env
        if variable is None:
            return None
        key = os.environ.get(variable, "").strip()
        if not key:
            raise AuthenticationError(
                f"the environment variable {variable} is not set.",
                hint=f"it holds the API key of {self.provider}.",
            )
        return key


def _wrong(given: ModelSettings) -> list[tuple[str, str]]:
    url = urlsplit(given.url)
    checks = (
        (given.base_url is None and given.known.base_url is None,
         "it has no address.", "set base_url, such as http://localhost:8000/v1."),
        (given.base_url is not None and (url.scheme not in ("http", "https") or not url.hostname),
         "base_url is not an http or https address.", "such as http://localhost:8000/v1."),
        (bool(url.username or url.password or url.query),
         "base_url holds more than an address.", "name the variable with the key in api_key_env."),
        (given.api_key_env is not None and not _ENV.fullmatch(given.api_key_env),
         "api_key_env is not the name of an environment variable.",
         "give the variable's name, never the key."),
        (not given.model.strip(), "no model is named.", "set model."),
        (given.timeout <= 0 or given.pause < 0, "timeout and pause are seconds.", "such as 60."),
        (not 0 <= given.retries <= MOST_RETRIES, f"retries is {given.retries}.",
         f"from 0 to {MOST_RETRIES}."),
        (not 1 <= given.rounds <= 3, f"rounds is {given.rounds}.", "from 1 to 3."),
        (given.votes not in (1, 3, 5), f"votes is {given.votes}.", "1, 3 or 5."),
        (given.budget.tokens <= 0, "the budget allows no tokens.", "such as 20000."),
    )  # fmt: skip
    return [(fact, hint) for wrong, fact, hint in checks if wrong]

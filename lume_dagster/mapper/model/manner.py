"""How a model is asked: as steady as it can be, with room for thinking where it thinks anyway."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_ai.settings import ModelSettings as Wire

from lume_dagster.mapper.model.settings import ModelSettings

THINKING = 4_000  # tokens of thinking, at low effort, on top of the answer


def wire_of(profile: Mapping[str, Any], settings: ModelSettings, most_out: int) -> Wire:
    """The settings of a request to a model of this profile."""
    wire = Wire(max_tokens=most_out, timeout=settings.timeout, max_retries=0)
    if _takes_temperature(profile):
        wire["temperature"] = 0.0
    if thinks(profile):
        wire["thinking"] = "low"
        wire["max_tokens"] = most_out + THINKING
    return wire


def thinks(profile: Mapping[str, Any]) -> bool:
    """Whether it thinks without being told to."""
    return bool(
        profile.get("thinking_enabled_by_default") or profile.get("thinking_always_enabled")
    )


def _takes_temperature(profile: Mapping[str, Any]) -> bool:
    if profile.get("anthropic_disallows_sampling_settings"):
        return False
    quiet = profile.get("openai_supports_reasoning_effort_none") and not thinks(profile)
    return bool(quiet) or not profile.get("openai_supports_reasoning")


def expected_profile(settings: ModelSettings) -> Mapping[str, Any]:
    """What is known of a model by its name, before there is a client."""
    return _PROFILES[settings.known.shape](settings.model) or {}


def _of_openai(model: str) -> Any:
    from pydantic_ai.providers.openai import OpenAIProvider

    return OpenAIProvider.model_profile(model)


def _of_anthropic(model: str) -> Any:
    from pydantic_ai.providers.anthropic import AnthropicProvider

    return AnthropicProvider.model_profile(model)


def _of_ollama(model: str) -> Any:
    from pydantic_ai.providers.ollama import OllamaProvider

    return OllamaProvider.model_profile(model)


_PROFILES: dict[str, Callable[[str], Any]] = {
    "openai": _of_openai,
    "compatible": _of_openai,
    "anthropic": _of_anthropic,
    "ollama": _of_ollama,
}

"""The door of every request: the budget before it, patience around it, the bill after."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import asdict

from pydantic_ai import exceptions
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings as Wire

from lume_dagster.mapper.model.budget import Purse
from lume_dagster.mapper.model.tokens import FRAME, tokens_of

_LONGEST_PAUSE = 60.0
_MAY_PASS = (
    exceptions.ModelRateLimitError,
    exceptions.ModelUnavailableError,
    exceptions.ModelServerError,
    exceptions.ModelConnectionError,
)
#: What clients do where an answer is JSON, but not of their provider's shape.
_TRIPPED = (TypeError, ValueError, AttributeError, LookupError)


class Door(WrapperModel):
    """A model that asks the purse first, tries again after a pause, and counts what was used."""

    def __init__(self, wrapped: Model, purse: Purse, most_out: int) -> None:
        super().__init__(wrapped)
        self._purse = purse
        self._most_out = most_out

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: Wire | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """One answer, after as many tries as the settings allow."""
        size = size_of(messages, model_request_parameters)
        settings = self._purse.settings
        for attempt in range(settings.retries + 1):
            self._purse.allow(size, self._most_out)
            try:
                response = await self._once(messages, model_settings, model_request_parameters)
            except _MAY_PASS as error:
                if _was_sent(error):
                    self._purse.unanswered += size
                pause = _pause(error, settings.pause * 2**attempt)
                if attempt == settings.retries or pause is None:
                    raise
                await asyncio.sleep(pause * random.uniform(1, 1.5))  # noqa: S311 - so that many do not return at once
            else:
                self._pay(response, size)
                return response
        raise AssertionError("the last try returns or raises")

    async def _once(
        self, messages: list[ModelMessage], wire: Wire | None, asked: ModelRequestParameters
    ) -> ModelResponse:
        """Within the time of one try, however slowly the answer drips in."""
        seconds = self._purse.settings.timeout
        try:
            async with asyncio.timeout(seconds):
                return await super().request(messages, wire, asked)
        except TimeoutError:
            raise exceptions.ModelTimeoutError(
                self.model_name, f"no answer in {seconds:g} s", phase="read"
            ) from None
        except _TRIPPED as error:
            what = f"its answer is not of the provider's shape: {type(error).__name__}"
            raise exceptions.UnexpectedModelBehavior(what) from error

    def _pay(self, response: ModelResponse, size: int) -> None:
        """What the provider says, or the estimate where it says nothing."""
        usage = response.usage
        written = tokens_of(json.dumps([asdict(part) for part in response.parts], default=str))
        self._purse.pay(usage.input_tokens or size, usage.output_tokens or written)


def size_of(messages: list[ModelMessage], asked: ModelRequestParameters) -> int:
    """The tokens of everything a request carries, at most."""
    tools = json.dumps([tool.parameters_json_schema for tool in asked.output_tools])
    rules = (part.content for part in asked.instruction_parts or ())
    said = (
        str(getattr(part, "args", None) or getattr(part, "content", ""))
        for message in messages
        for part in message.parts
    )
    return sum(map(tokens_of, (tools, *rules, *said))) + FRAME


def _was_sent(error: exceptions.ModelAPIError) -> bool:
    return isinstance(error, exceptions.ModelConnectionError) and error.phase != "connect"


def _pause(error: exceptions.ModelAPIError, usual: float) -> float | None:
    """None where the provider wants to be left alone for longer than anybody waits."""
    pause = max(error.retry_after or 0.0, usual)
    return pause if (error.retry_after or 0.0) <= _LONGEST_PAUSE else None

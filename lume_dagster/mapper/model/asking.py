"""Ask one question and get an answer of the wanted type, or the sentence why there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, ToolOutput, exceptions
from pydantic_ai.models import Model
from pydantic_ai.output import OutputSpec

from lume_dagster.mapper.model.budget import Purse
from lume_dagster.mapper.model.door import Door
from lume_dagster.mapper.model.manner import wire_of
from lume_dagster.mapper.model.prompt import Prompt
from lume_dagster.mapper.model.provider import told

_T = TypeVar("_T")
_NAME = "answer"
_AGAIN = 1  # a malformed answer is sent back so often, within one round


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer, or why there is none."""

    output: BaseModel | None
    why: str = ""


def ask(
    open_model: Callable[[], Model],
    prompt: Prompt,
    wanted: type[BaseModel],
    purse: Purse,
    most_out: int,
) -> Reply:
    """One question.

    Raises:
        ConnectorError: the provider refused; TransientError: it failed in every try.
        BudgetUsedUpError: before anything was sent that could go over the budget.
    """
    try:
        return _finished(_ask(open_model, prompt, wanted, purse, most_out))
    except exceptions.ModelAPIError as error:
        failed = told(error, purse.settings)
    raise failed  # out here it has no context, which might hold the key


async def _ask(
    open_model: Callable[[], Model],
    prompt: Prompt,
    wanted: type[BaseModel],
    purse: Purse,
    most_out: int,
) -> Reply:
    model = open_model()
    wire = wire_of(model.profile, purse.settings, most_out)
    agent = Agent(
        Door(model, purse, wire["max_tokens"]),
        output_type=_form(wanted, model, purse),
        instructions=prompt.rules,
        retries={"output": _AGAIN},
        model_settings=wire,
    )
    async with agent:
        try:
            result = await agent.run(prompt.body)
        except exceptions.ContentFilterError:
            return Reply(None, "the model refused to answer.")
        except exceptions.UnexpectedModelBehavior:
            return Reply(None, "the model's answer could not be read.")
    return Reply(result.output)


def _form(wanted: type[BaseModel], model: Model, purse: Purse) -> OutputSpec[BaseModel]:
    """As the arguments of a tool, or in the form itself where the server holds the model to it."""
    held = purse.settings.known.held_to_form and model.profile.get("supports_json_schema_output")
    return NativeOutput(wanted, name=_NAME) if held else ToolOutput(wanted, name=_NAME)


def _finished(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run it to its end, also where a notebook's loop is running already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, coroutine).result()

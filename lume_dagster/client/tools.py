"""What this installation generates, learns and asks with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lume_dagster.engines.settings import EngineSettings
from lume_dagster.mapper.extra import needing_extra
from lume_dagster.mapper.generate import Generator
from lume_dagster.mapper.model import ModelSettings, model_proposer
from lume_dagster.mapper.workshop.tools import Ask, Example, Learn, Tools

if TYPE_CHECKING:
    from lume_dagster.flows.schema import SchemaField
    from lume_dagster.mapper.sample import Sample


def make_tools(settings: EngineSettings, model: ModelSettings | None = None) -> Tools:
    """The offline mapper, and the model where there is one.

    Raises:
        MissingExtraError: a model is wanted, and the packages of ``lume-dagster[llm]`` are missing.
    """
    proposer = model_proposer(model) if model is not None else None
    return Tools(
        generate=Generator(settings, proposer=proposer),
        learn=_learner(settings),
        ask=_asker(settings, model) if model is not None else None,
    )


def _learner(settings: EngineSettings) -> Learn:
    def learn(sample: Sample, field: SchemaField, examples: Sequence[Example]) -> Sequence[str]:
        with needing_extra("Learning from examples"):
            from lume_dagster.mapper.generate.learning import learn_field
        taught = [(example.source, example.wanted) for example in examples]
        return list(dict.fromkeys(learn_field(settings, sample, field, taught)))

    return learn


def _asker(settings: EngineSettings, model: ModelSettings) -> Ask:
    def ask(sample: Sample, field: SchemaField, sentence: str, current: str | None) -> str | None:
        from lume_dagster.mapper.generate.asking import edited

        return edited(model_proposer(model), settings, sample, field, sentence, current)

    return ask

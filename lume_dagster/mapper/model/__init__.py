"""Mapping proposals from a language model, for those who have one; nothing here is needed without.

Values, settings and the protocol are light; ``model_proposer`` imports the packages of ``[llm]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lume_dagster.errors import MissingExtraError
from lume_dagster.mapper.model.joining import joined
from lume_dagster.mapper.model.settings import PROVIDERS, Budget, ModelSettings, Privacy
from lume_dagster.mapper.model.values import (
    Answer,
    Candidate,
    Edit,
    Example,
    Fault,
    Judged,
    Learned,
    Proposed,
    Proposer,
    Question,
    Spent,
    Workbench,
)

if TYPE_CHECKING:
    from lume_dagster.mapper.model.proposer import ModelProposer

__all__ = [
    "PROVIDERS",
    "Answer",
    "Budget",
    "Candidate",
    "Edit",
    "Example",
    "Fault",
    "Judged",
    "Learned",
    "ModelSettings",
    "Privacy",
    "Proposed",
    "Proposer",
    "Question",
    "Spent",
    "Workbench",
    "joined",
    "model_proposer",
]


def model_proposer(settings: ModelSettings) -> ModelProposer:
    """Somebody who asks the model of these settings.

    Raises:
        MissingExtraError: the packages of ``[llm]`` are not installed.
    """
    try:
        from lume_dagster.mapper.model.proposer import ModelProposer
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("lume_dagster"):
            raise
        raise MissingExtraError.for_extra("Asking a language model", "llm") from error
    return ModelProposer(settings)

"""The type a model must answer in, for one question: only its fields and columns exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

_LONGEST_EXPRESSION = 4_000
_LONGEST_REASON = 400


class ExampleGiven(BaseModel):
    """The values of the sources in their order, and what becomes of them."""

    model_config = ConfigDict(extra="forbid")

    inputs: list[str]
    output: str


_LEFT_OUT = {"sources": (), "expression": None, "examples": None, "reason": "", "meaning": None}


class _Filled(BaseModel):
    """What is asked for is all required, as strict servers want it; what is left out is empty."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def fill(cls, given: Any) -> Any:
        """The parts that small models forget."""
        if not isinstance(given, dict):
            return given
        return {**{k: v for k, v in _LEFT_OUT.items() if k in cls.model_fields}, **given}


def answer_type(
    fields: Sequence[str], columns: Sequence[str], *, examples: bool
) -> type[BaseModel]:
    """``{answers: [{field, sources, expression, ...}]}`` over these ids."""
    kinds: dict[str, Any] = {
        "field": (_enum(fields), ...),
        "sources": (list[_enum(columns)] if columns else list[str], ...),  # type: ignore[misc]
        "expression": (_text(_LONGEST_EXPRESSION) | None, ...),
    }
    if examples:
        kinds["examples"] = (list[ExampleGiven] | None, ...)
    kinds["confidence"] = (Annotated[float, Field(ge=0, le=1)], ...)
    kinds["reason"] = (_text(_LONGEST_REASON), ...)
    return _list_of("answers", "FieldAnswer", kinds)


def learned_type(fields: Sequence[str]) -> type[BaseModel]:
    """``{lessons: [{field, kind, word, meaning}]}`` over these ids."""
    kinds: dict[str, Any] = {
        "field": (_enum(fields), ...),
        "kind": (Literal["synonym", "code", "note"], ...),
        "word": (_text(_LONGEST_REASON), ...),
        "meaning": (_text(_LONGEST_REASON) | None, ...),
    }
    return _list_of("lessons", "Lesson", kinds)


def _enum(ids: Sequence[str]) -> Any:
    return Literal[tuple(ids)]


def _text(longest: int) -> Any:
    return Annotated[str, Field(max_length=longest)]


def _list_of(name: str, item: str, kinds: dict[str, Any]) -> type[BaseModel]:
    strict = ConfigDict(extra="forbid")
    made: Any = create_model
    items = list.__class_getitem__(made(item, __base__=_Filled, **kinds))
    whole: type[BaseModel] = made("Answer", __config__=strict, **{name: (items, ...)})
    return whole

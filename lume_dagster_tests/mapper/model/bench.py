"""Columns, fields, answers and a judge for tests of the model: small, and without a provider."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from lume_dagster.flows.schema import SchemaField, TargetSchema
from lume_dagster.mapper.model import Budget, Judged, ModelSettings, Question, Workbench
from lume_dagster.mapper.model.proposer import ModelProposer
from lume_dagster.mapper.sample import SampleColumn, reference
from lume_dagster_tests.in_memory import connect

ROWS: dict[str, list[str | None]] = {
    "cust_nm": ["Zwetschgenröster, Anna", "Quetzalcoatl, Bo", "Xanthippe, Cy", None],
    "signup": ["24.12.1987", "03.01.1991", "17.08.2003", "n/a-zz"],
    "Unnamed: 3": ["7419.55", "80123.07", "66.91", "5.43"],
    "st": ["qq", "ww", "qq", "ww"],
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "full name of the customer"},
        "since": {"type": "string", "format": "date"},
        "revenue": {"type": "number"},
        "status": {"type": "string", "enum": ["open", "closed"]},
    },
}


def columns_of(rows: Mapping[str, Sequence[str | None]] = ROWS) -> tuple[SampleColumn, ...]:
    return tuple(
        SampleColumn(name, reference(name), "VARCHAR", tuple(values))
        for name, values in rows.items()
    )


def fields_of(*names: str, schema: Mapping[str, Any] = SCHEMA) -> tuple[SchemaField, ...]:
    fields = TargetSchema.parse(schema).fields
    return tuple(field for field in fields if not names or field.name in names)


def question_of(*names: str, **more: Any) -> Question:
    return Question(fields_of(*names), columns_of(), **more)


def judge(rows: Mapping[str, Sequence[str | None]] = ROWS) -> Callable[..., Judged]:
    """Runs an expression on the rows; a date must be one, a number too, and enums hold."""
    connection = connect()
    table = pa.table({name: pa.array(values, pa.string()) for name, values in rows.items()})
    connection.register("t", table)

    def judged(field: SchemaField, expression: str, sources: tuple[str, ...]) -> Judged:
        kind = {"date": "DATE"}.get(field.format or "") or {"number": "DOUBLE"}.get(
            field.type, "VARCHAR"
        )
        query = f"SELECT v, v IS NOT NULL AND TRY_CAST(v AS {kind}) IS NULL FROM (SELECT CAST(({expression}) AS VARCHAR) v FROM t)"
        try:
            found = connection.execute(query).fetchall()
        except duckdb.Error as error:
            return Judged.of_rows((), (), refused=str(error))
        outputs = [value for value, _ in found]
        strange = [
            field.enum is not None and v is not None and v not in field.enum for v in outputs
        ]
        errors = [
            f"INVALID_{kind}" if bad else "NOT_IN_ENUM" if odd else None
            for (_, bad), odd in zip(found, strange, strict=True)
        ]
        return Judged.of_rows(outputs, errors, rows[sources[0]] if sources else ())

    return judged


def workbench(**more: Any) -> Workbench:
    return Workbench(judge(), **more)


def settings_of(**more: Any) -> ModelSettings:
    """Of a model that costs nothing and is not there."""
    given = {
        "provider": "openai-compatible",
        "model": "made-up",
        "base_url": "http://127.0.0.1:9/v1",
    }
    return ModelSettings(**{**given, "pause": 0.0, "budget": Budget(200_000), **more})


def said(field: str, expression: str | None, *sources: str, **more: Any) -> dict[str, Any]:
    """The answer for one field, as a model gives it."""
    usual = {"confidence": 0.9, "reason": "it fits"}
    return {"field": field, "sources": list(sources), "expression": expression, **usual, **more}


def answers(*given: dict[str, Any]) -> dict[str, Any]:
    return {"answers": list(given)}


class Asked:
    """A model that answers as scripted, the last turn for ever, and keeps what it was asked."""

    def __init__(self, *turns: dict[str, Any]) -> None:
        self.turns = turns
        self.prompts: list[str] = []
        self.seen: list[AgentInfo] = []

    def __call__(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.prompts.append(str(messages[0].parts[0].content))  # type: ignore[union-attr]
        self.seen.append(info)
        turn = self.turns[min(len(self.prompts), len(self.turns)) - 1]
        return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, json.dumps(turn))])


def proposer(asked: Asked, **more: Any) -> ModelProposer:
    return ModelProposer(settings_of(**more), lambda: FunctionModel(asked))

"""Make ``flow.schema.json``, by which an editor completes and checks flow files as they are typed.

``python -m lume_dagster.flows.editor_schema`` writes it anew. It is made from the models and the
keywords; that the parts of a flow agree is more than JSON Schema can say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from lume_dagster.flows.keywords import KEYWORDS, KNOWN, MEANINGS
from lume_dagster.flows.model import Flow
from lume_dagster.flows.schema import Format

PATH = Path(__file__).with_name("flow.schema.json")

Json = dict[str, Any]

_NODE: Json = {"$ref": "#/$defs/MappingNode"}
_FIELD: Json = {"$ref": "#/$defs/SchemaField"}
_FIELDS: Json = {"type": "object", "minProperties": 1, "additionalProperties": _FIELD}
_COUNT: Json = {"type": "integer", "minimum": 0}
_NUMBER: Json = {"type": "number"}
_TEXT: Json = {"type": "string"}


def editor_schema() -> Json:
    """The JSON Schema (draft 2020-12) of flow files."""
    made: Json = _untitled(Flow.model_json_schema(by_alias=True))
    properties, definitions = made["properties"], made["$defs"]
    properties["mapping"]["additionalProperties"] = _NODE
    properties["schema"] = {**_target_schema(), "description": properties["schema"]["description"]}
    definitions["Rule"]["properties"]["check"]["type"] = ["string", "number", "boolean"]
    definitions |= {"MappingNode": _mapping_node(), "SchemaField": _schema_field()}
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A lume flow"}
    return {**draft, **made, "$defs": dict(sorted(definitions.items()))}


def render_editor_schema() -> str:
    """The text of ``flow.schema.json``."""
    return json.dumps(editor_schema(), indent=1, ensure_ascii=False) + "\n"


def _untitled(node: Any) -> Any:
    """The schema without the titles pydantic makes of names, and without defaults of null."""
    if isinstance(node, list):
        return [_untitled(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    kept = {k: v for k, v in node.items() if not _is_noise(k, v)}
    return {key: _untitled(value) for key, value in kept.items()}


def _is_noise(key: str, value: Any) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)


# -- what the models leave open ---------------------------------------------------------------


def _mapping_node() -> Json:
    """An expression, the mapping of an object's properties, or of an array's items."""
    array = {
        "type": "object",
        "required": ["each"],
        "properties": {
            "each": {**_TEXT, "description": "Expression that gives the list of items."},
            "as": {**_TEXT, "description": "Name of an item inside `item`; `item` by default."},
            "item": {**_NODE, "description": "How each item is made."},
        },
        "additionalProperties": False,
    }
    scalar = {"type": ["string", "number", "boolean"], "description": "A SQL expression."}
    return {
        "description": "An expression; of an object its properties; of an array {each, as, item}.",
        "anyOf": [scalar, array, {"type": "object", "additionalProperties": _NODE}],
    }


def _target_schema() -> Json:
    """The schema of a row: an object, whose properties are fields."""
    honoured = {k: v for k, v in _keyword_shapes().items() if k in KEYWORDS["object"]}
    honoured["type"] = {"const": "object", "description": "A row is an object."}
    return {
        "type": "object",
        "required": ["properties"],
        "properties": honoured,
        "additionalProperties": False,
    }


def _schema_field() -> Json:
    """A field of the target schema, with the keywords of all types."""
    return {
        "description": "A field of the target schema.",
        "type": "object",
        "required": ["type"],
        "properties": _keyword_shapes(),
        "additionalProperties": False,
    }


def _keyword_shapes() -> dict[str, Json]:
    return {word: {**_SHAPES[word], "description": MEANINGS[word]} for word in MEANINGS}


_TYPE: Json = {
    "anyOf": [
        {"enum": [*KEYWORDS]},
        {"type": "array", "items": {"enum": [*KEYWORDS, "null"]}, "minItems": 1, "maxItems": 2},
    ]
}
#: Keyword -> what may be written after it.
_SHAPES: dict[str, Json] = {
    **{word: {} for word in KNOWN},
    "type": _TYPE,
    "enum": {"type": "array", "minItems": 1},
    "format": {"enum": [*get_args(Format)]},
    "properties": _FIELDS,
    "required": {"type": "array", "items": _TEXT},
    "additionalProperties": {"const": False},
    "items": _FIELD,
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _COUNT),
    **dict.fromkeys(
        ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), _NUMBER
    ),
    **dict.fromkeys(("pattern", "description"), _TEXT),
}

if __name__ == "__main__":
    PATH.write_text(render_editor_schema(), encoding="utf-8")

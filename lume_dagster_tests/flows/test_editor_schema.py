"""The schema that editors use is current, and takes what the reader takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lume_dagster.flows.editor_schema import PATH, render_editor_schema
from lume_dagster.flows.reference import flow_reference
from lume_dagster.flows.yaml_text import read_yaml
from lume_dagster_tests.flows.sample import TEXT

ROOT = Path(__file__).parents[2]
FILES = [*(ROOT / "examples").rglob("flow.yaml"), *(ROOT / "lume_dagster/cli").rglob("flow.yaml")]
SCHEMA = json.loads(PATH.read_text(encoding="utf-8"))
KINDS = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float),
    "boolean": bool, "null": type(None),
}  # fmt: skip


def fits(value, schema):
    """Whether the value fits, by the keywords that say what may stand where."""
    if "$ref" in schema:
        return fits(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    kinds = schema.get("type", list(KINDS))
    kinds = kinds if isinstance(kinds, list) else [kinds]
    rules = (
        any(isinstance(value, KINDS[kind]) for kind in kinds),
        "const" not in schema or value == schema["const"],
        "enum" not in schema or value in schema["enum"],
        "anyOf" not in schema or any(fits(value, choice) for choice in schema["anyOf"]),
        not isinstance(value, list) or all(fits(v, schema.get("items", {})) for v in value),
        not isinstance(value, dict) or object_fits(value, schema),
    )
    return all(rules)


def object_fits(value, schema):
    known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    if set(schema.get("required", ())) - set(value):
        return False
    if others is False and "patternProperties" not in schema and set(value) - set(known):
        return False
    others = others if isinstance(others, dict) else {}
    return all(fits(inner, known.get(key, others)) for key, inner in value.items())


def test_the_file_is_current():
    assert PATH.read_text(encoding="utf-8") == render_editor_schema(), (
        "run: python -m lume_dagster.flows.editor_schema"
    )


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_it_takes_the_flows_of_this_repository(file):
    assert fits(read_yaml(file.read_bytes()).value, SCHEMA)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("flow: people", "flwo: people"),
        ("connector: landing", "conector: landing"),
        ("minimum: 1", "minimun: 1"),
        ("type: integer", "type: int"),
        ("on_fail: warn", "on_fail: wran"),
        ("lume: 1", "lume: 2"),
        ("id: number", "id: [number]"),
    ],
)
def test_it_refuses_what_the_reader_refuses(before, after):
    assert fits(read_yaml(TEXT.encode()).value, SCHEMA)
    assert not fits(read_yaml(TEXT.replace(before, after).encode()).value, SCHEMA)


def test_a_mapping_goes_as_deep_as_the_schema():
    value = read_yaml(TEXT.encode()).value
    inner = {"each": "lines", "as": "line", "item": {"sku": "line.sku", "of": {"a": 1, "b": True}}}
    value["mapping"]["lines"] = inner
    assert fits(value, SCHEMA)
    inner["item"]["of"]["a"] = ["no"]
    assert not fits(value, SCHEMA)


def objects(node):
    if isinstance(node, dict):
        yield from [node["properties"]] if isinstance(node.get("properties"), dict) else []
        for inner in node.values():
            yield from objects(inner)


def test_every_key_is_described():
    described = SCHEMA["properties"], *(d.get("properties", {}) for d in SCHEMA["$defs"].values())
    bare = [
        key for keys in described for key, shape in keys.items() if not shape.get("description")
    ]
    assert bare in ([], ["target"])  # a key with its model's own sentence refers to the model


def test_every_key_has_a_row_in_the_reference():
    page = flow_reference()
    keys = {key for d in SCHEMA["$defs"].values() for key in d.get("properties", {})}
    assert [
        key for key in sorted(keys | set(SCHEMA["properties"])) if f"| `{key}` |" not in page
    ] == []

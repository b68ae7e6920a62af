"""A small sound flow, as text and in a library, that tests change in one place."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from lume_dagster.errors import FlowError, Problem
from lume_dagster.flows.flow_file import parse
from lume_dagster.flows.json_schema import read_schema
from lume_dagster.flows.library import Library
from lume_dagster.flows.yaml_text import write_yaml

TEXT = """\
lume: 1
flow: people
source: {connector: landing, format: {type: csv}}
target: {connector: warehouse, table: crm.people, key: [id]}
seeds:
  countries: {path: seeds/countries.csv, key: code}
schema:
  type: object
  required: [id, name]
  properties:
    id: {type: integer, minimum: 1}
    name: {type: string}
    country: {type: [string, "null"]}
mapping:
  id: number
  name: trim(full_name)
  country: lookup('countries', country, 'name')
rules:
  - {name: adult, check: age >= 18, on_fail: warn}
checks:
  - {unique: id}
errors: {max_error_rate: 0.5}
"""
COUNTRIES = "code,name\nNO,Norway\nPL,Poland\n"

_BASE: dict[str, Any] = {
    "lume": 1,
    "flow": "people",
    "source": {"connector": "landing"},
    "target": {"connector": "warehouse", "table": "crm.people"},
    "schema": {"type": "object", "properties": {"id": {"type": "integer"}}},
    "mapping": {"id": "number"},
}


def flow_text(**sections: Any) -> str:
    """The smallest flow with other sections; None leaves one out."""
    value = copy.deepcopy(_BASE) | sections
    return write_yaml({key: inner for key, inner in value.items() if inner is not None})


def problems(text: str | bytes) -> tuple[Problem, ...]:
    """Everything that is wrong with a flow file."""
    with pytest.raises(FlowError, match=r"flow\.yaml") as caught:
        parse(text, "flow.yaml")
    return caught.value.problems


def problem(**sections: Any) -> str:
    """The only problem of the smallest flow with other sections: its field, fact and hint."""
    (found,) = problems(flow_text(**sections))
    return f"{found.field}: {found.message} {found.hint or ''}".strip()


def field_flaw(schema: object) -> str | None:
    """What is wrong with a schema's only field ``x``; None when nothing is."""
    _, found = read_schema({"type": "object", "properties": {"x": schema}})
    return " | ".join(f"{p.message} {p.hint or ''}".strip() for p in found) or None


def library(folder: Path, text: str = TEXT, flow: str = "people") -> Library:
    """A library with one draft and its seed."""
    home = folder / "flows" / flow
    (home / "seeds").mkdir(parents=True)
    (home / "seeds" / "countries.csv").write_text(COUNTRIES)
    (home / "flow.yaml").write_text(text)
    return Library(folder / "flows")


def edit(file: Path, before: str, after: str) -> None:
    """Change a file in one place, as a person would."""
    text = file.read_text()
    assert text.count(before) == 1
    file.write_text(text.replace(before, after))

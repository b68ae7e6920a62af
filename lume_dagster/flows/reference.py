"""Write the reference of flow files from the models: every key, type, default and meaning."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel

from lume_dagster.flows.keywords import ANNOTATIONS, KEYWORDS, MEANINGS, REMEDIES
from lume_dagster.flows.lock_file import Activation, LockFile, Published
from lume_dagster.flows.model import (
    Bounds,
    Check,
    ErrorHandling,
    Flow,
    NullRate,
    Rule,
    Seed,
    SheetJoin,
    Source,
    SourceFormat,
    Target,
)
from lume_dagster.flows.schema import HANDLED_KEYWORDS, Format

#: Model -> the heading of its section, in the order of the page.
_SECTIONS: dict[type[BaseModel], str] = {
    Flow: "The file",
    Source: "source",
    SourceFormat: "source.format",
    SheetJoin: "source.format.join",
    Target: "target",
    Seed: "seeds",
    Rule: "rules",
    Check: "checks",
    Bounds: "checks: bounds",
    NullRate: "checks: null_rate",
    ErrorHandling: "errors",
}
_LOCK_SECTIONS: dict[type[BaseModel], str] = {
    LockFile: "flow.lock",
    Published: "flow.lock: versions",
    Activation: "flow.lock: activations",
}
_HEADINGS = {m.__name__: heading for m, heading in (_SECTIONS | _LOCK_SECTIONS).items()}

_BEGIN = """\
A flow is one YAML file, `flow.yaml`, in a folder of its own in the library. A key that is not on
this page is refused with the nearest one that is. `lume validate` names every problem of every
flow at once, with file, line and column; `flow.schema.json` lets an editor do so as you type:

```yaml
# yaml-language-server: $schema=../../flow.schema.json
```

The file is UTF-8 and at most 1 MB. Its YAML has no traps: `NO` and `on` are text, so is a date, and
only `true`, `false`, `null` (or `~`, or nothing) and decimal numbers are anything else. Refused are
a key that is there twice, anchors and aliases, tags, tabs as indentation, and a second document.
"""

_SCHEMA = """\
The target schema is JSON Schema (draft 2020-12) of one row. Each keyword is honoured or refused by
name; none is ignored. A property name holds no dot and no bracket, has at most 63 bytes, does not
begin with `_lume_`, and differs from the others by more than case.
"""

_MAPPING = """\
An entry is a SQL expression over source columns; what it may say is on the page about
[expressions](expressions.md). An object is mapped property by property, an array from a list:

```yaml
mapping:
  order_id: id
  customer:
    name: trim(first_name || ' ' || last_name)
  lines: {each: items, as: line, item: {sku: line.sku, quantity: line.qty}}
```

A row of the source is a row of the target, or a reject. A wide table, with a column for each month
or hour, keeps these columns as an array, in which they are listed:

```yaml
  readings:
    each: >-
      [{'at': '00:00', 'kwh': "00:00"}, {'at': '00:15', 'kwh': "00:15"}]
    as: reading
    item: {at: reading.at, kwh: "parse_number(reading.kwh, ',')"}
```

A required field has a mapping or a default. Other fields may be left out, and are NULL.
"""

_LIBRARY = """\
```text
flows/
  flights/
    flow.yaml            the draft, which people edit
    seeds/airports.csv   its seeds
    v1/flow.yaml         a published version, which nothing changes
    v1/seeds/airports.csv
    flow.lock            what was published and activated, when, by whom and why
    review.yaml          what people have decided of the draft's fields; no part of a version
```

| address | stands for |
|---|---|
| `flights` or `flights:active` | the active version: the first, until another is activated |
| `flights:v2` | that version |
| `flights:draft` | the draft, under the number it would be published with |

`lume publish flights` copies the draft and its seeds to the next `vN` and adds it to `flow.lock`;
`lume activate flights:v1` moves the active pointer, forward or back, and `lume rollback flights` to
where it was before. Nothing is ever taken out of `flow.lock`. A version whose flow, seeds or digest
is not what was published is refused, and the message names the file and the parts that changed.
Layout and comments may change, for they have no part in the digest; one character of a seed may
not. A draft's seeds may be links to files inside the library; a published version holds copies. No
path leads out of the library.
"""


def flow_reference() -> str:
    """The page, without its first heading."""
    flow = "\n".join(line for model in _SECTIONS for line in _section(model, _SECTIONS[model]))
    lock = "\n".join(line for m in _LOCK_SECTIONS for line in _section(m, _LOCK_SECTIONS[m]))
    handled = ", ".join(f"`{word}`" for word in HANDLED_KEYWORDS)
    keywords = "\n".join([*_honoured(), "", *_refused()])
    return "\n".join(
        [
            _BEGIN,
            flow,
            f"`handling` may speak of {handled}.\n",
            f"## schema\n\n{_SCHEMA}\n{keywords}\n",
            f"## mapping\n\n{_MAPPING}",
            f"## The library\n\n{_LIBRARY}",
            lock,
        ]
    )


# -- models -----------------------------------------------------------------------------------


def _section(model: type[BaseModel], heading: str) -> Iterator[str]:
    schema = model.model_json_schema(by_alias=True)
    yield f"## {heading}\n"
    yield f"{' '.join(schema['description'].split())}\n"
    yield "| key | type | default | meaning |\n|---|---|---|---|"
    meanings = {f.alias or n: f.description or "" for n, f in model.model_fields.items()}
    for key, shape in schema["properties"].items():
        default = "required" if key in schema.get("required", ()) else _default(shape)
        yield f"| `{key}` | {_type(shape)} | {default} | {_cell(meanings[key])} |"
    yield ""


def _default(shape: Mapping[str, Any]) -> str:
    value = shape.get("default")
    return f"`{json.dumps(value)}`" if value not in (None, [], {}) and "$ref" not in shape else ""


def _type(shape: Mapping[str, Any]) -> str:
    """A JSON Schema in a few words; the null of an optional key is not worth one."""
    if "$ref" in shape:
        heading = _HEADINGS[shape["$ref"].rpartition("/")[2]]
        return f"[{heading}](#{_anchor(heading)})"
    if "enum" in shape or "const" in shape:
        values = shape.get("enum", [shape.get("const")])
        return ", ".join(f"`{value}`" for value in values)
    if "anyOf" in shape:
        return " or ".join(_type(s) for s in shape["anyOf"] if s.get("type") != "null")
    if shape["type"] == "array":
        return f"list of {_type(shape['items'])}"
    if shape["type"] == "object":
        return _mapping_type(shape)
    return _TYPES[shape["type"]]


def _mapping_type(shape: Mapping[str, Any]) -> str:
    inner = shape.get("additionalProperties") or next(
        iter(shape.get("patternProperties", {}).values()), None
    )
    typed = isinstance(inner, Mapping) and "anyOf" not in inner
    return f"mapping of {_type(inner)}" if typed and inner else "mapping"


_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
}


def _anchor(heading: str) -> str:
    return "".join(c for c in heading.lower() if c.isalnum() or c in "_- ").replace(" ", "-")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# -- keywords ---------------------------------------------------------------------------------


def _honoured() -> Iterator[str]:
    yield "| keyword | for | meaning |\n|---|---|---|"
    for word, meaning in MEANINGS.items():
        kinds = [kind for kind, known in KEYWORDS.items() if word in known]
        fits = "all" if word in ANNOTATIONS or len(kinds) == len(KEYWORDS) else ", ".join(kinds)
        yield f"| `{word}` | {fits} | {_cell(meaning)} |"
    yield f"\nFormats: {', '.join(f'`{name}`' for name in get_args(Format))}."


def _refused() -> Iterator[str]:
    yield "| refused | do this instead |\n|---|---|"
    yield from (f"| `{word}` | {_cell(remedy)} |" for word, remedy in REMEDIES.items())

"""Lists out of delimited texts, and out of texts that are JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from lume_dagster.mapper.convert.facts import Facts, sql_text
from lume_dagster.mapper.convert.program import Program

_MARKS = ("|", ";", ",", "/", "\n", "•", "+", "&")


def list_programs(facts: Facts) -> Iterator[Program]:
    """Programs for a field of type array, whose items are single values."""
    reference = facts.column.reference
    if facts.column.is_list or facts.column.type.endswith("]"):
        yield Program(reference, "identity", 0.96, ("The column is a list already.",))
        return
    values = facts.values
    if not values:
        return
    found = [_json_list(v) for v in values]
    if all(items is not None for items in found):
        yield from _json(facts)
        return
    for mark in _MARKS:
        having = sum(mark in v for v in values)
        if not having:
            continue
        share = having / len(values)
        unclear = mark in ("/", "+", "&", ",") and share < 0.3
        prior = (0.95 if mark in "|;" else 0.9) * (0.6 if unclear else 1)
        if any(other in v for other in "|;" for v in values) and mark not in "|;":
            prior *= 0.4
        why = f"The values are lists with {mark!r} between the items."
        review = prior < 0.9 or (mark == "," and any(len(v) > 80 for v in values))
        yield Program(_split(facts, mark), "list", prior, (why,), review=review)
    why = "Every value is taken for a list of one."
    yield Program(f"[{facts.read}]", "list", 0.5, (why,), review=True)


def _split(facts: Facts, mark: str) -> str:
    values = facts.values
    text = facts.read
    tidy = all(part == part.strip() and part for v in values for part in v.split(mark))
    if tidy:
        return f"string_split({text}, {sql_text(mark)})"
    parts = [part for v in values for part in v.split(mark + " ")]
    if all(part == part.strip() and part and mark not in part for part in parts):
        return f"string_split({text}, {sql_text(mark + ' ')})"
    quoted = re.sub(r"([|.+])", r"\\\1", mark)
    ends = any(v.startswith(mark) or v.endswith(mark) for v in values)
    if ends:
        text = f"trim({text}, {sql_text(mark + ' ')})"
    around = sql_text(rf"\s*{quoted}\s*")
    found = f"regexp_replace({text}, {around}, {sql_text(mark)}, 'g')"
    return f"string_split({found}, {sql_text(mark)})"


def _json_list(value: str) -> list[object] | None:
    try:
        found = json.loads(value)
    except ValueError:
        inner = value[1:-1] if value[:1] == "[" and value[-1:] == "]" else None
        return None if inner is None else [part.strip() for part in inner.split(",")]
    return found if isinstance(found, list) else None


def _json(facts: Facts) -> Iterator[Program]:
    """JSON in a text, or what Python prints of a list."""
    bare = [v.strip()[1:-1].strip() for v in facts.values]
    quoted = any(b[:1] in "'\"" for b in bare if b)
    text = facts.read
    why = ("The values are lists in brackets.",)
    if quoted:
        if any(re.search(r"""\\|['"][^'",\]]+['"][^,\s\]]""", b) for b in bare):
            return
        inner = f"regexp_replace({text}, '^\\[\\s*[''\"]|[''\"]\\s*\\]$', '', 'g')"
        parts = f"regexp_replace({inner}, '[''\"]\\s*,\\s*[''\"]', chr(31), 'g')"
        parts = parts.replace("chr(31)", "'|'")
        if any("|" in b for b in bare):
            return
        yield Program(f"string_split({parts}, '|')", "list", 0.93, why)
        return
    inner = f"regexp_replace({text}, '[\\[\\]\\s]', '', 'g')"
    yield Program(f"string_split({inner}, ',')", "list", 0.92, why)

"""Messy columns with gold values: some made by a seeded script, some written by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.mapping.corpus import generated
from benchmarks.mapping.corpus.case import Case, Gold

_LEAST_ROWS = 20


def cases() -> tuple[Case, ...]:
    """All cases, in a fixed order."""
    return (*handmade(), *generated.cases())


def handmade() -> Iterator[Case]:
    """The cases of handmade.txt; the pairs are repeated until there are enough rows."""
    text = (Path(__file__).parent / "handmade.txt").read_text(encoding="utf-8")
    for block in text.split("\n@ ")[1:]:
        head, *lines = block.strip().split("\n")
        slug, family, name, source, schema = (part.strip() for part in head.split("|", 4))
        target: dict[str, Any] = json.loads(schema)
        pairs = [line.split(" => ") for line in lines]
        rows = [pairs[i % len(pairs)] for i in range(max(_LEAST_ROWS, len(pairs)))]
        values = [None if before == "~" else before for before, _ in rows]
        gold = [_gold(after, target) for _, after in rows]
        yield Case(f"hand-{slug}", family, target, name, {source: values}, gold)


def _gold(text: str, target: dict[str, Any]) -> Gold:
    if text == "~":
        return None
    kinds = target["type"] if isinstance(target["type"], list) else [target["type"]]
    return text if "string" in kinds else json.loads(text)

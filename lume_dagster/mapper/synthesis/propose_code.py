"""Candidate parts of an output that a code list knows: states, countries, weekdays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lume_dagster.mapper.synthesis.data.codes import WORDS
from lume_dagster.mapper.synthesis.node import Node
from lume_dagster.mapper.synthesis.setting import Setting, step

_SOURCES = frozenset({"column", "trim", "token", "split"})
_COMPLEMENT = ("ACGT", "TGCA")


def code_atoms(setting: Setting, bases: Sequence[Node]) -> Iterator[Node]:
    """What the lists give for a piece of the source."""
    for base in bases:
        if base.op not in _SOURCES:
            continue
        for name in WORDS:
            node = step("known_code", base, name)
            yield from filter(setting.fits, (node, step("upper", node), step("lower", node)))
        if all(set(text) <= set("ACGT") for text in setting.texts(base) or ()):
            yield from filter(setting.fits, [step("translate", base, *_COMPLEMENT)])

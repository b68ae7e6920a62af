"""What speaks against trusting a program that fits its examples."""

from __future__ import annotations

from collections.abc import Iterator

from lume_dagster.mapper.synthesis import node as ir
from lume_dagster.mapper.synthesis.program import Program
from lume_dagster.mapper.synthesis.setting import Setting

MOST_AMBIGUITY = 0.34
LEAST_SUPPORT = 0.75
MOST_CONSTANT = 0.6


def doubts(program: Program, setting: Setting) -> tuple[str, ...]:
    """In words, what should make a person look; empty when nothing speaks against."""
    return tuple(_doubts(program, setting))


def _doubts(program: Program, setting: Setting) -> Iterator[str]:
    kinds = [n.op for n in ir.walk(program.tree)]
    if program.support < LEAST_SUPPORT:
        yield f"it has no value for {1 - program.support:.0%} of the other rows"
    if program.ambiguity > MOST_AMBIGUITY:
        yield f"programs as likely differ on {program.ambiguity:.0%} of the other rows"
    if _constant_share(program, setting) > MOST_CONSTANT:
        yield "most of its output is the same text for every row"
    if "column" not in kinds:
        yield "it looks at no column"


def _constant_share(program: Program, setting: Setting) -> float:
    fixed = sum(
        sum(map(str.isalnum, str(n.args[0]))) for n in ir.walk(program.tree) if n.op == "text"
    )
    letters = sum(sum(map(str.isalnum, out)) for out in setting.wanted) / len(setting.wanted)
    return fixed / letters if letters else 0.0

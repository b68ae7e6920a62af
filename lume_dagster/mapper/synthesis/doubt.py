"""What speaks against trusting a program that fits its examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lume_dagster.mapper.synthesis import node as ir
from lume_dagster.mapper.synthesis.node import Node, Row
from lume_dagster.mapper.synthesis.program import Program
from lume_dagster.mapper.synthesis.setting import Setting

#: By the number of examples; the last is for more.
MOST_AMBIGUITY = (0.0, 0.1, 0.1, 0.3)
LEAST_SUPPORT = 0.75
MOST_CONSTANT = 0.6


def doubts(program: Program, setting: Setting) -> tuple[str, ...]:
    """In words, what should make a person look; empty when nothing speaks against."""
    return tuple(_doubts(program, setting))


def _doubts(program: Program, setting: Setting) -> Iterator[str]:
    kinds = [n.op for n in ir.walk(program.tree)]
    if program.support < LEAST_SUPPORT:
        yield f"it has no value for {1 - program.support:.0%} of the other rows"
    told = min(len(setting.wanted), len(MOST_AMBIGUITY) - 1)
    if program.ambiguity > MOST_AMBIGUITY[told]:
        yield f"other programs are {program.ambiguity:.0%} likely to be meant, and differ"
    if "column" not in kinds:
        yield "it gives the same text for every row"
    if "code" in kinds and program.support < 1:
        yield "it only knows the values of the examples"
    for tree, at in _leaves(program.tree, range(len(setting.wanted)), setting):
        if _constant_share(tree, [setting.wanted[i] for i in at]) > MOST_CONSTANT and not (
            tree.op == "text" and _borne_out(tree, at, program.tree, setting)
        ):
            yield "most of its output is the same text for every row"
            return


def _leaves(
    tree: Node, at: Sequence[int], setting: Setting
) -> Iterator[tuple[Node, Sequence[int]]]:
    """The branches, each with the examples that take it."""
    if tree.op != "when":
        yield tree, at
        return
    yes = [i for i in at if _taken(tree, setting.labelled[i])]
    yield from _leaves(tree.inputs[1], yes, setting)
    yield from _leaves(tree.inputs[2], [i for i in at if i not in yes], setting)


def _taken(tree: Node, row: Row) -> bool:
    text = ir.evaluate(tree.inputs[0], row)
    test, value = map(str, tree.args)
    return text is not None and ir.holds(test, value, str(text))


def _borne_out(leaf: Node, at: Sequence[int], whole: Node, setting: Setting) -> bool:
    """A branch that is one text: two examples say so, or all other rows there are like its own."""
    if len(at) > 1:
        return True
    own = setting.labelled[at[0]] if at else {}
    there = [
        row
        for row, value in zip(setting.unlabelled, setting.unseen(whole), strict=True)
        if value == leaf.args[0]
    ]
    return bool(at) and all(row == own for row in there)


def _constant_share(tree: Node, wanted: Sequence[str]) -> float:
    fixed = sum(sum(map(str.isalnum, str(n.args[0]))) for n in ir.walk(tree) if n.op == "text")
    letters = sum(sum(map(str.isalnum, out)) for out in wanted) / max(1, len(wanted))
    return fixed / letters if letters else 0.0

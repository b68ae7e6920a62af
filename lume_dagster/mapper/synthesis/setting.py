"""What one search looks at: the examples, the unlabelled rows, and what trees give on both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lume_dagster.mapper.synthesis import node as ir
from lume_dagster.mapper.synthesis.node import OPS, Node, Row
from lume_dagster.mapper.synthesis.op import Arg, Value

Vector = tuple[Value | None, ...]


@dataclass(slots=True)
class Setting:
    """Examples and unlabelled rows; trees are computed once on each.

    ``labelled`` are the inputs of the examples, ``wanted`` their outputs. For one side of a branch
    the search is not ``thorough``: far-fetched steps are left out. A ``deep`` one looks into the
    pieces of pieces. The examples are ``complete`` when the other rows hold nothing else.
    """

    paths: tuple[str, ...]
    labelled: Sequence[Row]
    wanted: tuple[str, ...]
    unlabelled: Sequence[Row]
    thorough: bool = True
    deep: bool = False
    complete: bool = False
    _seen: dict[Node, Vector] = field(default_factory=dict)
    _unseen: dict[Node, Vector] = field(default_factory=dict)

    def seen(self, node: Node) -> Vector:
        """What a tree gives on the examples."""
        return self._compute(node, self.labelled, self._seen)

    def unseen(self, node: Node) -> Vector:
        """What a tree gives on the unlabelled rows."""
        return self._compute(node, self.unlabelled, self._unseen)

    def _compute(self, node: Node, rows: Sequence[Row], known: dict[Node, Vector]) -> Vector:
        found = known.get(node)
        if found is not None:
            return found
        if node.op in ("column", "when", "text"):
            made = tuple(ir.evaluate(node, row) for row in rows)
        else:
            inputs = [self._compute(each, rows, known) for each in node.inputs]
            apply, args = OPS[node.op].apply, node.args
            made = tuple(
                None if None in values else apply(*values, *args)
                for values in zip(*inputs, strict=True)
            )
        known[node] = made
        return made

    def texts(self, node: Node) -> tuple[str, ...] | None:
        """What a tree gives on the examples, if that is a text each time."""
        values = self.seen(node)
        good = tuple(v for v in values if isinstance(v, str) and v)
        return good if len(good) == len(values) else None

    def fits(self, node: Node) -> bool:
        """Whether what a tree gives stands in each wanted output; most do not in the first."""
        inputs = [self.seen(each) for each in node.inputs]
        if not inputs:
            return _all_within(self.seen(node), self.wanted)
        apply, args = OPS[node.op].apply, node.args
        made: list[Value] = []
        for values, out in zip(zip(*inputs, strict=True), self.wanted, strict=True):
            value = None if None in values else apply(*values, *args)
            if not (isinstance(value, str) and value and value in out):
                return False
            made.append(value)
        self._seen[node] = tuple(made)
        return True


def _all_within(values: Vector, wanted: Sequence[str]) -> bool:
    return all(isinstance(v, str) and v and v in o for v, o in zip(values, wanted, strict=True))


def step(op: str, inner: Node, *args: Arg) -> Node:
    """A step on one input."""
    return Node(op, (inner,), args)

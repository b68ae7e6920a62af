"""The steps of a program as a tree: frozen, comparable, JSON in and out, one table of kinds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lume_dagster.errors import FlowError
from lume_dagster.mapper.synthesis.op import Arg, Op, Value, listed, literal
from lume_dagster.mapper.synthesis.ops_code import CODE_OPS
from lume_dagster.mapper.synthesis.ops_date import DATE_OPS
from lume_dagster.mapper.synthesis.ops_number import NUMBER_OPS
from lume_dagster.mapper.synthesis.ops_pattern import PATTERN_OPS
from lume_dagster.mapper.synthesis.ops_text import TEXT_OPS

Row = Mapping[str, str | None]  # values by source path


@dataclass(frozen=True, slots=True)
class Node:
    """One step: its kind, what it works on, what it is told."""

    op: str
    inputs: tuple[Node, ...] = ()
    args: tuple[Arg, ...] = ()
    _hash: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        """Trees share their parts and are looked up often: their hash is taken once."""
        object.__setattr__(self, "_hash", hash((self.op, self.inputs, self.args)))

    def __hash__(self) -> int:
        """As equality has it."""
        return self._hash


def column(path: str) -> Node:
    """The value of a source column."""
    return Node("column", (), (path,))


def constant(text: str) -> Node:
    """A text that is the same for all rows."""
    return Node("text", (), (text,))


def concat(parts: tuple[Node, ...]) -> Node:
    """Parts put together; one part is itself."""
    return parts[0] if len(parts) == 1 else Node("concat", parts)


# -- steps that are not a function of all their inputs ---------------------------------------------

_TESTS: dict[str, tuple[Callable[[str, str], bool], str, str]] = {
    "contains": (lambda x, mark: mark in x, "contains({0}, {1})", "contains '{1}'"),
    "starts": (lambda x, mark: x.startswith(mark), "starts_with({0}, {1})", "begins with '{1}'"),
    "ends": (lambda x, mark: x.endswith(mark), "ends_with({0}, {1})", "ends with '{1}'"),
    "like": (
        lambda x, pattern: re.fullmatch(pattern, x) is not None,
        "regexp_full_match({0}, {1})",
        "has the form {1}",
    ),
    "finds": (
        lambda x, pattern: re.search(pattern, x) is not None,
        "regexp_matches({0}, {1})",
        "has in it {1}",
    ),
}


_STRUCTURE = listed(
    Op("column", 0.0, lambda path: path, "{0}", "{0}"),
    Op(
        "text",
        lambda text: 0.8 + sum(0.9 if c.isalnum() else 0.25 for c in text),
        lambda text: text,
        "{0}",
        "'{0}'",
    ),
    Op(
        "concat",
        0.0,
        lambda *parts: "".join(parts),
        lambda *parts: f"({' || '.join(parts)})",
        lambda *parts: ", then ".join(parts),
    ),
    Op(
        "when",
        4.0,
        lambda *_parts: None,  # evaluated lazily, by evaluate itself
        lambda x, yes, no, test, value: (
            f"CASE WHEN {_TESTS[test][1].format(x, literal(value))} THEN {yes} ELSE {no} END"
        ),
        lambda x, yes, no, test, value: (
            f"where {x} {_TESTS[test][2].format(x, value)}: {yes}; otherwise: {no}"
        ),
    ),
)

#: Every kind of step there is.
OPS: dict[str, Op] = {
    **_STRUCTURE,
    **TEXT_OPS,
    **PATTERN_OPS,
    **NUMBER_OPS,
    **DATE_OPS,
    **CODE_OPS,
}


def holds(test: str, value: str, text: str) -> bool:
    """Whether a text passes the test of a branch."""
    return _TESTS[test][0](text, value)


def evaluate(node: Node, row: Row) -> Value | None:
    """What a tree gives for a row: the reference that the SQL is held to."""
    if node.op == "column":
        return row.get(str(node.args[0]))
    if node.op == "when":
        return _branch(node, row)
    inputs = []
    for each in node.inputs:
        value = evaluate(each, row)
        if value is None:
            return None
        inputs.append(value)
    return OPS[node.op].apply(*inputs, *node.args)


def _branch(node: Node, row: Row) -> Value | None:
    subject, yes, no = node.inputs
    text = evaluate(subject, row)
    test, value = map(str, node.args)
    chosen = yes if text is not None and holds(test, value, str(text)) else no
    return evaluate(chosen, row)


def render(node: Node, references: Mapping[str, str]) -> str:
    """The tree as an expression of the flow language."""
    if node.op == "column":
        return references[str(node.args[0])]
    inputs = tuple(render(each, references) for each in node.inputs)
    return OPS[node.op].render(inputs, node.args)


def explain(node: Node) -> str:
    """The tree in words."""
    return OPS[node.op].describe(tuple(map(explain, node.inputs)), node.args)


def cost(node: Node) -> float:
    """What a tree costs: its own step, and all below."""
    return OPS[node.op].price(node.args) + sum(map(cost, node.inputs))


def surprise(node: Node) -> float:
    """The cost, but that what comes again in the same way is hardly a surprise."""
    known: set[tuple[str, tuple[Arg, ...]]] = set()
    total = 0.0
    for each in walk(node):
        price = OPS[each.op].price(each.args)
        total += price * (_AGAIN if (each.op, each.args) in known else 1.0)
        known.add((each.op, each.args))
    return total


_AGAIN = 0.3


def walk(node: Node) -> Iterator[Node]:
    """A node and all below."""
    yield node
    for each in node.inputs:
        yield from walk(each)


def to_json(node: Node) -> list[Any]:
    """Plain lists: kind, inputs, arguments."""
    return [node.op, [to_json(each) for each in node.inputs], list(node.args)]


def from_json(data: Any) -> Node:
    """The tree again.

    Raises:
        FlowError: not a tree of known steps.
    """
    match data:
        case [str(op), list(inputs), list(args)] if op in OPS:
            if not all(isinstance(arg, str | int | float) for arg in args):
                raise FlowError(f"the step {op!r} has an argument that is no text and no number.")
            return Node(op, tuple(map(from_json, inputs)), tuple(args))
    shown = str(data)[:80]
    raise FlowError(
        f"{shown} is not a step of a transformation.",
        hint=f"a step is [kind, inputs, arguments], its kind one of {', '.join(OPS)}.",
    )

"""A transformation learned from examples, and how far the examples bear it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lume_dagster.errors import FlowError
from lume_dagster.mapper.synthesis import node as ir
from lume_dagster.mapper.synthesis.node import Node, Row


@dataclass(frozen=True, slots=True)
class Program:
    """A tree of steps from source values to one text.

    ``support`` is the share of the unlabelled rows it has a value for, ``ambiguity`` the share on
    which another program that fits the examples as well says something else; both are 0 to 1.
    ``doubts`` say in words why it should not be trusted unseen; empty when nothing speaks against.
    """

    tree: Node
    cost: float = 0.0
    support: float = 1.0
    ambiguity: float = 0.0
    doubts: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The source paths it reads, in order of their use."""
        found = [str(n.args[0]) for n in ir.walk(self.tree) if n.op == "column"]
        return tuple(dict.fromkeys(found))

    @property
    def certain(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.doubts

    def apply(self, values: Row) -> str | None:
        """What it gives for a row; None where a value it needs is missing or not as expected."""
        result = ir.evaluate(self.tree, values)
        return None if result is None else str(result)

    def expression(self, references: Mapping[str, str]) -> str:
        """The expression of the flow language, with the names by which to refer to each source.

        Raises:
            FlowError: a source has no name there.
        """
        missing = [path for path in self.sources if path not in references]
        if missing:
            raise FlowError(f"the transformation reads {missing[0]!r}, which is not given.")
        return ir.render(self.tree, references)

    def explain(self) -> str:
        """One sentence a person can check."""
        said = ir.explain(self.tree)
        return f"{said[0].upper()}{said[1:]}." if said[0].isascii() else f"{said}."

    def to_json(self) -> dict[str, Any]:
        """What ``from_json`` reads."""
        return {
            "tree": ir.to_json(self.tree),
            "cost": self.cost,
            "support": self.support,
            "ambiguity": self.ambiguity,
            "doubts": list(self.doubts),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Program:
        """The program again.

        Raises:
            FlowError: not what ``to_json`` gives.
        """
        try:
            signals = {k: float(data[k]) for k in ("cost", "support", "ambiguity")}
            return cls(ir.from_json(data["tree"]), **signals, doubts=tuple(data["doubts"]))
        except (KeyError, TypeError, ValueError) as error:
            raise FlowError(f"not a transformation: {error!r}.") from None

"""Paths of the older grammar, such as ``ids[*].id``, and what they are in expressions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lume_dagster.errors import FlowError
from lume_dagster.mapper.sample import reference

ITEMS = "[*]"
_STEP = re.compile(r"\[\*\]|\[([^\]]*)\]|([^.\[\]]+)")
_VARIABLE = "item"

Steps = tuple[str, ...]  # names, and [*] for the items of a list


def steps_of(path: object, where: str) -> Steps:
    """The steps of a path.

    Raises:
        FlowError: it is no path, or names an item by its number.
    """
    if not isinstance(path, str) or not path.strip():
        raise FlowError(f"{where}: {path!r} is no path.", hint="for example customer.ids[*].id")
    bare = path.strip().removeprefix("$.")
    steps: list[str] = []
    for found in _STEP.finditer(bare):
        if found[1] is not None:
            raise FlowError(
                f"{where}: {path!r} names one item of a list by its place.",
                hint="give the source a column for it, or map the whole list with [*].",
            )
        steps.append(found[0])
    if not steps or steps[0] == ITEMS:
        raise FlowError(f"{where}: {path!r} does not begin with a name.")
    return tuple(steps)


def shown(steps: Steps) -> str:
    """The path as people write it."""
    return ".".join(steps).replace(f".{ITEMS}", ITEMS)


@dataclass(frozen=True, slots=True)
class Scope:
    """The lists an expression stands in: each by the path of its items, with its variable."""

    lists: tuple[tuple[Steps, str], ...] = ()

    def within(self, items: Steps) -> Scope:
        """One list further in."""
        depth = len(self.lists)
        variable = _VARIABLE if depth == 0 else f"{_VARIABLE}_{depth + 1}"
        return Scope((*self.lists, (items, variable)))

    @property
    def variable(self) -> str:
        """What the innermost list calls its items."""
        return self.lists[-1][1]

    def refer(self, steps: Steps, where: str) -> str:
        """The path as an expression writes it here.

        Raises:
            FlowError: it leads into the items of another list.
        """
        for items, variable in reversed(self.lists):
            if steps[: len(items)] == items:
                return self._plain((variable, *steps[len(items) :]), steps, where)
        return self._plain(steps, steps, where)

    def _plain(self, rest: Steps, steps: Steps, where: str) -> str:
        if ITEMS in rest:
            raise FlowError(
                f"{where}: {shown(steps)} leads into the items of a list, but one value is wanted.",
                hint=f"write {ITEMS} in the target field too, where its items belong.",
            )
        return reference(*rest)

    def next_list(self, steps: Steps) -> Steps | None:
        """The path of the items of the next list further in that a path goes through."""
        inner = self.lists[-1][0] if self.lists else ()
        if steps[: len(inner)] != inner or ITEMS not in steps[len(inner) :]:
            return None
        return steps[: steps.index(ITEMS, len(inner)) + 1]

"""What else is wrong with a draft that cannot be read as a flow, or whose seeds are not there.

One slip in the file must not hide the next: what its connectors, seeds and expressions say is
judged as far as each stands by itself. Types and names are judged once the file is a flow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lume_dagster.errors import FlowError, Problem, did_you_mean

Place = tuple[str | int, ...]


def with_the_rest(
    folder: Path, connectors: Mapping[str, object], told: Sequence[Problem]
) -> list[Problem]:
    """The problems, those of the draft in ``folder`` with the others that it has."""
    from lume_dagster.flows.flow_file import placed_problems, read_bytes
    from lume_dagster.flows.versions import FILE_NAME
    from lume_dagster.flows.yaml_text import read_yaml

    file = folder / FILE_NAME
    if not file.is_file():
        return list(told)
    content = read_bytes(file)
    said = read_yaml(content).value
    if not isinstance(said, Mapping):
        return list(told)
    known = {(p.path, p.message) for p in told if p.file == str(file)}
    more = [p for p in _problems(said, folder, connectors) if (p.path, p.message) not in known]
    first = min((i for i, p in enumerate(told) if p.file == str(file)), default=len(told))
    mine = [p for p in told if p.file == str(file)] + placed_problems(more, content, file)
    others = [p for p in told if p.file != str(file)]
    return (
        others[:first] + sorted(mine, key=lambda p: (p.line or 0, p.column or 0)) + others[first:]
    )


def _problems(
    said: Mapping[str, Any], folder: Path, connectors: Mapping[str, object]
) -> Iterator[Problem]:
    from lume_dagster.flows.model import Flow
    from lume_dagster.flows.seeds import seed_problems
    from lume_dagster.flows.shape import sections

    source, target = _mapping(said.get("source")), _mapping(said.get("target"))
    reads = bool(source.get("query"))
    yield from connector_problems(
        reads, source.get("connector"), target.get("connector"), connectors
    )
    yield from seed_problems(sections(Flow, said)["seeds"] or {}, folder, folder.parent)
    yield from _expression_problems(said)


def connector_problems(
    is_queried: bool,
    source: object,
    target: object,
    connectors: Mapping[str, object],
) -> Iterator[Problem]:
    """What is wrong with the names of connectors that stand in a flow."""
    from lume_dagster.connectors.protocol import DatabaseSource, StoreSource, Target

    reads = (DatabaseSource, "run a query") if is_queried else (StoreSource, "list files")
    wanted = (("source", source, *reads), ("target", target, Target, "be written to"))
    for role, name, protocol, ability in wanted:
        if not isinstance(name, str):
            continue
        if name not in connectors:
            hint = f"definitions.py names the connectors; {did_you_mean(name, connectors)}"
            yield Problem(f"there is no connector {name!r}.", hint, (role, "connector"))
        elif not isinstance(connectors[name], protocol):
            yield Problem(f"the connector {name!r} cannot {ability}.", None, (role, "connector"))


def _expression_problems(said: Mapping[str, Any]) -> Iterator[Problem]:
    from lume_dagster.plan.expressions import parse_expression

    for path, text in _expressions(said):
        try:
            parse_expression(text, "it")
        except FlowError as error:
            yield Problem(error.message.removeprefix("it: "), error.hint, path)


def _expressions(said: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Every text that is to be an expression, and where it stands."""
    yield from _nested(("mapping",), said.get("mapping"))
    rules = said.get("rules")
    for at, rule in enumerate(rules if isinstance(rules, list) else ()):
        check = _mapping(rule).get("check")
        if isinstance(check, str):
            yield ("rules", at, "check"), check


def _nested(path: Place, node: object) -> Iterator[tuple[Place, str]]:
    if isinstance(node, str):
        yield path, node
    for name, inner in _mapping(node).items():
        if not (name == "as" and "each" in _mapping(node)):
            yield from _nested((*path, name), inner)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

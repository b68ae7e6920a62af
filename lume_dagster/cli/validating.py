"""Everything that is wrong with the flows of a project, found without a batch.

The library finds what is wrong with the files. What is left is what needs more than the file: the
connectors of the project, the grammar of expressions, and their types, for which a batch is made up
that has every column an expression names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from lume_dagster.errors import FlowError, InvalidRequestError, LumeError, Problem, did_you_mean

if TYPE_CHECKING:
    from lume_dagster.flows.model import Flow, FlowVersion
    from lume_dagster.orchestration.project import Project
    from lume_dagster.plan.plan import SourceColumn, TypeOracle

#: The type a column has in a batch of this format; of other formats only a batch can tell.
_COLUMN_TYPES = {"csv": "VARCHAR", "tsv": "VARCHAR", "json": "JSON", "jsonl": "JSON"}
_WHERE = re.compile(r"^(mapping|rules)\.([\w\[\].]+): ?")


@runtime_checkable
class Describing(Protocol):
    """An engine that can type an expression: only with one are types looked at."""

    def describe(self, select: str) -> tuple[str, ...]:
        """The types of the columns of a SELECT that reads no table."""
        ...


@dataclass(frozen=True, slots=True)
class Examined:
    """What was looked at, and all that is wrong with it."""

    drafts: int
    versions: int
    problems: tuple[Problem, ...]


def examine(project: Project, only: Sequence[str] = ()) -> Examined:
    """Look at every flow of the project, or only at those named.

    Raises:
        InvalidRequestError: a name that is no flow.
    """
    from lume_dagster.flows.library import Library

    library = Library(project.workspace.flows)
    unknown = [name for name in only if name not in library.flows()]
    if unknown:
        raise InvalidRequestError(
            f"There is no flow {unknown[0]!r}.", hint=did_you_mean(unknown[0], library.flows())
        )
    loaded = library.load_all()
    names = frozenset(only or library.flows())
    drafts = [draft for draft in loaded.drafts if draft.flow.flow in names]
    versions = [version for version in loaded.versions if version.flow.flow in names]
    folders = {library.folder / name for name in names}
    problems = [p for p in loaded.problems if folders & set(Path(p.file or "").parents)]
    with project.workspace.engine() as engine:
        oracle = engine if isinstance(engine, Describing) else None
        for version in (*drafts, *versions):
            problems += _placed(version, list(_problems(version, project, oracle)))
    return Examined(len(drafts), len(versions), tuple(problems))


def _placed(version: FlowVersion, problems: list[Problem]) -> list[Problem]:
    """The problems with the line and column of what they are about."""
    from lume_dagster.flows.flow_file import placed_problems

    if not problems:
        return []
    file = Path(version.folder) / "flow.yaml"
    return placed_problems(problems, file.read_bytes(), file)


def _problems(
    version: FlowVersion, project: Project, oracle: TypeOracle | None
) -> Iterator[Problem]:
    yield from _connector_problems(version.flow, project)
    yield from _expression_problems(version, oracle)


# -- connectors -------------------------------------------------------------------------------


def _connector_problems(flow: Flow, project: Project) -> Iterator[Problem]:
    from lume_dagster.connectors.protocol import DatabaseSource, StoreSource, Target
    from lume_dagster.orchestration.names import IO_MANAGER, WORKSPACE_RESOURCE

    resources = dict(project.definitions.resources or {})
    known = {
        name: r for name, r in resources.items() if name not in (IO_MANAGER, WORKSPACE_RESOURCE)
    }
    reads = (DatabaseSource, "run a query") if flow.source.query else (StoreSource, "list files")
    wanted = (
        ("source", flow.source.connector, *reads),
        ("target", flow.target.connector, Target, "be written to"),
    )
    for role, name, protocol, ability in wanted:
        if name not in known:
            hint = f"definitions.py names the connectors; {did_you_mean(name, known)}"
            yield Problem(f"there is no connector {name!r}.", hint, (role, "connector"))
        elif not isinstance(known[name], protocol):
            yield Problem(f"the connector {name!r} cannot {ability}.", None, (role, "connector"))


# -- expressions ------------------------------------------------------------------------------


def _expression_problems(version: FlowVersion, oracle: TypeOracle | None) -> Iterator[Problem]:
    """What the planner refuses, one after another: what is refused is taken out of the flow."""
    flow: Flow | None = version.flow
    for problem in _grammar_problems(version.flow):
        yield problem
        flow = flow and _without(flow, problem.path)
    types_are_known = version.flow.source.format.type in _COLUMN_TYPES
    if oracle is None or version.flow.source.query is not None or not types_are_known:
        return
    columns = _columns(flow) if flow is not None else []
    while flow is not None:
        found = _first_problem(flow, columns, version, oracle)
        if found is None:
            return
        yield found
        flow = _without(flow, found.path)


def _first_problem(
    flow: Flow, columns: Sequence[SourceColumn], version: FlowVersion, oracle: TypeOracle
) -> Problem | None:
    from lume_dagster.flows.seeds import seed_columns
    from lume_dagster.plan.compile import compile_flow

    try:
        compile_flow(flow, columns, seed_columns(version), oracle, empty_is_null=True)
    except LumeError as error:
        where = _WHERE.match(error.message)
        path = _path(flow, where[1], where[2]) if where else ()
        return Problem(error.message[where.end() if where else 0 :], error.hint, path)
    return None


def _path(flow: Flow, section: str, name: str) -> tuple[str | int, ...]:
    """The place in the file of ``mapping.lines[].sku`` or ``rules.known``."""
    if section == "rules":
        at = next((i for i, rule in enumerate(flow.rules) if rule.name == name), None)
        return ("rules",) if at is None else ("rules", at, "check")
    path: list[str | int] = ["mapping"]
    for part in name.split("."):
        path += [part.removesuffix("[]"), *(["item"] if part.endswith("[]") else [])]
    return tuple(path)


def _without(flow: Flow, path: tuple[str | int, ...]) -> Flow | None:
    """The flow less the part at the path; None where there is no such part."""
    match path:
        case ("rules", int(at), *_):
            return flow.model_copy(update={"rules": flow.rules[:at] + flow.rules[at + 1 :]})
        case ("mapping", *parts):
            mapping = _pruned(flow.mapping, parts)
            return None if mapping is None else flow.model_copy(update={"mapping": mapping})
    return None


def _pruned(node: Any, path: Sequence[str | int]) -> Mapping[str, Any] | None:
    if not path or not isinstance(node, Mapping) or path[0] not in node:
        return None
    head = str(path[0])
    inner = _pruned(node[head], path[1:])
    return {k: (inner if k == head else v) for k, v in node.items() if k != head or inner}


def _grammar_problems(flow: Flow) -> Iterator[Problem]:
    from lume_dagster.plan.expressions import parse_expression

    for path, text in _expressions(flow):
        try:
            parse_expression(text, "")
        except FlowError as error:
            yield Problem(error.message.removeprefix(": "), error.hint, path)


def _columns(flow: Flow) -> list[SourceColumn]:
    """Every name an expression uses, as a column of a batch that nobody has seen."""
    from sqlglot import exp

    from lume_dagster.plan.expressions import parse_expression
    from lume_dagster.plan.names import path_of
    from lume_dagster.plan.plan import SourceColumn

    names: dict[str, str] = {}
    for _, text in _expressions(flow):
        for node in parse_expression(text, "").find_all(exp.Column):
            head, *rest = path_of(node)
            name = rest[0] if rest and head.casefold() == "source" else head
            names.setdefault(name.casefold(), name)
    kind = _COLUMN_TYPES[flow.source.format.type or ""]
    return [SourceColumn(name, f"c{at}", kind) for at, name in enumerate(names.values())]


def _expressions(flow: Flow) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each expression of the flow and its place in the file."""
    yield from _leaves(("mapping",), flow.mapping)
    for at, rule in enumerate(flow.rules):
        yield ("rules", at, "check"), rule.check


def _leaves(path: tuple[str | int, ...], node: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(node, str):
        yield path, node
    elif isinstance(node, Mapping):
        is_list = "each" in node
        for key, inner in node.items():
            if not (is_list and key == "as"):
                yield from _leaves((*path, key), inner)

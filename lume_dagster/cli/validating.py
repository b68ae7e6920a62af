"""Everything that is wrong with the flows of a project, found without a batch.

The library finds what is wrong with the files. What is left is what needs more than the file: the
connectors of the project, and the expressions, which the planner judges with the help of an engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from lume_dagster.cli.unfinished import connector_problems, with_the_rest
from lume_dagster.errors import InvalidRequestError, LumeError, Problem, did_you_mean

if TYPE_CHECKING:
    from lume_dagster.flows.model import Flow, FlowVersion
    from lume_dagster.orchestration.project import Project
    from lume_dagster.plan.plan import TypeOracle

Place = tuple[str | int, ...]

_WHERE = re.compile(r"^(mapping|rules)\.([\w\[\].]+): ?")


@runtime_checkable
class Describing(Protocol):
    """An engine that can type and try an expression: only with one are expressions judged."""

    def describe(self, select: str) -> tuple[str, ...]:
        """The types of the columns of a SELECT that reads no table."""
        ...

    def compute(self, select: str) -> None:
        """Compute a SELECT that reads no table."""
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
    read = {draft.flow.flow for draft in drafts}
    for name in sorted(names - read):
        problems = with_the_rest(library.folder / name, connectors_of(project), problems)
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
    flow = version.flow
    reads = (bool(flow.source.query), flow.source.connector, flow.target.connector)
    yield from connector_problems(*reads, connectors_of(project))
    if oracle is not None:
        yield from _expression_problems(version, oracle)


def connectors_of(project: Project) -> Mapping[str, object]:
    """The connectors of the code location, by name."""
    from lume_dagster.orchestration.names import IO_MANAGER, WORKSPACE_RESOURCE

    resources = dict(project.definitions.resources or {})
    return {n: r for n, r in resources.items() if n not in (IO_MANAGER, WORKSPACE_RESOURCE)}


# -- expressions ------------------------------------------------------------------------------


def _expression_problems(version: FlowVersion, oracle: TypeOracle) -> Iterator[Problem]:
    """What the planner refuses. It is taken out of the flow, and the rest looked at again.

    So a slip in the grammar of one expression does not hide what is wrong with the others.
    """
    from lume_dagster.flows.seeds import seed_columns
    from lume_dagster.plan.check import check_flow

    flow: Flow | None = version.flow
    while flow is not None:
        refused = check_flow(flow, seed_columns(version), oracle)
        if not refused:
            return
        for error in refused:
            problem = _problem(version.flow, error)
            yield problem
            if flow is not None:
                flow = _without(flow, problem.path, version.flow)


def _problem(flow: Flow, error: LumeError) -> Problem:
    where = _WHERE.match(error.message)
    if where is None:
        return Problem(error.message, error.hint)
    return Problem(error.message[where.end() :], error.hint, _path(flow, where[1], where[2]))


def _path(flow: Flow, section: str, name: str) -> Place:
    """The place in the file of ``mapping.lines[].sku`` or ``rules.known``."""
    if section == "rules":
        at = next((i for i, rule in enumerate(flow.rules) if rule.name == name), None)
        return ("rules",) if at is None else ("rules", at, "check")
    path: list[str | int] = ["mapping"]
    node: Any = flow.mapping
    for part in name.replace("[]", "").split("."):
        if isinstance(node, Mapping) and "each" in node and part not in node:
            path.append("item")
            node = node.get("item")
        path.append(part)
        node = node.get(part) if isinstance(node, Mapping) else None
    return tuple(path)


def _without(flow: Flow, path: Place, whole: Flow) -> Flow | None:
    """The flow less what stands at a place in the whole flow; None where nothing does."""
    match path:
        case ("rules", int(at), *_):
            rules = tuple(rule for rule in flow.rules if rule.name != whole.rules[at].name)
            return flow.model_copy(update={"rules": rules})
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

"""Read a flow file, reporting everything that is wrong with it at once, and write one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lume_dagster.errors import FlowError, Problem
from lume_dagster.flows.agreement import disagreements
from lume_dagster.flows.model import Flow
from lume_dagster.flows.shape import sections, shape_problems
from lume_dagster.flows.yaml_text import MAX_BYTES, Document, Inline, read_yaml, write_yaml

Model = TypeVar("Model", bound=BaseModel)

#: The newest format of flow files this package reads.
FORMAT = 1


def load(path: Path) -> Flow:
    """The flow in a file."""
    return parse(read_bytes(path), path)


def parse(text: str | bytes, path: Path | str | None = None) -> Flow:
    """The flow a text says; ``path`` only tells errors what to call it.

    Raises:
        FlowError: with every problem of the file, each with its line, column, field and hint.
    """
    return read_model(text, Flow, path, "lume: 1, flow: <name>, source, target, schema, mapping")


def read_model(
    text: str | bytes,
    model: type[Model],
    path: Path | str | None,
    begin: str,
    limit: int = MAX_BYTES,
) -> Model:
    """The model a YAML text says; ``begin`` is what an empty file should have said."""
    document = read_yaml(text.encode() if isinstance(text, str) else text, limit)
    problems = list(document.problems)
    if not problems and not isinstance(document.value, dict):
        problems = [_not_a_mapping(document.value, begin)]
    if not isinstance(document.value, dict):
        raise FlowError.of(_placed(problems, document, path))
    try:
        built = model.model_validate(document.value)
    except ValidationError as error:
        problems += _too_new(document.value) or _all_problems(error, model, document.value)
    except FlowError as error:
        problems += error.problems
    if problems:
        raise FlowError.of(_placed(problems, document, path))
    return built


def render(flow: Flow) -> str:
    """The flow as a file that reads back as the same flow; what has its default is left out."""
    return write_yaml(said(flow))


def said(flow: Flow) -> Any:
    """What a file says of the flow: plain values, without those that have their default."""
    return _in_lines(flow.model_dump(mode="python", by_alias=True, exclude_defaults=True))


def read_bytes(path: Path) -> bytes:
    """A file's bytes, with an error of our own where there is none to read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FlowError(f"{path}: there is no such file.") from None
    except OSError as error:
        raise FlowError(f"{path}: cannot be read: {error.strerror}.") from None


# -- problems ---------------------------------------------------------------------------------


def _not_a_mapping(value: Any, begin: str) -> Problem:
    if value is None:
        return Problem("is empty.", f"a file begins with {begin}.")
    what = "a list" if isinstance(value, list) else "a single value"
    return Problem(f"is {what}; a mapping is wanted.", f"a file begins with {begin}.")


def _too_new(value: Mapping[str, Any]) -> list[Problem]:
    """Of a format to come nothing else can be said."""
    given = value.get("lume")
    if isinstance(given, int) and not isinstance(given, bool) and given > FORMAT:
        message = f"format {given} is newer than this package, which reads format {FORMAT}."
        return [Problem(message, "upgrade lume-dagster.", ("lume",))]
    return []


def _all_problems(
    error: ValidationError, model: type[BaseModel], value: Mapping[str, Any]
) -> list[Problem]:
    """What does not fit, and what disagrees among the parts that do."""
    problems = shape_problems(error, model, value)
    if model is not Flow:
        return problems
    told = {p.path for p in problems}
    return problems + [p for p in disagreements(sections(model, value)) if p.path not in told]


def placed_problems(problems: Sequence[Problem], content: bytes, path: Path) -> list[Problem]:
    """Problems that were found later in what a file says, with their places in it."""
    return _placed(problems, read_yaml(content), path)


def _placed(
    problems: Sequence[Problem], document: Document, path: Path | str | None
) -> list[Problem]:
    """The problems with file and position, in the order of the file."""
    file = None if path is None else str(path)
    placed = []
    for problem in problems:
        here = (problem.line, problem.column)
        at = here if problem.line is not None else document.position(problem.path) or (None, None)
        placed.append(replace(problem, file=file, line=at[0], column=at[1]))
    return sorted(placed, key=lambda p: (p.line or 0, p.column or 0))


# -- writing ----------------------------------------------------------------------------------

_LINE = 80  # characters a mapping may take and still stand on one line
_EXACT = 2**53  # below it every whole float is the integer it looks like


def _in_lines(value: Any, depth: int = 0) -> Any:
    """Leaf mappings and lists short enough become inline, as people write them."""
    if isinstance(value, Mapping):
        inner = {key: _in_lines(item, depth + 1) for key, item in value.items()}
        return Inline(inner) if depth > 0 and _is_short(inner) else inner
    if isinstance(value, list | tuple):
        return [_in_lines(item, depth + 1) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value


def _is_short(mapping: Mapping[str, Any]) -> bool:
    scalars = all(_is_leaf(item) for item in mapping.values())
    return scalars and len(str(mapping)) <= _LINE and "\n" not in str(mapping)


def _is_leaf(value: Any) -> bool:
    if isinstance(value, list):
        return all(not isinstance(v, list | dict) for v in value)
    return not isinstance(value, dict) or isinstance(value, Inline)

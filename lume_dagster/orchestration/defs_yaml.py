"""What is wrong with a defs.yaml, as sentences with file, line and field."""

# Pydantic reads the annotations of this class as they are: none of them is postponed.

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any, Self

import dagster as dg
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails

from lume_dagster.errors import FlowError, LumeError, Problem
from lume_dagster.flows.shape import shape_problems

Steps = Sequence[str | int]
#: What a component says stands below this key of its defs.yaml.
_HERE = ("attributes",)


class Block(dg.Model, dg.Resolvable):
    """A part of a defs.yaml: a value that does not fit is said with its line."""

    @classmethod
    def resolve_from_model(cls, context: dg.ResolutionContext, model: BaseModel) -> Self:
        """Fill in what templates stand for, and check what comes out."""
        with lines_of(context.source_position_tree, context.path, cls):
            made: Self = super().resolve_from_model(context, model)
        return made


class FromYaml(dg.Component, Block):
    """A component that says of its defs.yaml what is wrong with it, and in which line."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    _lines: Any = PrivateAttr(default=None)

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """What a defs.yaml is read into."""
        return lenient(cls.model())

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """The component that a defs.yaml describes, or a sentence with file and line."""
        lines = context.resolution_context.source_position_tree
        with lines_of(lines, _HERE):
            if faults := faults_of(attributes):
                raise FlowError.of(faults)
        try:
            made = super().load(attributes, context)
        except Exception as error:
            if said := sentence(error):
                raise said from None
            raise
        made._lines = lines  # noqa: SLF001 - its own
        return made

    def at(self, *steps: str | int) -> AbstractContextManager[None]:
        """Errors from within come from this place of the defs.yaml."""
        return lines_of(self._lines, (*_HERE, *steps))


def between(least: float, most: float = float("inf")) -> AfterValidator:
    """The bounds of a number; what is still a template has none."""

    def held(given: Any) -> Any:
        if isinstance(given, int | float) and not least <= given <= most:
            bounds = f"at least {least:g}" if most == float("inf") else f"{least:g} to {most:g}"
            raise ValueError(f"{given:g} is not {bounds}")
        return given

    return AfterValidator(held)


@contextmanager
def lines_of(
    tree: Any, steps: Steps, model: type[BaseModel] | None = None, *kinds: type[Exception]
) -> Iterator[None]:
    """Say of errors from within where in the file they come from.

    Args:
        tree: Where everything stands in the file, as Dagster has it; None when there is no file.
        steps: What is being read, from the top of the file.
        model: What values are read into, to name its fields.
        kinds: Errors of others that say in their words what is wrong.
    """
    try:
        yield
    except ValidationError as error:
        if model is None:
            raise
        found = shape_problems(error, model, _inputs(error))
        raise FlowError.of([_placed(problem, tree, steps) for problem in found]) from None
    except FlowError as error:
        if any(problem.file for problem in error.problems):  # of a flow file, or placed before
            raise
        raise FlowError.of([_placed(p, tree, steps) for p in error.problems]) from None
    except LumeError as error:
        problem = Problem(error.message, error.hint)
        raise FlowError.of([_placed(problem, tree, steps)]) from None
    except kinds as error:
        raise FlowError.of([_placed(Problem(str(error)), tree, steps)]) from None


def _placed(problem: Problem, tree: Any, steps: Steps) -> Problem:
    path = (*steps, *problem.path)
    shown = tuple(path[1:]) if path[:1] == ("attributes",) else path
    if tree is None:
        return Problem(problem.message, problem.hint, shown)
    position, _ = tree.lookup_closest_and_path(path, None)
    return Problem(
        problem.message, problem.hint, shown,
        position.filename, position.start.line, position.start.col,
    )  # fmt: skip


def _inputs(error: ValidationError) -> dict[str, Any]:
    """As much of what was validated as the error remembers: the places that it names."""
    return {str(d["loc"][0]): d["input"] for d in error.errors() if d["loc"]}


def sentence(error: BaseException) -> FlowError | None:
    """The sentence that Dagster has wrapped in errors of its own."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, FlowError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


# -- the first look, at what stands in the file ---------------------------------------------------


@cache
def lenient(model: type[BaseModel]) -> type[BaseModel]:
    """The model of a file that takes anything, and remembers in ``faults`` what does not fit.

    Dagster would say of a block with one wrong field that it "is not valid under any of the given
    schemas".
    """

    class Lenient(model):  # type: ignore[valid-type, misc]
        model_config = ConfigDict(json_schema_extra=_let_blocks_pass)
        _faults: list[Problem] = PrivateAttr(default_factory=list)

        @model_validator(mode="wrap")
        @classmethod
        def _remember(cls, value: Any, handler: Any) -> Any:
            try:
                return handler(value)
            except ValidationError as error:
                made = cls.model_construct()
                found = shape_problems(_without_templates(error, value), model, value)
                made._faults = found  # noqa: SLF001 - its own
                return made

    Lenient.__name__ = Lenient.__qualname__ = model.__name__
    Lenient.__doc__ = model.__doc__
    return Lenient


def faults_of(attributes: BaseModel | None) -> Sequence[Problem]:
    """What the first look found."""
    return getattr(attributes, "_faults", ())


def _let_blocks_pass(schema: dict[str, Any]) -> None:
    """What stands in a block is checked by us, with better words than a JSON Schema has."""
    for field in schema.get("properties", {}).values():
        choices = field.get("anyOf", ())
        if any("$ref" in choice or "items" in choice for choice in choices):
            field["anyOf"] = [*choices, {"type": ["object", "array"]}]


def _without_templates(error: ValidationError, value: Any) -> ValidationError:
    """The error without names of alternatives, and without "or a text", which a template is."""
    details = [d for d in error.errors(include_url=False) if not _of_template(d)]
    lines = [
        InitErrorDetails(
            type=d["type"], loc=_path_in(value, d), input=d["input"], ctx=d.get("ctx", {})
        )
        for d in details or error.errors(include_url=False)
    ]
    return ValidationError.from_exception_data(error.title, lines)


def _of_template(detail: ErrorDetails) -> bool:
    return detail["type"] == "string_type" and detail["loc"][-1] == "str"


def _path_in(value: Any, detail: ErrorDetails) -> tuple[str | int, ...]:
    path: list[str | int] = []
    for step in detail["loc"]:
        held = step in value if isinstance(value, Mapping) else isinstance(step, int)
        if held:
            value = value[step]
            path.append(step)
    if detail["type"] == "missing":
        path.append(detail["loc"][-1])
    return tuple(path)

"""Read plain values into a frozen model, and say in words of the file what does not fit.

``sections`` is the second look at a value that does not fit: which of its parts do, so that those
can be judged all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from lume_dagster.errors import Problem, did_you_mean

Path = tuple[str | int, ...]


def shape_problems(error: ValidationError, model: type[BaseModel], value: Any) -> list[Problem]:
    """Each place of the value that does not fit the model, once."""
    found: dict[Path, Problem] = {}
    for detail in error.errors(include_url=False):
        path = _path_in(value, detail)
        if path not in found:
            found[path] = _problem(detail, path, model)
    return list(found.values())


def _path_in(value: Any, detail: ErrorDetails) -> Path:
    """The location without what pydantic adds to it: names of union members."""
    path: list[str | int] = []
    for step in detail["loc"]:
        if _holds(value, step):
            value = value[step]
        elif detail["type"] == "missing" and step == detail["loc"][-1]:
            pass
        else:
            break
        path.append(step)
    return tuple(path)


def _holds(value: Any, step: str | int) -> bool:
    if isinstance(value, Mapping):
        return step in value
    return isinstance(value, list | tuple) and isinstance(step, int) and step < len(value)


def _problem(detail: ErrorDetails, path: Path, model: type[BaseModel]) -> Problem:
    write = _WORDS.get(detail["type"], _otherwise)
    message, hint = write(detail, path, model)
    return Problem(message, hint, path)


Words = tuple[str, str | None]


def _missing(_: ErrorDetails, path: Path, model: type[BaseModel]) -> Words:
    if path == ("lume",):
        return "is missing.", "add a first line that says lume: 1, the format of the file."
    described = _fields_at(model, path[:-1]).get(str(path[-1]))
    return "is missing.", f"add it: {described[0].lower()}{described[1:]}" if described else None


def _extra(_: ErrorDetails, path: Path, model: type[BaseModel]) -> Words:
    known = _fields_at(model, path[:-1])
    return f"{path[-1]!r} is not known here.", did_you_mean(str(path[-1]), known)


def _literal(detail: ErrorDetails, _: Path, __: type[BaseModel]) -> Words:
    expected = detail["ctx"]["expected"].replace(" or ", ", ")
    choices = [c.strip("'") for c in expected.split(", ")]
    hint = did_you_mean(str(detail["input"]), choices) if choices[1:] else f"write {choices[0]}."
    return f"{detail['input']!r} is not one of {', '.join(choices)}.", (
        None if hint.startswith("known") else hint
    )


def _not_text(detail: ErrorDetails, _: Path, __: type[BaseModel]) -> Words:
    kind, hint = _KINDS.get(type(detail["input"]), ("another thing", None))
    return f"must be text, not {kind}.", hint


_KINDS: dict[type, Words] = {
    int: ("a number", "put it in quotes."),
    float: ("a number", "put it in quotes."),
    bool: ("a truth value", "put it in quotes."),
    type(None): ("empty", "write a text, or leave the line out."),
    dict: ("a mapping", "a text that holds ': ' or begins with { needs quotes."),
    list: ("a list", "write one text."),
}


def _own_words(detail: ErrorDetails, _: Path, __: type[BaseModel]) -> Words:
    said, _sep, hint = str(detail["ctx"]["error"]).partition("; ")
    return (f"{said}.", hint) if hint else (said, None)


def _pattern(detail: ErrorDetails, _: Path, __: type[BaseModel]) -> Words:
    pattern = detail["ctx"]["pattern"]
    return f"{detail['input']!r} cannot be used here.", _PATTERNS.get(
        pattern, f"it must match {pattern}."
    )


_PATTERNS = {
    r"^[a-z][a-z0-9_]{0,62}$": "a-z, 0-9 and _, a letter first, at most 63.",
    r"^[A-Za-z_][A-Za-z0-9_]{0,62}$": "letters, digits and _, no digit first, at most 63.",
    r"\S": "it is blank.",
    r"^(team:\S.*|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,})$": (
        "write an e-mail address, or team:name."
    ),
    r"^([A-Za-z0-9_.-]{1,63}/)?[A-Za-z0-9_.-]{1,63}$": "letters, digits, _, - and ., at most 63.",
    r"^[A-Za-z0-9_.-]{0,63}$": "letters, digits, _, - and ., at most 63.",
}


def _list(detail: ErrorDetails, _: Path, __: type[BaseModel]) -> Words:
    return "must be a list.", f"write [{detail['input']}]." if detail["input"] else None


def _mapping(detail: ErrorDetails, path: Path, model: type[BaseModel]) -> Words:
    if detail["input"] is None:
        return "is empty.", "fill it in, or leave it out."
    known = ", ".join(_fields_at(model, path))
    return "must be a mapping.", f"it has {known}." if known else None


def _otherwise(detail: ErrorDetails, _: Path, __: type[BaseModel]) -> Words:
    said = detail["msg"].removeprefix("Input ").removeprefix("Value ").rstrip(".")
    return f"{said}, not {detail['input']!r}.", None


_WORDS: dict[str, Callable[[ErrorDetails, Path, type[BaseModel]], Words]] = {
    "missing": _missing,
    "extra_forbidden": _extra,
    "literal_error": _literal,
    "string_type": _not_text,
    "value_error": _own_words,
    "string_pattern_mismatch": _pattern,
    "tuple_type": _list,
    "model_type": _mapping,
    "mapping_type": _mapping,
    "model_attributes_type": _mapping,
}

# -- walking a model --------------------------------------------------------------------------


def _fields_at(model: type[BaseModel], path: Path) -> dict[str, str | None]:
    """Names, as the file has them, and descriptions of the fields of the model at the path."""
    annotation: Any = model
    for step in path:
        annotation = _inner(annotation, step)
    found = next((a for a in _alternatives(annotation) if _is_model(a)), None)
    if found is None:
        return {}
    return {f.alias or name: f.description for name, f in found.model_fields.items()}


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return get_args(annotation)
    return (annotation,)


def _inner(annotation: Any, step: str | int) -> Any:
    for choice in _alternatives(annotation):
        if _is_model(choice):
            by_name = {f.alias or name: f.annotation for name, f in choice.model_fields.items()}
            return by_name.get(str(step))
        arguments = get_args(choice)
        if arguments:
            return arguments[0] if isinstance(step, int) else arguments[-1]
    return None


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


# -- the parts that do fit --------------------------------------------------------------------


def sections(model: type[BaseModel], value: Mapping[str, Any]) -> dict[str, Any]:
    """Each field of the model, by its name there: its value, or None where it does not fit.

    Of a list, the items that do not fit are None; of a mapping, they are left out.
    """
    return {
        name: _section(field.annotation, value[field.alias or name], field.metadata)
        if (field.alias or name) in value
        else field.get_default()
        if not field.is_required()
        else None
        for name, field in model.model_fields.items()
    }


def _section(annotation: Any, value: Any, metadata: list[Any]) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(value, list) and origin is tuple and _is_model(arguments[0]):
        return tuple(_fitting(arguments[0], item) for item in value)
    if isinstance(value, Mapping) and isinstance(origin, type) and issubclass(origin, Mapping):
        items = ((key, _fitting(arguments[1], item)) for key, item in value.items())
        return {key: item for key, item in items if item is not None}
    return _fitting(annotation if not metadata else Annotated[annotation, *metadata], value)


def _fitting(annotation: Any, value: Any) -> Any:
    try:
        return TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        return None

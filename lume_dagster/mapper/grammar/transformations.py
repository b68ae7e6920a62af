"""One transformation of the older grammar as an expression of the flow language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlglot import exp

from lume_dagster.errors import FlowError, did_you_mean
from lume_dagster.mapper.grammar.paths import Scope, Steps, steps_of

Transformation = Mapping[str, Any]
_WORDS = ("extract", "default", "exists", "left", "function", "condition")


def is_transformation(value: Mapping[str, Any]) -> bool:
    """Whether an object is a transformation, and not a node of a flow's mapping."""
    return _kind(value) is not None


def expression_of(given: Any, scope: Scope, where: str) -> str:
    """The expression of a transformation; a text is one already.

    Raises:
        FlowError: it is none that the grammar knows.
    """
    if isinstance(given, str):
        return given
    if not isinstance(given, Mapping):
        raise FlowError(
            f"{where}: {type(given).__name__} is no kind of transformation.",
            hint=f"it is an object with {', '.join(_WORDS[:-1])} or {_WORDS[-1]}.",
        )
    kind = _kind(given)
    if kind == "default":  # alone it keeps its type; inside others all is text
        return _literal(given["default"], where)
    return _text_of(given, scope, where)


def paths_of(given: Any, where: str) -> Iterator[Steps]:
    """Every source path that a transformation reads."""
    if isinstance(given, Mapping):
        for key, value in given.items():
            if key in ("extract", "exists") or (key == "path" and isinstance(value, str)):
                yield steps_of(value, where)
            elif key not in ("lookup", "default", "delimiter", "index"):
                yield from paths_of(value, where)
    elif isinstance(given, list | tuple):
        for value in given:
            yield from paths_of(value, where)


def _kind(given: Mapping[str, Any]) -> str | None:
    return next((word for word in _WORDS if word in given and _fits(word, given)), None)


def _fits(word: str, given: Mapping[str, Any]) -> bool:
    return bool(given.keys() <= _KEYS[word])


_KEYS = {
    "extract": {"extract", "default"},
    "default": {"default"},
    "exists": {"exists"},
    "left": {"left", "right"},
    "function": {"function", "params", "default"},
    "condition": {"condition", "true", "false"},
}


def _text_of(given: Any, scope: Scope, where: str) -> str:
    """The expression of a transformation inside another, where all constants are texts."""
    if isinstance(given, str):
        return given
    kind = _kind(given) if isinstance(given, Mapping) else None
    if kind is None:
        said = ", ".join(sorted(given)) if isinstance(given, Mapping) else repr(given)
        raise FlowError(
            f"{where}: the transformation ({said}) is none that is known.",
            hint=f"known: {', '.join(_WORDS)}; each with its own words only.",
        )
    return _WRITERS[kind](given, scope, where)


# -- each kind ------------------------------------------------------------------------------------


def _extract(given: Transformation, scope: Scope, where: str) -> str:
    found = scope.refer(steps_of(given["extract"], where), where)
    return _or_default(found, given, where)


def _default(given: Transformation, _: Scope, where: str) -> str:
    return _text(given["default"], where)


def _exists(given: Transformation, scope: Scope, where: str) -> str:
    return f"{scope.refer(steps_of(given['exists'], where), where)} IS NOT NULL"


def _equals(given: Transformation, scope: Scope, where: str) -> str:
    if "right" not in given:
        raise FlowError(f"{where}: a comparison has left and right.")
    left, right = (_text_of(given[side], scope, where) for side in ("left", "right"))
    return f"coalesce({left} = {right}, false)"


def _condition(given: Transformation, scope: Scope, where: str) -> str:
    tested = given["condition"]
    if not isinstance(tested, Mapping) or _kind(tested) not in ("exists", "left"):
        raise FlowError(
            f"{where}: the condition is neither {{exists}} nor {{left, right}}.",
            hint="compare with left and right.",
        )
    then, otherwise = (
        _text_of(given[side], scope, where) if given.get(side) is not None else "NULL"
        for side in ("true", "false")
    )
    return f"CASE WHEN {_text_of(tested, scope, where)} THEN {then} ELSE {otherwise} END"


def _function(given: Transformation, scope: Scope, where: str) -> str:
    name, params = given["function"], given.get("params")
    if name not in _FUNCTIONS:
        hint = did_you_mean(str(name), _FUNCTIONS)
        raise FlowError(f"{where}: there is no function {name!r}.", hint=hint)
    if not isinstance(params, Mapping):
        raise FlowError(f"{where}: the function {name} has no params.")
    try:
        return _FUNCTIONS[name](given, params, scope, where)
    except KeyError as error:
        raise FlowError(f"{where}: {name} has no {error.args[0]!r} among its params.") from None


def _lookup(given: Transformation, params: Mapping[str, Any], scope: Scope, where: str) -> str:
    """A code list where an unknown code is an error; a CASE where it has a default."""
    path, pairs = params["path"], params["lookup"]
    extract = {"extract": path} if isinstance(path, str) else path
    value = _text_of(extract, scope, where)
    if not isinstance(pairs, Mapping) or not pairs:
        raise FlowError(f"{where}: the lookup has no pairs.", hint="{source value: target value}.")
    codes = [(_quote(str(code)), _text(target, where)) for code, target in pairs.items()]
    folded = {str(code).casefold() for code in pairs}
    if "default" not in given and len(folded) == len(pairs) and None not in pairs.values():
        return f"code_list({value}, {{{', '.join(f'{c}: {t}' for c, t in codes)}}})"
    branches = " ".join(f"WHEN {code} THEN {target}" for code, target in codes)
    otherwise = _text(given["default"], where) if "default" in given else "NULL"
    return f"CASE {value} {branches} ELSE {otherwise} END"


def _concat(given: Transformation, params: Mapping[str, Any], scope: Scope, where: str) -> str:
    items: Sequence[Any] = params["items"]
    delimiter = str(params.get("delimiter") or "")
    if not isinstance(items, list | tuple) or not items:
        raise FlowError(f"{where}: concat has no items.")
    parts = ", ".join(_text_of(item, scope, where) for item in items)
    joined = f"concat_ws({_quote(delimiter)}, {parts})" if delimiter else f"concat({parts})"
    return _or_default(f"nullif({joined}, '')", given, where)


def _split(given: Transformation, params: Mapping[str, Any], scope: Scope, where: str) -> str:
    index = params["index"]
    if not isinstance(index, int) or isinstance(index, bool):
        raise FlowError(f"{where}: the index of split is {index!r}.", hint="parts count from 0.")
    string = params["string"]
    value = _text_of({"extract": string} if isinstance(string, str) else string, scope, where)
    place = index + 1 if index >= 0 else index
    part = f"split_part({value}, {_quote(str(params['delimiter']))}, {place})"
    return _or_default(f"nullif({part}, '')", given, where)


_Write = Callable[[Transformation, Scope, str], str]
_WRITERS: Mapping[str, _Write] = {
    "extract": _extract,
    "default": _default,
    "exists": _exists,
    "left": _equals,
    "function": _function,
    "condition": _condition,
}
_FUNCTIONS: Mapping[str, Callable[[Transformation, Mapping[str, Any], Scope, str], str]] = {
    "lookup": _lookup,
    "concat": _concat,
    "split": _split,
}


# -- constants ------------------------------------------------------------------------------------


def _or_default(value: str, given: Transformation, where: str) -> str:
    if given.get("default") is None:
        return value
    return f"coalesce({value}, {_text(given['default'], where)})"


def _literal(value: Any, where: str) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return _text(value, where)


def _text(value: Any, where: str) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return _quote("true" if value else "false")
    if isinstance(value, str | int | float):
        return _quote(str(value))
    raise FlowError(
        f"{where}: the constant {value!r} is no single value.", hint="map its parts one by one."
    )


def _quote(text: str) -> str:
    return exp.Literal.string(text).sql("duckdb")

"""Read and write YAML without its traps: 1.2 scalars, no aliases, no tags, no duplicate keys.

A key is the text that stands there, so ``on`` and ``NO`` are themselves; a value is a number, true,
false, null or text, so a date stays text. The reader builds from libyaml's events with a bounded
depth, because nesting and aliases are how a small file becomes a large problem.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from lume_dagster.errors import Problem

Path = tuple[str | int, ...]
Position = tuple[int, int]  # line and column, from 1

MAX_BYTES = 1_000_000
_MAX_DEPTH = 50
_BASE_PARSER: type[Any] = yaml.CLoader if yaml.__with_libyaml__ else yaml.Loader


@dataclass(slots=True)
class Document:
    """What a YAML text says, and where each part of it stands: of a mapping entry, its key."""

    value: Any = None
    positions: dict[Path, Position] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def position(self, path: Path) -> Position | None:
        """Where the path stands, or the nearest part around it that is there."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.positions:
                return self.positions[path[:length]]
        return None


def read_yaml(content: bytes, limit: int = MAX_BYTES) -> Document:
    """Read one document; what is wrong with it as YAML is in its ``problems``."""
    document = Document()
    text = _decode(content, document, limit)
    if text is None:
        return document
    try:
        _Builder(text, document).build()
    except yaml.MarkedYAMLError as error:
        document.problems.append(_syntax_problem(error, text))
    except yaml.reader.ReaderError as error:
        document.problems.append(_character_problem(error, text))
    return document


def _decode(content: bytes, document: Document, limit: int) -> str | None:
    if len(content) > limit:
        message = f"is larger than {limit // 1_000_000} MB ({len(content):,} bytes)."
        document.problems.append(Problem(message, "data belongs in a seed or a batch."))
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8: byte 0x{content[error.start]:02X}."
        document.problems.append(Problem(message, "save the file as UTF-8.", line=line))
        return None


class _RefusedError(yaml.MarkedYAMLError):
    """YAML that is valid and not taken here."""

    def __init__(self, problem: str, mark: Any, hint: str) -> None:
        super().__init__(problem=problem, problem_mark=mark)
        self.hint = hint


# -- problems of the text itself --------------------------------------------------------------

_CONFLICT = re.compile(r"^(<{7} |={7}$|>{7} )", re.MULTILINE)


def _syntax_problem(error: yaml.MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
    if isinstance(error, _RefusedError):
        return Problem(str(error.problem), error.hint, (), None, line, column)
    message = f"is not YAML: {error.problem or error.context}."
    return Problem(message, _syntax_hint(str(error.problem), text, line), (), None, line, column)


def _syntax_hint(said: str, text: str, line: int | None) -> str:
    if _CONFLICT.search(text):
        return "the file holds the marks of a merge conflict; keep one side and delete the marks."
    here = text.splitlines()[line - 1 : line] if line else []
    if "\\t" in said or any("\t" in line[: len(line) - len(line.lstrip())] for line in here):
        return "indent with spaces; YAML takes no tabs."
    return "check the indentation, and put text that holds : # { [ ' or \" in quotes."


def _character_problem(error: yaml.reader.ReaderError, text: str) -> Problem:
    found = _UNPRINTABLE.search(text)
    line = text.count("\n", 0, found.start()) + 1 if found else None
    shown = f"U+{ord(found[0]):04X}" if found else str(error.reason)
    return Problem(f"holds the control character {shown}.", "remove it.", line=line)


_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# -- reading ----------------------------------------------------------------------------------

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_MAX_DIGITS = 300


def plain_value(text: str) -> Any:
    """What an unquoted text means: by the core schema of YAML 1.2, less hex and inf."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _MAX_DIGITS or text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if number - number == 0 else text
    return text


class _Builder:
    """Turns the parser's events into values, no deeper than a person would nest them."""

    def __init__(self, text: str, document: Document) -> None:
        self._parser = _BASE_PARSER(text)
        self._document = document

    def build(self) -> None:
        try:
            self._next(yaml.StreamStartEvent)
            if isinstance(self._parser.peek_event(), yaml.StreamEndEvent):
                return
            self._next(yaml.DocumentStartEvent)
            self._document.positions[()] = _position(self._parser.peek_event().start_mark)
            self._document.value = self._value((), 0)
            self._next(yaml.DocumentEndEvent)
            if not isinstance(self._parser.peek_event(), yaml.StreamEndEvent):
                mark = self._parser.peek_event().start_mark
                raise _RefusedError("a second document begins.", mark, "remove the --- inside.")
        finally:
            self._parser.dispose()

    def _next(self, kind: type[yaml.Event]) -> Any:
        event = self._parser.get_event()
        assert isinstance(event, kind)  # noqa: S101 - the grammar of libyaml's events
        return event

    def _value(self, path: Path, depth: int) -> Any:
        """What stands next; where a mapping's entry stands is told by its key."""
        event = self._parser.get_event()
        _refuse_references(event)
        if isinstance(event, yaml.ScalarEvent):
            return plain_value(event.value) if event.implicit[0] else event.value
        if depth >= _MAX_DEPTH:
            message = f"is nested more than {_MAX_DEPTH} deep."
            raise _RefusedError(message, event.start_mark, "flatten it.")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path, depth)
        return self._mapping(path, depth)

    def _sequence(self, path: Path, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._parser.peek_event(), yaml.SequenceEndEvent):
            inside = (*path, len(items))
            self._document.positions[inside] = _position(event.start_mark)
            items.append(self._value(inside, depth + 1))
        self._parser.get_event()
        return items

    def _mapping(self, path: Path, depth: int) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not isinstance(event := self._parser.get_event(), yaml.MappingEndEvent):
            key, position = _key(event), _position(event.start_mark)
            inside = (*path, key)
            if key in entries:
                self._duplicate(inside, position)
            self._document.positions[inside] = position
            entries[key] = self._value(inside, depth + 1)
        return entries

    def _duplicate(self, path: Path, here: Position) -> None:
        first = self._document.positions[path][0]
        message = f"the key {path[-1]!r} is already on line {first}."
        hint = "keep one of the two."
        self._document.problems.append(Problem(message, hint, path, None, *here))


def _key(event: yaml.Event) -> str:
    _refuse_references(event)
    if not isinstance(event, yaml.ScalarEvent):
        message = "a key must be text."
        raise _RefusedError(message, event.start_mark, "put a key that holds [ or { in quotes.")
    return str(event.value)


def _position(mark: Any) -> Position:
    return mark.line + 1, mark.column + 1


def _refuse_references(event: yaml.Event) -> None:
    """One place for one thing: what a file says of a field stands at the field."""
    mark = event.start_mark
    if isinstance(event, yaml.AliasEvent):
        raise _RefusedError("aliases such as *name are not taken.", mark, "write the value out.")
    if event.anchor is not None:
        raise _RefusedError("anchors such as &name are not taken.", mark, "write the value out.")
    if event.tag not in (None, "!"):
        hint = "remove the tag, or put the text in quotes."
        raise _RefusedError(f"tags such as {event.tag} are not taken.", mark, hint)


# -- writing ----------------------------------------------------------------------------------


class _Dumper(yaml.SafeDumper):
    """Indents lists under their key, never folds a line, quotes what any reader might misread."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _write_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None
    if not text.isprintable():
        style = "|" if _BLOCK.fullmatch(text) else '"'
    elif not isinstance(plain_value(text), str):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_BLOCK = re.compile(r"\S(?:[ -~\n]*[!-~])?\n?")  # printable ASCII, begins and ends in ink
_Dumper.add_representer(str, _write_text)


class Inline(dict[str, Any]):
    """A mapping that is written on one line."""


def _write_inline(dumper: _Dumper, mapping: Inline) -> yaml.MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", mapping.items(), flow_style=True)


_Dumper.add_representer(Inline, _write_inline)


def write_yaml(value: Any) -> str:
    """The value as YAML that ``read_yaml`` reads back as the same value."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**9, indent=2
    )
    return text

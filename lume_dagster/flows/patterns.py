r"""Say why the engine's matcher, RE2, would not take a regular expression.

RE2 matches in linear time, and so has no lookaround and no backreferences. Its grammar:
https://github.com/google/re2/wiki/Syntax. What it takes beyond ECMA 262 (``(?i)``, ``\pL``,
``[[:alpha:]]``) is taken here too; what the two read differently (``\Q``, ``\C``, octal) is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

_MAX_REPEAT = 1000  # of one count, and of the product of counts inside each other

_GROUP = re.compile(r"\(\?(P<\w+>|(?:[imsU]*(?:-[imsU]+)?)(?P<end>[:)]))")
_REFUSED_GROUPS = {
    "(?=": "a lookahead",
    "(?!": "a lookahead",
    "(?<=": "a lookbehind",
    "(?<!": "a lookbehind",
    "(?<": "a group named like (?<name>...); write (?P<name>...)",
    "(?P=": "a backreference",
    "(?>": "an atomic group",
    "(?(": "a conditional group",
    "(?#": "a comment",
}
_REPEAT = re.compile(r"[*+?]\??|\{(?P<low>\d+)(?P<comma>,(?P<high>\d*))?\}\??")
_CODE = r"x[0-9A-Fa-f]{2}|x\{(?P<code>[0-9A-Fa-f]{1,6})\}"
_PROPERTY = r"[pP](?:[CLMNPSZ]|\{\^?[A-Z]\w*\})"
_ESCAPE = re.compile(rf"\\(?:[dDsSwWafnrtv]|0|{_CODE}|{_PROPERTY}|[!-/:-@\[-^`{{-~ ]|_)")
_ASSERTION = re.compile(r"\\[bBAz]")
_POSIX = re.compile(r"\[:\^?([a-z]+):\]")
_POSIX_NAMES = re.compile(
    "alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit"
)
_SETS = frozenset("dDsSwWpP")


class _Refused(Exception):  # noqa: N818 - it never leaves this file
    """Carries the sentence."""


@dataclass
class _Group:
    """What is read of a group: the repeat counts inside it, and those of its last piece."""

    weight: int = 1
    piece: int | None = None  # None: nothing to repeat here


@dataclass
class _Reader:
    text: str
    at: int = 0
    groups: list[_Group] = field(default_factory=lambda: [_Group()])

    def piece(self, length: int, weight: int = 1) -> None:
        self.groups[-1].piece = weight
        self.at += length


def pattern_flaw(pattern: str) -> str | None:
    """Why RE2 would refuse the pattern, as the end of a sentence; None when it takes it."""
    reader = _Reader(pattern)
    try:
        _read(reader)
    except _Refused as refused:
        return str(refused)
    return None


def _read(reader: _Reader) -> None:
    while reader.at < len(reader.text):
        _STEPS.get(reader.text[reader.at], _literal)(reader)
    if len(reader.groups) > 1:
        raise _Refused("has a ( that is not closed")


def _literal(reader: _Reader) -> None:
    reader.piece(1)


def _open(reader: _Reader) -> None:
    rest = reader.text[reader.at :]
    if not rest.startswith("(?"):
        reader.groups.append(_Group())
        reader.at += 1
        return
    found = _GROUP.match(rest)
    if found is None:
        named = (what for start, what in _REFUSED_GROUPS.items() if rest.startswith(start))
        raise _Refused(f"uses {next(named, f'{rest[:3]}, which is no group')}")
    if found["end"] == ")":  # flags only: (?i)
        reader.groups[-1].piece = None
    else:
        reader.groups.append(_Group())
    reader.at += found.end()


def _close(reader: _Reader) -> None:
    if len(reader.groups) == 1:
        raise _Refused("has a ) without its (")
    inner = reader.groups.pop()
    reader.piece(1, max(inner.weight, inner.piece or 1))
    reader.groups[-1].weight = max(reader.groups[-1].weight, reader.groups[-1].piece or 1)


def _alternative(reader: _Reader) -> None:
    reader.groups[-1].piece = None
    reader.at += 1


def _repeat(reader: _Reader) -> None:
    found = _REPEAT.match(reader.text, reader.at)
    if found is None:  # a { that counts nothing stands for itself
        _literal(reader)
        return
    group = reader.groups[-1]
    if group.piece is None:
        raise _Refused(f"repeats nothing with {found[0]}")
    weight = group.piece * _count(found)
    if weight > _MAX_REPEAT:
        raise _Refused(f"repeats more than {_MAX_REPEAT} times")
    group.weight = max(group.weight, weight)
    group.piece = None  # RE2 refuses to repeat a repetition: a**
    reader.at = found.end()


def _count(found: re.Match[str]) -> int:
    if found["low"] is None:
        return 1
    low = int(found["low"][:9])
    high = int(found["high"][:9]) if found["high"] else low
    if high < low:
        raise _Refused(f"counts down in {found[0]}")
    return max(high, 1)


def _escape(reader: _Reader) -> None:
    found = _ASSERTION.match(reader.text, reader.at) or _escaped(reader)
    reader.piece(len(found[0]))


def _escaped(reader: _Reader) -> re.Match[str]:
    found = _ESCAPE.match(reader.text, reader.at)
    if found is None:
        raise _Refused(_why_not(reader.text[reader.at : reader.at + 2]))
    if "code" in found.groupdict() and found["code"] and int(found["code"], 16) > 0x10FFFF:  # noqa: PLR2004
        raise _Refused(f"names no character with {found[0]}")
    return found


def _why_not(escape: str) -> str:
    if escape == "\\":
        return "ends in a backslash"
    if escape[1] in "123456789":
        return f"uses {escape}, a backreference"
    if escape == r"\u":
        return r"uses \u; write the character itself, or \x{00e9}"
    if escape == r"\Z":
        return r"uses \Z; write \z or $"
    return f"uses {escape}, which means nothing"


def _class(reader: _Reader) -> None:
    start = reader.at
    reader.at += 1
    if reader.text.startswith("^", reader.at):
        reader.at += 1
    first = True
    while first or not reader.text.startswith("]", reader.at):
        if reader.at >= len(reader.text):
            raise _Refused("has a [ that is not closed")
        low = _member(reader)
        if low is not None and _is_range(reader):
            reader.at += 1
            high = _member(reader)
            if high is None or high < low:
                raise _Refused(f"has an impossible range in {reader.text[start : reader.at]}")
        first = False
    reader.piece(1)


def _is_range(reader: _Reader) -> bool:
    after = reader.text[reader.at : reader.at + 2]
    return len(after) > 1 and after[0] == "-" and after[1] != "]"


def _member(reader: _Reader) -> int | None:
    r"""Step over one member of a class: its character's code, or None for a set such as \d."""
    posix = _POSIX.match(reader.text, reader.at)
    if posix is not None:
        if not _POSIX_NAMES.fullmatch(posix[1]):
            raise _Refused(f"uses {posix[0]}, which is no class")
        reader.at = posix.end()
        return None
    if not reader.text.startswith("\\", reader.at):
        reader.at += 1
        return ord(reader.text[reader.at - 1])
    escape = _escaped(reader)
    reader.at = escape.end()
    return None if escape[0][1] in _SETS else _code_of(escape)


_NAMED = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "0": 0}


def _code_of(escape: re.Match[str]) -> int:
    letter = escape[0][1]
    if letter == "x":
        return int(escape["code"] or escape[0][2:], 16)
    return _NAMED.get(letter, ord(letter))


_STEPS: dict[str, Callable[[_Reader], None]] = {
    "(": _open,
    ")": _close,
    "|": _alternative,
    "[": _class,
    "\\": _escape,
    **dict.fromkeys("*+?{", _repeat),
}

"""Candidate parts of an output that are pieces of the source texts, as they are or changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile

from lume_dagster.mapper.synthesis.node import Node, column, cost
from lume_dagster.mapper.synthesis.ops_pattern import CLASSES, PATTERNS, tokens
from lume_dagster.mapper.synthesis.setting import Setting, step

_MARKS = (
    *" ,-/.:;|_@&=?()\n\t#+<>[]\"'*{}%$!~^\\",
    ", ",
    " - ",
    "://",
    "[[",
    "]]",
    "'''",
    "|",
    " (",
)
_DIVISIBLE = frozenset({"split", "after", "before_last", "between", "spaced", "keep"})
_GLUES = ("", " ", "-", ", ", ",", ".", "_", "/", "; ")
_MOST_BASES = 450  # what is looked into further; the cheapest
_DEEPEST = 7  # parts counted from the front
_FROM_END = 4
_LONGEST_SLICE = 8
_CONTEXT = 6


def bases(setting: Setting) -> list[Node]:
    """Pieces of the columns, one of each that differ on the examples and the rows beside."""
    kept: dict[object, Node] = {}
    for path in setting.paths:
        source = column(path)
        if setting.texts(source) is None:
            continue
        for node in _with_inner(setting, source):
            if setting.texts(node) is not None:
                same = (setting.seen(node), setting.unseen(node))
                if same not in kept or cost(node) < cost(kept[same]):
                    kept[same] = node
    most = _MOST_BASES if setting.thorough else _MOST_BASES // 3
    return sorted(kept.values(), key=cost)[:most]


def _with_inner(setting: Setting, source: Node) -> Iterator[Node]:
    """The pieces of a column; and, where that was not enough, the pieces of its larger pieces."""
    outer = list(_pieces(setting, source))
    yield from outer
    bare = step("keep", source, "titles")
    if setting.texts(bare) and setting.seen(bare) != setting.seen(source):
        yield from _inner(bare, setting.texts(bare) or ())
    if setting.deep:
        for piece in outer:
            values = setting.texts(piece)
            if piece.op in _DIVISIBLE and values and any(" " in v for v in values):
                yield from _inner(piece, values)


def _inner(piece: Node, values: Sequence[str]) -> Iterator[Node]:
    for name in ("word", "letters", "digits", "capitals"):
        least = min(len(tokens(v, name)) for v in values)
        yield from (step("token", piece, name, k) for k in (1, 2, -1, -2) if abs(k) <= least)
    yield step("initials", piece, "")


def _pieces(setting: Setting, source: Node) -> Iterator[Node]:
    """From the least surprising on."""
    values = setting.texts(source) or ()
    yield source
    yield step("trim", source)
    yield step("squash", source)
    yield from _tokens(source, values)
    yield from _parts(source, values)
    for name in CLASSES:
        yield step("keep", source, name)
    for name in ("tags", "alnum", "letters"):
        yield step("spaced", source, name)
    yield from (step("initials", source, glue) for glue in ("", ".", ". ", " "))
    yield step("camel", source)
    yield from _context(setting, source, values)


def _tokens(source: Node, values: Sequence[str]) -> Iterator[Node]:
    for name in PATTERNS:
        counts = [len(tokens(v, name)) for v in values]
        for k in range(1, min(*counts, _DEEPEST) + 1):
            yield step("token", source, name, k)
        for k in range(1, min(*counts, _FROM_END) + 1):
            yield step("token", source, name, -k)
        if max(counts) > 1:
            yield from (step("join", source, name, glue) for glue in _GLUES)


def _parts(source: Node, values: Sequence[str]) -> Iterator[Node]:
    present = [m for m in dict.fromkeys(_MARKS) if any(m in v for v in values)]
    for mark in present:
        least = min(v.count(mark) for v in values)
        for k in range(1, min(least + 1, _DEEPEST) + 1):
            yield step("split", source, mark, k)
        for k in range(1, min(least + 1, _FROM_END) + 1):
            yield step("split", source, mark, -k)
        if least:
            yield step("after", source, mark)
            yield step("before_last", source, mark)
        yield step("replace", source, mark, "")
        yield from (step("replace", source, mark, new) for new in " -_/.," if new != mark)
    for left in present:
        if all(left in v for v in values):
            for right in present:
                yield step("between", source, left, right)
                yield step("inside", source, left, right)


def _context(setting: Setting, source: Node, values: Sequence[str]) -> Iterator[Node]:
    """What stands, in each example, just before and after the whole output."""
    if not all(out in v for v, out in zip(values, setting.wanted, strict=True)):
        return
    for first in (True, False):
        at = [
            (v.find(out) if first else v.rfind(out))
            for v, out in zip(values, setting.wanted, strict=True)
        ]
        before = [v[:i][::-1] for v, i in zip(values, at, strict=True)]
        left = _common(before)[:_CONTEXT][::-1]
        after = [v[i + len(o) :] for v, i, o in zip(values, at, setting.wanted, strict=True)]
        right = _common(after)[:_CONTEXT]
        for size in range(1, len(left) + 1):
            yield step("after", source, left[-size:])
            for width in range(1, len(right) + 1):
                yield step("between", source, left[-size:], right[:width])
                yield step("inside", source, left[-size:], right[:width])


def _common(texts: Sequence[str]) -> str:
    """How all of these begin."""
    letters = takewhile(lambda found: len(set(found)) == 1, zip(*texts, strict=False))
    return "".join(found[0] for found in letters)


def changed(setting: Setting, base: Node) -> Iterator[Node]:
    """A piece as it is, in another case, cut, or filled up."""
    yield base
    for op in ("lower", "upper", "title_case", "capitalise", "strip_accents"):
        yield step(op, base)
    yield step("upper", step("strip_accents", base))
    values = setting.texts(base) or ()
    yield from _cuts(base, values)
    if all(v.isascii() and v.isdigit() for v in values):
        yield step("unpad", base)
        yield from (step("pad", base, n, "0") for n in range(2, 11))
        yield step("ordinal", base)
    longest = max(map(len, setting.wanted))
    if longest < 30 and len({*map(len, setting.wanted)}) == 1:
        yield from (step("pad", base, longest, fill) for fill in " 0*.")


def _cuts(base: Node, values: Sequence[str]) -> Iterator[Node]:
    """The first or last letters, or all but those."""
    shortest = min(map(len, values))
    alike = len(values) > 1 and len(set(map(len, values))) == 1
    for n in range(1, min(shortest, 6) + 1):
        front = alike or not _at_edge(values, n)
        back = alike or not _at_edge([v[::-1] for v in values], n)
        for op in ("left",) * front + ("right",) * back:
            yield step(op, base, n)
            if n <= 3:
                yield step("upper", step(op, base, n))
                yield step("lower", step(op, base, n))
                yield step("capitalise", step(op, base, n))
        if n < shortest:
            yield from (step(op, base, n) for op in ("drop",) * front + ("drop_last",) * back)


def _at_edge(values: Sequence[str], n: int) -> bool:
    """Whether a cut there is where a word ends anyway: then words are meant, not letters."""
    return all(len(v) > n and v[n - 1].isalnum() != v[n].isalnum() for v in values)


def slices(setting: Setting, base: Node) -> Iterator[Node]:
    """Fixed places of texts that are equally long."""
    texts = setting.texts(base) or ()
    if len(texts) == 1 and not texts[0].isdigit():
        return
    lengths = set(map(len, texts))
    if len(lengths) != 1 or not 3 < (length := lengths.pop()) < 24:
        return
    for start in range(1, length + 1):
        for n in range(1, min(_LONGEST_SLICE, length - start + 1) + 1):
            yield step("slice", base, start, n)


def text_atoms(setting: Setting, found: Sequence[Node]) -> Iterator[Node]:
    """All of these that fit the outputs."""
    for base in found:
        same = setting.seen(base)
        for node in changed(setting, base):
            # A change that changes none of the examples is not what they show.
            if setting.fits(node) and (node is base or setting.seen(node) != same):
                yield node
    for base in found:
        if base.op in ("column", "trim") or (
            base.op == "keep" and base.args[0] in ("digits", "alnum")
        ):
            yield from filter(setting.fits, slices(setting, base))

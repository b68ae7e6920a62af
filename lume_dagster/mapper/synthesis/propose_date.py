"""Candidate parts of an output that are dates and times of the source, written another way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice

from lume_dagster.mapper.synthesis import clock, formats
from lume_dagster.mapper.synthesis.node import Node
from lume_dagster.mapper.synthesis.setting import Setting, step

_DAY_PARTS = ("%Y", "%m", "%d", "%-m", "%-d", "%y", "%b", "%B", "%a", "%A", "%j", "%-j", "%G", "%V")
_CLOCK_PARTS = ("%H", "%M", "%S", "%I", "%p", "%-H", "%-I", "%-M")
_PIECES = ("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%H:%M", "%-H:%M", "%I:%M", "%-I:%M")
_CLOCKS = (
    *("%H", "%-H", "%I", "%-I", "%M", "%p", "%H:%M", "%-H:%M", "%I:%M", "%-I:%M", "%I:%M %p"),
    *("%-I:%M %p", "%H:%M:%S", "%I:%M%p", "%-I:%M%p", "%-I%p", "%-I %p", "%I%p"),
)
_WIDTHS = (5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720)
_MOST_READINGS = 6
_SOURCES = frozenset(
    {"column", "trim", "squash", "token", "split", "between", "after", "before_last", "keep"}
)
_DAY = 86400


def readings(setting: Setting, bases: Sequence[Node]) -> list[Node]:
    """The dates that can be read in the source: by one format, or by a few in turn."""
    made: dict[object, Node] = {}
    for base in bases:
        texts = setting.texts(base)
        if base.op in _SOURCES and texts and max(map(len, texts)) < 50:
            for node in _read(setting, base, texts):
                values = setting.seen(node)
                if None not in values:
                    made.setdefault((values, setting.unseen(node)), node)
        if len(made) >= _MOST_READINGS:
            break
    return list(made.values())


def _read(setting: Setting, base: Node, texts: Sequence[str]) -> Iterator[Node]:
    beside = [v for v in setting.unseen(base) if isinstance(v, str) and v.strip(" ")]
    for single in islice(formats.common([*texts, *beside]), 3):
        yield step("date", base, single)
    if not all(map(formats.fitting, texts)):
        return
    for several in formats.covers([*texts, *beside]):
        yield step("date", base, *several)
    yield from (step("date", base, single) for single in islice(formats.common(texts), 3))


def date_atoms(setting: Setting, bases: Sequence[Node]) -> Iterator[Node]:
    """Dates written, moved, cut to steps; their parts."""
    for moment in (*readings(setting, bases), *_counted(setting, bases)):
        yield from filter(setting.fits, _parts(moment))
        yield from filter(setting.fits, _whole(setting, moment))
        if _has_clock(moment):
            yield from filter(setting.fits, _buckets(moment))


def _counted(setting: Setting, bases: Sequence[Node]) -> Iterator[Node]:
    """Days since 1899 and seconds since 1970, where an output looks like a date."""
    if not any(map(formats.fitting, setting.wanted)):
        return
    for base in bases:
        if base.op in ("column", "trim"):
            number = step("number", base, ".")
            for op in ("serial", "unix"):
                node = step(op, number)
                if None not in setting.seen(node):
                    yield node


def _has_clock(moment: Node) -> bool:
    return moment.op == "unix" or any("%H" in str(f) or "%I" in str(f) for f in moment.args)


def _has_day(moment: Node) -> bool:
    return moment.op != "date" or any(
        mark in str(f) for f in moment.args for mark in ("%d", "%m", "%b", "%B", "%j", "%Y")
    )


def _parts(moment: Node) -> Iterator[Node]:
    parts = (*_DAY_PARTS * _has_day(moment), *_CLOCK_PARTS * _has_clock(moment), *_PIECES)
    for part in parts:
        shown = step("strftime", moment, part)
        yield shown
        if part in ("%b", "%B", "%a", "%A", "%p"):
            yield step("lower", shown)
            yield step("upper", shown)
    if _has_day(moment):
        yield step("quarter", moment)
        yield step("ordinal", step("strftime", moment, "%-d"))
    yield step("fixed", step("epoch", moment), 0)


def _whole(setting: Setting, moment: Node) -> Iterator[Node]:
    """The whole output is a date: the same one, or one at a constant distance."""
    for shown in formats.written(setting.wanted):
        yield step("strftime", moment, shown)
        bare = shown.replace("%-", "%")
        wanted = [clock.read_date(out, (bare,)) for out in setting.wanted]
        gaps = {
            (w - m).total_seconds()
            for w, m in zip(wanted, setting.seen(moment), strict=True)
            if w is not None and isinstance(m, datetime)
        }
        if len(gaps) == 1 and (gap := gaps.pop()) and abs(gap) < 400 * _DAY and gap % 60 == 0:
            yield step("strftime", step("shift", moment, int(gap)), shown)


def _buckets(moment: Node) -> Iterator[Node]:
    for width in _WIDTHS:
        low = step("bucket", moment, width)
        seconds = width * 60
        up = step("bucket", step("shift", moment, seconds - 1), width)
        near = step("bucket", step("shift", moment, seconds // 2), width)
        following = step("shift", low, seconds)
        last = step("shift", low, seconds - 60)
        for node in (low, up, near, following, last):
            yield from (step("strftime", node, shown) for shown in _CLOCKS)

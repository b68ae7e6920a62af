"""What became of the values of a column since its looks were kept, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from lume_dagster.errors import counted
from lume_dagster.mapper.shapes.look import Look, date_shape_of, exact_shape, look_at, run_shape

_NEW = 0.1  # of the values are written otherwise
_NO_NUMBERS = 0.2
_EMPTIED = 0.3  # of the rows have lost their value
_JUMP = 20  # times as large, or as small
_ENOUGH = 10  # values, to speak of shares and sizes
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class ShapeChange:
    """One thing that is different about a column's values.

    ``what`` is one of written, numbers, decimal, order, size, empty, values, codes.
    """

    path: str
    what: str
    share: float  # of the values, or of the rows
    sentence: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """A column then and now."""

    path: str
    before: Look
    now: Look
    values: tuple[str, ...]  # those that are there
    codes: frozenset[str]  # that the mapping knows, in lower case


def compare(
    path: str, before: Look, texts: Sequence[str | None], codes: Collection[str] = ()
) -> Iterator[ShapeChange]:
    """What is different; ``codes`` are those that the mapping knows."""
    values = tuple(text.strip() for text in texts if text is not None and text.strip())
    lowered = frozenset(code.casefold() for code in codes)
    seen = _Seen(path, before, look_at(texts), values, lowered)
    if len(texts) >= _ENOUGH and before.filled - seen.now.filled >= _EMPTIED:
        empty, was = 1 - seen.now.filled, 1 - before.filled
        said = f"{empty:.0%} of the rows have no value (before: {was:.0%})"
        yield _change(seen, "empty", empty, said)
    if values:
        for tell in _TELL:
            yield from tell(seen)


def _change(seen: _Seen, what: str, share: float, said: str) -> ShapeChange:
    return ShapeChange(seen.path, what, round(share, 4), f"{seen.path}: {said}.")


def _written(seen: _Seen) -> Iterator[ShapeChange]:
    """Dates and codes in shapes that were not there."""
    write = _writer(seen.before)
    if write is None:
        return
    others = [v for v in seen.values if write(v) not in seen.before.shapes]
    share = len(others) / len(seen.values)
    if share > _NEW:
        now = list(dict.fromkeys(_shown(seen, v) for v in others))[:_SHOWN]
        said = f"{share:.0%} of the values are written {_listed(now)}"
        yield _change(seen, "written", share, f"{said} (before: {_listed(seen.before.shapes)})")


def _writer(before: Look) -> Callable[[str], str | None] | None:
    if before.kind == "date":
        return date_shape_of
    if before.kind != "code":
        return None
    return run_shape if any("+" in shape for shape in before.shapes) else exact_shape


def _shown(seen: _Seen, value: str) -> str:
    """Dates as dates, codes as the codes were shown; a long text by its runs."""
    if seen.before.kind == "date":
        return date_shape_of(value) or run_shape(value)
    write = _writer(seen.before)
    return str(write(value)) if write is not None else run_shape(value)


def _listed(shapes: Sequence[str]) -> str:
    more = ", ..." if len(shapes) > _SHOWN else ""
    return ", ".join(shapes[:_SHOWN]) + more


def _numbers(seen: _Seen) -> Iterator[ShapeChange]:
    if seen.before.kind != "number" or seen.now.kind == "number":
        return
    others = [v for v in seen.values if look_at([v]).kind != "number"]
    share = len(others) / len(seen.values)
    if share > _NO_NUMBERS:
        now = list(dict.fromkeys(map(run_shape, others)))
        said = f"{share:.0%} of the values are no numbers, which they were: {_listed(now)}"
        yield _change(seen, "numbers", share, said)


_NAMES = {".": "point", ",": "comma"}


def _decimal(seen: _Seen) -> Iterator[ShapeChange]:
    before, now = seen.before.decimal, seen.now.decimal
    if before and now and before != now:
        said = f"numbers have a decimal {_NAMES[now]} (before: a {_NAMES[before]})"
        yield _change(seen, "decimal", 1.0, said)


def _order(seen: _Seen) -> Iterator[ShapeChange]:
    before, now = seen.before.order, seen.now.order
    if before and now and before != now:
        yield _change(seen, "order", 1.0, f"in dates the {now} comes first (before: the {before})")


def _size(seen: _Seen) -> Iterator[ShapeChange]:
    before, now = seen.before.typical, seen.now.typical
    if not before or not now or len(seen.values) < _ENOUGH:
        return
    if seen.before.decimal and seen.now.decimal and seen.before.decimal != seen.now.decimal:
        return
    if max(before, now) / min(before, now) >= _JUMP:
        said = f"numbers are about {now:g} (before: about {before:g}): is it another unit?"
        yield ShapeChange(seen.path, "size", 1.0, f"{seen.path}: {said}")


def _values(seen: _Seen) -> Iterator[ShapeChange]:
    if seen.before.values is None:
        return
    known = set(seen.before.values)
    new = [v for v in seen.values if v not in known]
    if new:
        shown = list(dict.fromkeys(map(repr, new)))
        some = counted(len(shown), "value was", "values were")
        said = f"{some} never there before: {_listed(shown)}"
        yield _change(seen, "values", len(new) / len(seen.values), said)


def _codes(seen: _Seen) -> Iterator[ShapeChange]:
    """Codes that no code list of the mapping has: their rows will be rejected."""
    new = [v for v in seen.values if v.casefold() not in seen.codes] if seen.codes else []
    if new:
        share = len(new) / len(seen.values)
        said = f"{share:.0%} of the values are none of the codes that the mapping knows"
        yield _change(seen, "codes", share, said)


_TELL = (_written, _numbers, _decimal, _order, _size, _values, _codes)

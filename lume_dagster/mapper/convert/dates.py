"""Dates and points in time: the formats that cover a column, and which number is the month."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lume_dagster.mapper.convert.date_shapes import (
    DAY_FIRST,
    MONTH_FIRST,
    YEAR_DAY,
    YEAR_FIRST,
    Reading,
    readings,
)
from lume_dagster.mapper.convert.facts import Facts, Want, sql_text
from lume_dagster.mapper.convert.program import Program

LEAST_COVER = 0.5  # share of rows that are dates
_MOST_FORMATS = 8
_WORDS = {DAY_FIRST: "day first", MONTH_FIRST: "month first", YEAR_FIRST: "year first"}


@dataclass(frozen=True, slots=True)
class Cover:
    """One way to read all of a column, and how sure its order is."""

    chosen: Mapping[str, Reading]  # by value
    rows: int
    prior: float
    ambiguous: bool = False
    reason: str = ""


def date_programs(facts: Facts, want: Want, siblings: Sequence[Facts]) -> Iterator[Program]:
    """Programs that give a date or a point in time."""
    for cover in covers(facts, siblings):
        yield _program(facts, want, cover)


def covers(facts: Facts, siblings: Sequence[Facts] = ()) -> tuple[Cover, ...]:
    """The ways to read a column as dates, the likeliest first; none where it holds none."""
    read = {v: found for v in facts.values if (found := readings(v))}
    total = sum(facts.counts.values())
    if not total or sum(facts.counts[v] for v in read) < LEAST_COVER * total:
        return ()
    groups: dict[str, list[str]] = {}
    for value, found in read.items():
        groups.setdefault(_group(found), []).append(value)
    ranked = [_ranked(members, read, facts.counts, siblings) for members in groups.values()]
    return tuple(_combined(ranked))


def _group(found: Sequence[Reading]) -> str:
    """Texts that share one order of their numbers: the same marks, years as long."""
    orders = {r.order for r in found}
    if not orders - {""}:
        return ""
    first = found[0]
    return f"{first.format.replace('%', '')[1:2]}{first.short_year}{YEAR_FIRST in orders}"


@dataclass(frozen=True, slots=True)
class _Choice:
    order: str
    chosen: dict[str, Reading]
    rows: int
    weight: float
    ambiguous: bool
    reason: str


def _ranked(
    members: Sequence[str],
    read: Mapping[str, Sequence[Reading]],
    counts: Mapping[str, int],
    siblings: Sequence[Facts],
) -> list[_Choice]:
    """The orders a group can be read in, the likeliest first."""
    orders = sorted({r.order for v in members for r in read[v]})
    taken = {o: {v: r for v in members for r in read[v] if r.order == o} for o in orders}
    rows = {o: sum(counts[v] for v in taken[o]) for o in orders}
    most = max(rows.values())
    best = [o for o in orders if rows[o] == most]
    if len(best) > 1 and len({tuple(r.day for r in taken[o].values()) for o in best}) == 1:
        best = [YEAR_FIRST] if YEAR_FIRST in best else best[:1]
    if len(best) == 1:
        return [_decided(best[0], taken, rows, len(orders) > 1)]
    weights = _weights(best, taken, members, siblings)
    found = [
        _Choice(o, taken[o], rows[o], weight, ambiguous=weight < _SURE, reason=why)
        for o, (weight, why) in weights.items()
    ]
    return sorted(found, key=lambda c: (-c.weight, c.order))


_SURE = 0.93


def _decided(
    order: str,
    taken: Mapping[str, dict[str, Reading]],
    rows: Mapping[str, int],
    chosen: bool,  # noqa: FBT001 - whether there was a choice
) -> _Choice:
    others = [o for o in rows if o not in (order, YEAR_DAY)]
    reason = ""
    ambiguous = False
    if chosen and order in _WORDS:
        over = next((v for v in taken[order] if all(v not in taken[o] for o in others)), None)
        if over is not None:
            reason = f"{over!r} can only be read with the {_WORDS[order]}."
    total = len({v for o in taken for v in taken[o]})
    if len(taken[order]) < total:  # some can only be read the other way round
        ambiguous = True
        reason = f"Some values can only be read with the {_WORDS.get(order, order)}, some cannot."
    return _Choice(order, taken[order], rows[order], 1.0, ambiguous, reason)


def _weights(
    best: Sequence[str],
    taken: Mapping[str, dict[str, Reading]],
    members: Sequence[str],
    siblings: Sequence[Facts],
) -> dict[str, tuple[float, str]]:
    """What speaks for each order where the values alone do not decide."""
    unclear = "No value is over 12, so day and month cannot be told apart."
    if YEAR_DAY in best and YEAR_FIRST in best:
        return {YEAR_FIRST: (0.97, "")}
    decided = sibling_orders(siblings)
    if len(decided) == 1 and next(iter(decided)) in best:
        (order,) = decided
        why = f"The column {decided[order]} has the {_WORDS[order]}."
        rest = [o for o in best if o != order]
        return {order: (0.95, why)} | {o: (0.05 / len(rest), unclear) for o in rest}
    if YEAR_FIRST in best and len(best) == 2:
        return _short_years(best, taken, members)
    prior = dict(_MARK_PRIORS.get(_mark_of(members[0]), _MARK_PRIORS["/"]))
    constant = [o for o in best if len({r.day.day for r in taken[o].values()}) == 1]
    if len(constant) == 1 and len(members) > 2:
        prior[constant[0]] = prior.get(constant[0], 0.1) * 4
    if all(_HALF_OF_DAY.search(v) for v in members):
        prior[MONTH_FIRST] = prior.get(MONTH_FIRST, 0.1) * _WITH_AM_PM
    total = sum(prior.get(o, 0.1) for o in best)
    return {o: (0.9 * prior.get(o, 0.1) / total, unclear) for o in best}


def _short_years(
    best: Sequence[str], taken: Mapping[str, dict[str, Reading]], members: Sequence[str]
) -> dict[str, tuple[float, str]]:
    """Two digits at each end: which of them is the year."""
    other = next(o for o in best if o != YEAR_FIRST)
    years = {r.day.year for r in taken[YEAR_FIRST].values()}
    last = {r.day.year for r in taken[other].values()}
    first = 0.03 if _mark_of(members[0]) != "-" else 0.3
    if len(last) > 3 * len(years):
        first = 0.9 if first == 0.3 else 0.5
    why = "Which two digits are the year, no value tells for sure."
    return {other: (1 - first, why), YEAR_FIRST: (first, why)}


#: Who writes ``8:02 AM`` mostly writes the month first.
_HALF_OF_DAY, _WITH_AM_PM = re.compile(r"\d ?[ap]\.?m\.?$", re.IGNORECASE), 4
_MARK_PRIORS = {
    "/": {MONTH_FIRST: 0.5, DAY_FIRST: 0.45, YEAR_FIRST: 0.05},
    ".": {DAY_FIRST: 0.97, MONTH_FIRST: 0.02, YEAR_FIRST: 0.02},
    "-": {DAY_FIRST: 0.5, MONTH_FIRST: 0.3, YEAR_FIRST: 0.3},
    " ": {DAY_FIRST: 0.6, MONTH_FIRST: 0.3, YEAR_FIRST: 0.1},
}


def _mark_of(value: str) -> str:
    return next((c for c in value if not c.isdigit()), "")


def sibling_orders(siblings: Iterable[Facts]) -> dict[str, str]:
    """The orders other columns of the sample leave no doubt about, and which column says so."""
    found: dict[str, str] = {}
    for facts in siblings:
        seen = [readings(v) for v in facts.values[:200]]
        if sum(map(bool, seen)) * 2 <= len(seen):
            continue
        only = {r[0].order for r in seen if len({x.order for x in r}) == 1}
        decided = only & {DAY_FIRST, MONTH_FIRST}
        if len(decided) == 1:
            found.setdefault(next(iter(decided)), facts.name)
    return found


def _combined(ranked: Sequence[Sequence[_Choice]]) -> Iterator[Cover]:
    """The best choice of every group together; then each group's other choices, one at a time."""
    first = [choices[0] for choices in ranked]
    yield _together(first)
    for place, choices in enumerate(ranked):
        for other in choices[1:]:
            yield _together([*first[:place], other, *first[place + 1 :]])


def _together(choices: Sequence[_Choice]) -> Cover:
    chosen = {v: r for choice in choices for v, r in choice.chosen.items()}
    prior = 1.0
    for choice in choices:
        prior *= choice.weight
    reasons = [c.reason for c in choices if c.reason]
    return Cover(
        chosen,
        sum(c.rows for c in choices),
        prior,
        any(c.ambiguous for c in choices),
        reasons[0] if reasons else "",
    )


# -- programs ---------------------------------------------------------------------------------


def _program(facts: Facts, want: Want, cover: Cover) -> Program:
    found = list(cover.chosen.values())
    as_date = want.field.format == "date"
    timed = any(r.has_time for r in found)
    function = "parse_timestamp" if timed and not as_date else "parse_date"
    formats = formats_of(cover, facts.counts)
    losses, prior, review = [], 0.97 * cover.prior, cover.ambiguous
    if as_date and any(r.has_time and not r.midnight for r in found):
        losses.append("The time of day is dropped.")
        prior *= 0.8
    partial = next((r.partial for r in found if r.partial), "")
    if partial:
        review, prior = True, prior * 0.75
    if any(r.short_year for r in found):
        review, prior = review or _may_be_old(want), prior * 0.96
    if len(formats) > _MOST_FORMATS:
        review, prior = True, prior * 0.7
    if not timed and not as_date:
        prior *= 0.97
    expression = f"{function}({', '.join([_cleaned(facts, found), *map(sql_text, formats)])})"
    if list(formats) == ["%Y-%m-%d"] and function == "parse_date":
        expression = f"parse_date({_cleaned(facts, found)})"
    return Program(
        expression,
        "date",
        prior,
        _reasons(cover, formats, partial),
        tuple(losses),
        review,
        nulls=facts.nulls,
    )


def formats_of(cover: Cover, counts: Mapping[str, int]) -> tuple[str, ...]:
    """The formats of a cover, the most frequent first."""
    named = any(r.named for r in cover.chosen.values())
    seen: Counter[str] = Counter()
    for value, reading in cover.chosen.items():
        form = reading.format.replace("%B", "%b").replace("%b.", "%b") if named else reading.format
        seen[form] += counts[value]
    ranked = sorted(seen, key=lambda f: (-seen[f], f))
    # %y takes the first two digits of a longer year as the year, so it comes last
    return tuple(sorted(ranked, key=lambda f: "%y" in f))


def _cleaned(facts: Facts, found: Sequence[Reading]) -> str:
    """The text with what no format can say taken out."""
    text = facts.read
    if any(" ".join(v.split()) != v for v in facts.values):
        text = f"squash({text})"
    if any(r.ordinal for r in found):
        text = f"regexp_replace({text}, '(\\d)(st|nd|rd|th|er|º|°)', '\\1')"
    if any(r.am_pm_dots for r in found):
        text = f"regexp_replace({text}, '([ap])\\.m\\.?', '\\1m', 'i')"
    if any(r.named for r in found):
        text = f"month_names({text})"
    return text


def _may_be_old(want: Want) -> bool:
    """Two digits do not say in which century somebody was born."""
    return want.says("birth", "born", "dob", "birthday", "founded", "death", "hired")


def _reasons(cover: Cover, formats: Sequence[str], partial: str) -> tuple[str, ...]:
    shown = ", ".join(repr(f) for f in formats[:3]) + (", ..." if len(formats) > 3 else "")
    told = [f"The values are dates written {shown}."]
    if cover.reason:
        told.insert(0 if cover.ambiguous else 1, cover.reason)
    if partial:
        told.append(f"Only the {partial} is said: the first day of it is taken.")
    return tuple(told)

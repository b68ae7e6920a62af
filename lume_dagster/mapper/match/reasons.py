"""Why a column is taken for a field, in sentences, the weightiest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lume_dagster.mapper.match.column import Column
from lume_dagster.mapper.match.features import Side
from lume_dagster.mapper.match.score import Scored

_MOST = 5  # sentences


@dataclass(frozen=True, slots=True)
class Pair:
    """A column, a field, and what the features say; a feature that cannot be told is missing."""

    column: Column
    field: Column
    names: str  # the two names as they were understood
    told: Mapping[str, float]

    def get(self, feature: str) -> float:
        """0 where it cannot be told."""
        return self.told.get(feature, 0.0)


def pair_of(scored: Scored, source: Side, target: Side, field: int, place: int) -> Pair:
    """A field and one of its candidates."""
    row = int(scored.candidates[field, place])
    told = {name: float(x[field, place]) for name, x in scored.features.items()}
    return Pair(
        column=source.columns[row],
        field=target.columns[field],
        names=f"{source.columns[row].name} = {' '.join(target.names.long[field])}",
        told={name: value for name, value in told.items() if value == value},  # noqa: PLR0124
    )


def reasons(pair: Pair) -> tuple[str, ...]:
    """What speaks for the pair, and then what speaks against it."""
    said = [
        sentence for tell in (_names, _meaning, _values, _constraints) if (sentence := tell(pair))
    ]
    flat = [sentence for part in said for sentence in part]
    against = _against(pair)[:2]
    return (*flat[: _MOST - len(against)], *against)


_Test = tuple[Callable[[Pair], bool], Callable[[Pair], str]]


def _first(pair: Pair, tests: tuple[_Test, ...]) -> list[str]:
    """The first that is so: the others say less of the same."""
    return next(([say(pair)] for holds, say in tests if holds(pair)), [])


_NAMES: tuple[_Test, ...] = (
    (lambda p: p.get("remembered") > 0, lambda p: f"the names were matched before ({p.names})"),
    (
        lambda p: p.column.name.lower() == p.field.name.lower() and "long_words" in p.told,
        lambda p: f"the names are the same ({p.column.name})",
    ),
    (lambda p: p.get("long_words") >= 0.9, lambda p: f"the names agree ({p.names})"),
    (
        lambda p: p.get("skeleton") >= 0.999,
        lambda p: f"the names have the same consonants ({p.column.name}, {p.field.name})",
    ),
    (
        lambda p: p.get("initials") >= 1,
        lambda p: f"one name is the initials of the other ({p.column.name}, {p.field.name})",
    ),
    (lambda p: p.get("long_words") >= 0.55, lambda p: f"the names are alike ({p.names})"),
)
_MEANING: tuple[_Test, ...] = (
    (
        lambda p: (
            p.get("told") >= 0.99 and p.get("long_words") < 0.55 and bool(p.field.description)
        ),
        lambda p: f"the description speaks of {p.column.name}",
    ),
    (lambda p: p.get("description") >= 0.4, lambda _: "the descriptions share rare words"),
    (lambda p: p.get("name_vector") >= 0.5, lambda _: "the names are near in meaning"),
    (
        lambda p: p.get("context_vector") >= 0.5,
        lambda _: "what is known of both is near in meaning",
    ),
)


def _names(pair: Pair) -> list[str]:
    return _first(pair, _NAMES)


def _meaning(pair: Pair) -> list[str]:
    return _first(pair, _MEANING)


def _values(pair: Pair) -> list[str]:
    said = []
    shared = pair.get("containment")
    if shared >= 0.1:
        said.append(f"{_percent(shared)} of the target's examples or values occur in the column")
    if pair.get("meant") >= 0.9 > pair.get("enum"):
        said.append("the values mean allowed ones")
    if pair.get("numbers") >= 0.6:
        said.append("the numbers lie in the same range")
    if pair.get("shapes") >= 0.7:
        said.append("the values are written alike")
    if pair.get("sense") >= 0.9 and pair.get("long_words") < 0.55:
        said.append("the values are what the field promises")
    return said


_CONSTRAINED = {
    "enum": "are in the list of allowed ones",
    "format": "have the format {format}",
    "pattern": "fit the pattern",
    "bounds": "lie within the bounds",
    "length": "have an allowed length",
}
_MOSTLY, _HARDLY = 0.5, 0.1


def _constraints(pair: Pair) -> list[str]:
    return [
        f"{_percent(pair.told[name])} of the values {text.format(format=pair.field.format)}"
        for name, text in _CONSTRAINED.items()
        if pair.get(name) >= _MOSTLY
    ]


def _against(pair: Pair) -> list[str]:
    said = [
        f"but only {_percent(pair.told[name])} of the values "
        f"{text.format(format=pair.field.format)} as they are"
        for name, text in _CONSTRAINED.items()
        if name in pair.told and pair.told[name] < _HARDLY
    ]
    if "kind" in pair.told and pair.told["kind"] <= 0.2:
        said.append("but the values are of another kind")
    return said


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"

"""Drift: a batch has other columns than its flow was made for, and which of them are only renamed.

A column that is gone and one that is new may be the same under another name. Who owns the flow
says so by ``source.also_called``; what is proposed here is the line to write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lume_dagster.errors import InvalidRequestError
from lume_dagster.flows.model import Flow
from lume_dagster.mapper.knowledge import Knowledge
from lume_dagster.mapper.sample import Sample
from lume_dagster.plan.used_columns import missing_columns, used_columns

MOST_TOLD = 10  # of each kind of change
_WORTH_A_LOOK = 0.36  # a person reads the proposal; something must be said for it
_MANY = 3  # columns gone; fewer make no other file


@dataclass(frozen=True, slots=True)
class Renamed:
    """A column that the flow needs, and what it seems to be called now."""

    before: str
    after: str
    probability: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drift:
    """How the columns of a batch differ from what a flow needs and from what came before."""

    missing: tuple[str, ...]  # the flow cannot do without them
    new: tuple[str, ...]  # the flow does not use them, and no earlier batch had them
    renamed: tuple[Renamed, ...]  # of the missing, the likeliest first
    needed: int = 0  # columns that the flow cannot do without

    @property
    def lost(self) -> tuple[str, ...]:
        """Missing columns for which there is no other name to be seen."""
        found = {renamed.before for renamed in self.renamed}
        return tuple(name for name in self.missing if name not in found)

    @property
    def is_another(self) -> bool:
        """Whether it looks like another file, and not like one that was changed."""
        return len(self.lost) >= _MANY and 2 * len(self.lost) > self.needed

    @property
    def unused(self) -> tuple[str, ...]:
        """New columns that are no other name of a missing one."""
        seen = {renamed.after for renamed in self.renamed}
        return tuple(name for name in self.new if name not in seen)

    def is_cut(self, most: int = MOST_TOLD) -> bool:
        """Whether ``sentences`` leave something out."""
        return max(map(len, (self.lost, self.renamed, self.unused))) > most

    def sentences(self, most: int | None = MOST_TOLD) -> Iterator[str]:
        """What a person should know, the worst first; of each kind at most so many."""
        if self.is_another:
            some, needed = len(self.missing), self.needed
            missing = f"all {needed}" if some == needed else f"{some} of the {needed}"
            yield f"This looks like another file: {missing} columns the flow needs are missing."
        if self.lost:
            one = len(self.lost) == 1
            others = f", and none of the new ones looks like {'it' if one else 'them'}"
            gone = f"column {self.lost[0]!r} is" if one else f"columns {_some(self.lost, most)} are"
            yield f"The {gone} gone{others if self.new else ''}."
        for found in self.renamed[:most]:
            sure = f"{found.probability:.0%}"
            why = f": {found.reasons[0]}" if found.reasons else ""
            yield f"{found.before!r} seems to be called {found.after!r} now ({sure}{why})."
        if left := self.renamed[most:] if most is not None else ():
            yield f"{len(left)} more seem{'s' if len(left) == 1 else ''} to be renamed."
        if self.unused:
            yield f"The flow does not use: {_some(self.unused, most)}."


def find_drift(
    flow: Flow,
    sample: Sample,
    earlier: Sample | None = None,
    knowledge: Knowledge | None = None,
) -> Drift:
    """What a batch lacks and what it has in its place.

    Args:
        flow: what the batch is for.
        sample: of the batch.
        earlier: of a batch that the flow could map, so that values can be compared too.
        knowledge: short forms and synonyms, in place of the package's.

    Raises:
        MissingExtraError: columns are missing, and ``lume-dagster[mapper]`` is not there.
    """
    names = tuple(dict.fromkeys(column.column for column in sample.columns))
    missing = missing_columns(flow, names)
    known = {column.column.casefold() for column in (earlier.columns if earlier else ())}
    known |= {name.casefold() for name in used_columns(flow)}
    known |= {name.casefold() for others in flow.source.also_called.values() for name in others}
    new = tuple(name for name in names if name.casefold() not in known)
    needed = len(used_columns(flow))
    if not missing or not new:
        return Drift(missing, new, (), needed)
    found = _matched(flow, sample, earlier, knowledge)
    likely = (r for r in found if r.before in missing and r.after in new)
    renamed = sorted(likely, key=lambda r: (-r.probability, r.before))
    return Drift(missing, new, tuple(renamed), needed)


def _some(names: Sequence[str], most: int | None) -> str:
    """``'a', 'b' and 8 more``."""
    shown = ", ".join(map(repr, names[:most]))
    left = len(names) - len(names[:most])
    return f"{shown} and {left} more" if left else shown


def with_new_names(flow: Flow, renamed: Sequence[Renamed]) -> Flow:
    """The flow, to which its columns may also be called by their new names.

    Raises:
        InvalidRequestError: there is nothing to change.
    """
    if not renamed:
        message = f"No column of {flow.flow} is known to have another name."
        raise InvalidRequestError(
            message, hint="change the mapping by hand, or map the batch anew."
        )
    called: dict[str, tuple[str, ...]] = dict(flow.source.also_called)
    for found in renamed:
        called[found.before] = tuple(dict.fromkeys((*called.get(found.before, ()), found.after)))
    source = flow.source.model_copy(update={"also_called": called})
    return flow.model_copy(update={"source": source})


def _matched(
    flow: Flow, sample: Sample, earlier: Sample | None, knowledge: Knowledge | None
) -> Iterator[Renamed]:
    """What each column that the flow uses is called in the sample.

    All are matched, though most kept their names: how well those go together says how much it
    takes to believe that one was renamed.
    """
    from lume_dagster.mapper.match import match_names

    purposes = _purposes(flow)
    values = {c.column: c.values for c in (earlier.columns if earlier else ()) if not c.inside}
    matches = match_names(
        [(c.column, "", c.values) for c in sample.columns if not c.inside],
        [(name, purposes.get(name, ""), values.get(name, ())) for name in used_columns(flow)],
        knowledge=knowledge,
    )
    from lume_dagster.mapper.match.core import candidates  # match_names found it there

    taken = {match.column for match in matches}
    for match in matches:
        best = next(iter(candidates(match)), None)
        if best is None or (match.column is None and best.column in taken):
            continue
        if best.probability >= _WORTH_A_LOOK:
            yield Renamed(match.field, best.column, best.probability, best.reasons)


def _purposes(flow: Flow) -> Mapping[str, str]:
    """What each source column is for, in the words of the target fields that are made from it."""
    told: dict[str, list[str]] = {}
    for field in flow.target_schema.fields:
        node = flow.mapping.get(field.name)
        if node is None:
            continue
        alone = flow.model_copy(update={"mapping": {field.name: node}, "rules": ()})
        for name in used_columns(alone):
            told.setdefault(name, []).append(field.description or field.name.replace("_", " "))
    return {name: "; ".join(purposes) for name, purposes in told.items()}

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

_WORTH_A_LOOK = 0.36  # a person reads the proposal; something must be said for it


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

    @property
    def lost(self) -> tuple[str, ...]:
        """Missing columns for which there is no other name to be seen."""
        found = {renamed.before for renamed in self.renamed}
        return tuple(name for name in self.missing if name not in found)

    def sentences(self) -> Iterator[str]:
        """What a person should know, the worst first."""
        for name in self.lost:
            others = ", and none of the new ones looks like it" if self.new else ""
            yield f"The column {name!r} is gone{others}."
        for found in self.renamed:
            sure = f"{found.probability:.0%}"
            why = f": {found.reasons[0]}" if found.reasons else ""
            yield f"{found.before!r} seems to be called {found.after!r} now ({sure}{why})."
        seen = {renamed.after for renamed in self.renamed}
        if new := [repr(name) for name in self.new if name not in seen]:
            yield f"New, and not used: {', '.join(new)}."


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
    if not missing or not new:
        return Drift(missing, new, ())
    found = _matched(flow, sample, earlier, knowledge)
    renamed = (r for r in found if r.before in missing and r.after in new)
    return Drift(missing, new, tuple(sorted(renamed, key=lambda r: (-r.probability, r.before))))


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

"""From the ways there are to make a field to the one that is proposed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lume_dagster.errors import counted
from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.convert import Converted
from lume_dagster.mapper.generate.options import Option
from lume_dagster.mapper.proposal import Alternative, Proposal, Verdict

AUTO_FROM = 0.85  # confidence from which nobody need look
ABSTAIN_BELOW = 0.4  # confidence under which nothing is proposed
_MATCH_FROM = 0.9  # the columns alone must be as sure as that
_ALTERNATIVES = 3


def proposed(field: SchemaField, found: Sequence[Option]) -> Proposal:
    """The surest way with the next ones beside it; none where none is sure enough."""
    if not found or found[0].confidence < ABSTAIN_BELOW:
        return nothing(field, found)
    best = found[0]
    made = best.converted
    return Proposal(
        path=field.path,
        expression=made.expression,
        sources=_sources(made),
        confidence=best.confidence,
        verdict=_verdict(best),
        kind=made.kind,
        reasons=tuple(map(sentence, (*best.reasons, *made.reasons, *losses(made)))),
        alternatives=_alternatives(found[1:], made.expression),
        shown=made.shown,
    )


def nothing(field: SchemaField, found: Sequence[Option]) -> Proposal:
    """Why nothing is proposed, and what would have been the likeliest."""
    if found:
        best = found[0]
        columns = " and ".join(best.converted.sources)
        why = f"Nothing is likely enough; the likeliest is {columns} ({best.confidence:.0%})."
    else:
        why = "No column of the sample looks like it."
    if field.has_default:
        why += " The schema's default stands in."
    return Proposal(
        path=field.path,
        expression=None,
        sources=(),
        confidence=0.0,
        verdict=Verdict.ABSTAIN,
        kind="none",
        reasons=(why,),
        alternatives=_alternatives(found, ""),
    )


def _verdict(option: Option) -> Verdict:
    """A look is asked for wherever the columns, the conversion or both together are not sure."""
    sure = option.confidence >= AUTO_FROM and option.match >= _MATCH_FROM
    return Verdict.AUTO if sure and option.converted.verdict is Verdict.AUTO else Verdict.REVIEW


def _sources(made: Converted) -> tuple[str, ...]:
    return () if made.kind == "constant" else made.sources


def _alternatives(others: Sequence[Option], taken: str) -> tuple[Alternative, ...]:
    """The surest others, each expression once."""
    best: dict[str, Option] = {}
    for option in others:
        if option.converted.expression != taken:
            best.setdefault(option.converted.expression, option)
    return tuple(
        Alternative(
            expression,
            option.confidence,
            tuple(map(sentence, (*option.reasons, *option.converted.reasons))),
        )
        for expression, option in list(best.items())[:_ALTERNATIVES]
        if option.confidence > 0
    )


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def losses(made: Converted) -> Iterator[str]:
    """What the sample's values lose, as sentences."""
    loss = made.loss
    if loss.failed:
        shown = ", ".join(map(repr, loss.failed_samples[:3]))
        yield f"{counted(loss.failed, 'row')} of the sample would be rejected: {shown}."
    if loss.new_nulls:
        yield counted(
            loss.new_nulls,
            "row of the sample would lose its value.",
            "rows of the sample would lose their value.",
        )
    if loss.collapsed:
        yield f"{counted(loss.collapsed, 'value')} would become the same as another one."
    yield from loss.dropped

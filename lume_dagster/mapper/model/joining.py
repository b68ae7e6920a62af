"""What was found offline and what a model says, made one proposal; a model alone never decides."""

from __future__ import annotations

from dataclasses import replace

from lume_dagster.mapper.model.values import Answer
from lume_dagster.mapper.proposal import Alternative, Proposal, Verdict

_KIND = "model"
#: How much of a model's word counts when it says the same as the matcher. Both read the same names
#: and values, so their errors are not independent; a prior, to be set by measuring.
_SECOND_WORD = 0.5
_FIRM = 0.5  # an offline proposal of this confidence stays first when the model says otherwise


def joined(
    offline: Proposal, answer: Answer, made_by: str, *, auto_at: float | None = None
) -> Proposal:
    """The proposal of a field after a model was asked.

    Agreement raises the confidence, and from ``auto_at`` on nobody need look (None where somebody
    must, as when something was lost); the expression stays the offline one. Where they differ, and
    what only the model proposes, is looked at. A model without an answer changes nothing.
    """
    if answer.expression is None:
        return offline
    if offline.expression is None:
        return _alone(offline, answer, made_by)
    if answer.agrees:
        return _agreement(offline, answer, made_by, auto_at)
    return _difference(offline, answer, made_by)


def _agreement(offline: Proposal, answer: Answer, made_by: str, auto_at: float | None) -> Proposal:
    raised = 1 - (1 - offline.confidence) * (1 - _SECOND_WORD * answer.confidence)
    verdict = Verdict.AUTO if auto_at is not None and raised >= auto_at else offline.verdict
    said = f"{made_by} comes to the same: {answer.reason}"
    return replace(offline, confidence=raised, verdict=verdict, reasons=(*offline.reasons, said))


def _alone(offline: Proposal, answer: Answer, made_by: str) -> Proposal:
    said = f"only {made_by} proposes this: {answer.reason}"
    return replace(
        offline,
        expression=answer.expression,
        sources=answer.sources,
        confidence=answer.confidence,
        verdict=Verdict.REVIEW,
        kind=_KIND,
        reasons=(said, *offline.reasons),
        shown=(),
    )


def _difference(offline: Proposal, answer: Answer, made_by: str) -> Proposal:
    """The surer one first, the other among the alternatives, and always a look."""
    said = f"{made_by} says otherwise: {answer.reason}"
    other = Alternative(str(answer.expression), answer.confidence, (said,))
    if offline.confidence >= _FIRM or offline.confidence >= answer.confidence:
        return replace(
            offline,
            verdict=Verdict.REVIEW,
            reasons=(*offline.reasons, said),
            alternatives=(other, *offline.alternatives),
        )
    kept = Alternative(str(offline.expression), offline.confidence, offline.reasons)
    changed = _alone(offline, answer, made_by)
    return replace(
        changed,
        reasons=(f"{made_by}, against what was found offline: {answer.reason}",),
        alternatives=(kept, *offline.alternatives),
    )

"""The lookup tables of a mapping: learned for other flows, and how sure each of their pairs is."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from lume_dagster.errors import InvalidRequestError, did_you_mean
from lume_dagster.flows.flow_file import parse
from lume_dagster.flows.model import Flow
from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.convert.enums import score
from lume_dagster.mapper.convert.program import Confidence
from lume_dagster.mapper.extra import needing_extra
from lume_dagster.mapper.lineage import lineage_of
from lume_dagster.mapper.nodes import expressions, leaves
from lume_dagster.mapper.review import KEPT, learn_codes, read_review
from lume_dagster.mapper.workshop.documents import ResultDocument, changed, save
from lume_dagster.mapper.workshop.pipelines import draft
from lume_dagster.mapper.workshop.place import Place

Pairs = dict[str, dict[str, str]]  # by path of the field: code to value
_MOST_CHOICES = 1_000
_OTHER_IS_BETTER = 0.5  # of the score that is left to a value, where another one is meant more


def lookups_of(flow: Flow) -> Pairs:
    """The code lists of a mapping, by field."""
    found: Pairs = {}
    for leaf in leaves(flow.mapping, flow.target_schema):
        pairs = lineage_of(leaf.expression, f"mapping.{leaf.path}", leaf.variables).lookups
        if pairs:
            found[leaf.path] = dict(pairs)
    return found


def learn(place: Place, pipeline: str, names: Sequence[str] | None) -> Pairs:
    """Have other pipelines use the lookup tables that people stand for.

    Raises:
        InvalidRequestError: no such field, one without a lookup table, or that nobody has reviewed.
    """
    flow, home = draft(place, pipeline).flow, place.home(pipeline)
    standing, tables = expressions(flow.mapping, flow.target_schema), lookups_of(flow)
    review = read_review(home)
    stood_for = {p for p in tables if review.decision(p, standing[p]) in KEPT}
    for path in names or ():
        _require(path, standing, tables, stood_for)
    wanted = {path: tables[path] for path in tables if path in (names or stood_for)}
    if not wanted:
        message = f"{pipeline} has no lookup table that anybody has reviewed."
        raise InvalidRequestError(message, hint='pipeline.review([...], "APPROVED") comes first.')
    learn_codes(home, wanted)
    return wanted


def _require(
    path: str, standing: Mapping[str, str | None], tables: Pairs, stood_for: set[str]
) -> None:
    if path not in standing:
        hint = did_you_mean(path, standing)
        raise InvalidRequestError(f"there is no target field {path!r}.", hint=hint)
    if path not in tables:
        message = f"{path} has no lookup table to learn from."
        raise InvalidRequestError(message, hint=f"it is made by {standing[path]}.")
    if path not in stood_for:
        message = f"nobody has reviewed the lookup table of {path}."
        raise InvalidRequestError(message, hint=f'pipeline.review("{path}", "APPROVED").')


def score_lookups(place: Place, result: ResultDocument, timeout: float) -> ResultDocument:
    """The result with how sure each pair of its lookup tables is; a person's word is.

    Raises:
        InvalidRequestError: too many choices, or it takes longer than ``timeout`` seconds.
        MissingExtraError: the packages of ``lume-dagster[mapper]`` are not there.
    """
    with needing_extra("Scoring lookups"):
        from lume_dagster.mapper.generate.making import meaning_scorer
    flow, until = parse(result.flow), time.monotonic() + timeout
    fields = {field.path: field for field in flow.target_schema.walk()}
    review = read_review(place.home(result.pipeline))
    standing = expressions(flow.mapping, flow.target_schema)
    meaning = meaning_scorer()
    scores: Pairs = {}
    for path, pairs in lookups_of(flow).items():
        choices = _choices(fields[path], pairs)
        scores[path] = {}
        if review.decision(path, standing.get(path)) in KEPT:
            scores[path] = dict.fromkeys(pairs, Confidence.CONFIDENT.value)
            continue
        for code, value in pairs.items():
            if time.monotonic() > until:
                message = f"scoring the lookups of {result.id} takes longer than {timeout:g} s."
                raise InvalidRequestError(message, hint="give it a longer timeout.")
            told = {choice: score(code, choice, scorer=meaning) for choice in choices}
            scores[path][code] = Confidence.of(_sure(told, value)).value
    return save(place, changed(result, lookup_confidence=scores))


def _choices(field: SchemaField, pairs: Mapping[str, str]) -> list[str]:
    allowed = [str(value) for value in field.enum or () if value is not None]
    choices = list(dict.fromkeys([*allowed, *pairs.values()]))
    if len(choices) >= _MOST_CHOICES:
        message = f"{field.path} has {len(choices):,} values to choose from."
        raise InvalidRequestError(message, hint=f"scores are for fewer than {_MOST_CHOICES:,}.")
    return choices


def _sure(told: Mapping[str, float], value: str) -> float:
    """The score of the value, less where another one looks more like what is meant."""
    rival = max((points for choice, points in told.items() if choice != value), default=0.0)
    own = told.get(value, 0.0)
    return own if own > rival else own * (1 - rival) * _OTHER_IS_BETTER

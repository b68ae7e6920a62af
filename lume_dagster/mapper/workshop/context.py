"""A global edit: sentences about the data as a whole, which may change the mapping of any field.

A small, closed grammar reads them. What a sentence says goes to where it belongs: to the source
format, to the code lists, to the names that columns have; then fields are generated anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from lume_dagster.engines.batch import StagedBatch
from lume_dagster.errors import InvalidRequestError
from lume_dagster.flows.model import Flow
from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.convert.facts import sql_text
from lume_dagster.mapper.lineage import lineage_of
from lume_dagster.mapper.nodes import complete, expressions, leaves, with_node
from lume_dagster.mapper.review import kept_fields, read_review
from lume_dagster.mapper.sample import Sample, take_sample
from lume_dagster.mapper.workshop.generation import Generated, Said, generate
from lume_dagster.mapper.workshop.lookups import lookups_of
from lume_dagster.mapper.workshop.place import Place
from lume_dagster.mapper.workshop.running import changed_flow
from lume_dagster.mapper.workshop.sentence_steps import folded, worded_format

_HINT = (
    "these are understood: dates are in the format dd/mm/yyyy; dates have the day first (or the "
    "month first); numbers have a decimal comma (or point); 'X' means no value; the code A means "
    "B; the column C means FIELD. Say anything else of one field, by run_prompt."
)
_ORDERS = {"day": ("%d", "%m"), "month": ("%m", "%d")}
_MARKS = ("/", ".", "-", " ")


@dataclass(frozen=True, slots=True)
class _Context:
    """What the sentences have said so far."""

    fields: tuple[SchemaField, ...]
    sample: Sample
    said: Said = field(default_factory=Said)
    nulls: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    decimal: str | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of it."""

    flow: Flow
    generated: Generated
    fields: tuple[str, ...]


def edit_by_context(place: Place, flow: Flow, staged: StagedBatch, source_context: str) -> Changed:
    """The flow as the sentences want it; what people stand for, or they do not touch, is kept.

    Raises:
        InvalidRequestError: a sentence that is not understood.
    """
    sample = take_sample(place.settings, staged)
    context = _Context(tuple(flow.target_schema.walk()), sample)
    for sentence in _sentences(source_context):
        context = _read(sentence, context)
    told = _with_nulls(flow, context.nulls) if context.nulls else flow
    standing = expressions(flow.mapping, flow.target_schema)
    spoken_of = {*context.said.codes, *(path for _, path in context.said.names)}
    keep = [p for p, said in standing.items() if said is not None and p not in spoken_of]
    made = generate(place, told, staged, keep, _with_lookups(flow, context.said))
    after = _as_written(place, made.flow, context)
    now = expressions(after.mapping, after.target_schema)
    return Changed(after, made, tuple(p for p in standing if standing[p] != now.get(p)))


def _with_lookups(flow: Flow, said: Said) -> Said:
    """With the codes that the mapping knows already: a new one does not make them forgotten."""
    known = lookups_of(flow)
    return replace(said, codes={p: {**known.get(p, {}), **new} for p, new in said.codes.items()})


def _sentences(text: str) -> Iterator[str]:
    found = [s.strip() for s in re.split(r"[;\n]|\.(?=\s|$)", text)]
    if not any(found):
        raise InvalidRequestError("the global edit says nothing.", hint=_HINT)
    yield from (sentence for sentence in found if sentence)


def _read(sentence: str, context: _Context) -> _Context:
    for pattern, tell in _GRAMMAR:
        found = pattern.fullmatch(sentence)
        told = tell(context, found) if found is not None else None
        if told is not None:
            return told
    raise InvalidRequestError(f"the sentence {sentence!r} is not understood.", hint=_HINT)


# -- what sentences say ---------------------------------------------------------------------------


def _dates_as(context: _Context, found: re.Match[str]) -> _Context:
    written = found["form"].strip("'\"")
    form = written if "%" in written else worded_format(written)
    return replace(context, formats=(form,))


def _dates_first(context: _Context, found: re.Match[str]) -> _Context:
    first, second = _ORDERS[found["first"].lower()]
    return replace(context, formats=tuple(f"{first}{mark}{second}{mark}%Y" for mark in _MARKS))


def _decimals(context: _Context, found: re.Match[str]) -> _Context:
    return replace(context, decimal="," if found["mark"].lower() == "comma" else ".")


def _no_value(context: _Context, found: re.Match[str]) -> _Context:
    return replace(context, nulls=(*context.nulls, _bare(found["text"])))


def _means(context: _Context, found: re.Match[str]) -> _Context | None:
    """A column that means a field, or a code that means a value of an enum."""
    what, meaning = _bare(found["what"]), _bare(found["meaning"])
    column = next((c for c in context.sample.columns if folded(c.name) == folded(what)), None)
    target = next((f for f in context.fields if folded(f.name) == folded(meaning)), None)
    if column is not None and target is not None:
        pair = (column.path, target.path)
        return replace(context, said=replace(context.said, names=(*context.said.names, pair)))
    codes = {path: dict(pairs) for path, pairs in context.said.codes.items()}
    for one in context.fields:
        allowed = {str(v).casefold(): str(v) for v in one.enum or () if v is not None}
        if meaning.casefold() in allowed:
            codes.setdefault(one.path, {})[what] = allowed[meaning.casefold()]
    if codes == context.said.codes:
        raise InvalidRequestError(
            f"{what!r} cannot mean {meaning!r}: there is no such column and field, and no field "
            f"allows {meaning!r}.",
            hint=_HINT,
        )
    return replace(context, said=replace(context.said, codes=codes))


def _bare(words: str) -> str:
    words = words.strip()
    return words[1:-1] if len(words) > 1 and words[0] == words[-1] in "'\"`" else words


_DATES = r"(?:all )?(?:the )?dates (?:are|have)"
_NUMBERS = r"(?:all )?(?:the )?(?:numbers|amounts|prices|decimals)"
_HAVE = r"(?:have|use|are written with)"
_GRAMMAR: tuple[
    tuple[re.Pattern[str], Callable[[_Context, re.Match[str]], _Context | None]], ...
] = tuple(
    (re.compile(words, re.IGNORECASE), tell)
    for words, tell in (
        (rf"{_DATES} (?:written )?(?:the )?(?P<first>day|month)[ -]first", _dates_first),
        (rf"{_DATES} (?:written )?(?:(?:in|as|like) )?(?:the format )?(?P<form>\S+)", _dates_as),
        (
            (
                rf"{_NUMBERS} {_HAVE} (?:a )?(?:decimal )?(?P<mark>comma|point)"
                r"(?: as the decimal sign)?"
            ),
            _decimals,
        ),
        (
            (
                r"(?P<text>'[^']*'|\"[^\"]*\"|\S+) (?:means?|stands? for|is) "
                r"(?:no value|nothing|missing|empty|unknown)"
            ),
            _no_value,
        ),
        (
            (
                r"(?:the )?(?:code |column )?(?P<what>.+?) (?:means?|stands? for|is short for|is) "
                r"(?:the )?(?P<meaning>.+)"
            ),
            _means,
        ),
    )
)


# -- where it goes --------------------------------------------------------------------------------


def _with_nulls(flow: Flow, nulls: tuple[str, ...]) -> Flow:
    source = flow.source.model_dump(mode="json", exclude_unset=True)
    given = dict(source.get("format") or {})
    given["nulls"] = list(dict.fromkeys([*flow.source.format.nulls, *nulls]))
    return changed_flow(flow, source={**source, "format": given})


def _as_written(place: Place, flow: Flow, context: _Context) -> Flow:
    """Fields of one column, read as the sentences say that dates and numbers are written."""
    if not context.formats and context.decimal is None:
        return flow
    schema, mapping = flow.target_schema, flow.mapping
    standing = {leaf.path: leaf.expression for leaf in leaves(mapping, schema)}
    kept = kept_fields(read_review(place.flows / flow.flow), standing)
    fields = {one.path: one for one in context.fields}
    for leaf in leaves(flow.mapping, schema):
        sources = lineage_of(leaf.expression, f"mapping.{leaf.path}", leaf.variables).sources
        if leaf.path in kept or leaf.variables or len(sources) != 1:
            continue
        column = next((c for c in context.sample.columns if c.path == sources[0]), None)
        if column is not None and column.type in ("VARCHAR", "JSON"):
            said = _expression(fields[leaf.path], column.reference, column.values, context)
            mapping = with_node(mapping, schema, leaf.path, said) if said else mapping
    return changed_flow(flow, mapping=complete(mapping, schema))


def _expression(
    target: SchemaField, reference: str, values: tuple[str | None, ...], context: _Context
) -> str | None:
    given = [value for value in values if value]
    if target.format == "date" and context.formats:
        fitting = [f for f in context.formats if any(_looks_so(value, f) for value in given)]
        listed = ", ".join(map(sql_text, fitting))
        return f"parse_date({reference}, {listed})" if fitting else None
    marked = any("," in value or "." in value for value in given)
    if target.type in ("integer", "number") and context.decimal is not None and marked:
        comma = ", ','" if context.decimal == "," else ""
        return f"parse_number({reference}{comma})"
    return None


def _looks_so(value: str, date_format: str) -> bool:
    """Whether a text has the marks of a format in its order."""
    marks = re.sub(r"%-?[A-Za-z]", "", date_format)
    return re.sub(r"[^\W_]", "", value.strip()) == marks

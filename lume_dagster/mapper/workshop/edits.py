"""The edits of a session: each takes the flow as the session has it, and gives the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lume_dagster.engines.batch import StagedBatch
from lume_dagster.errors import InvalidRequestError, did_you_mean
from lume_dagster.flows.model import Flow
from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.grammar.importing import (
    import_mapper,
    import_transformation,
    is_transformation,
    target_of,
)
from lume_dagster.mapper.nodes import complete, expressions, fitting, node_at, with_node
from lume_dagster.mapper.sample import Sample, take_sample
from lume_dagster.mapper.workshop.context import edit_by_context
from lume_dagster.mapper.workshop.documents import Proposed, Taught
from lume_dagster.mapper.workshop.generation import generate
from lume_dagster.mapper.workshop.pages import Rows
from lume_dagster.mapper.workshop.pipelines import parsed_schema
from lume_dagster.mapper.workshop.place import Place
from lume_dagster.mapper.workshop.running import changed_flow
from lume_dagster.mapper.workshop.sentences import read_sentence
from lume_dagster.mapper.workshop.teaching import index_of, learned, lesson_of, with_lesson

_NO_PROPOSALS: Mapping[str, Proposed] = {}


@dataclass(frozen=True, slots=True)
class Desk:
    """What an edit works on."""

    place: Place
    flow: Flow
    staged: StagedBatch
    taught: Mapping[str, Sequence[Taught]]
    #: The rows as the session's mapping makes them now; only made when an edit looks at them.
    rows: Callable[[], Rows]


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit gives."""

    kind: str
    flow: Flow
    said: str = ""
    taught: Mapping[str, Sequence[Taught]] | None = None  # None leaves it as it was
    proposals: Mapping[str, Proposed] = field(default_factory=dict)


def edit_mapper(desk: Desk, mapper: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Edited:
    """Give fields other expressions or mapping nodes; None takes a field's mapping away.

    A list of ``{targetField, transformation}`` is read as well, in the grammar of old or with
    expressions; it changes the fields it names.
    """
    flow, schema = desk.flow, desk.flow.target_schema
    if not mapper:
        raise InvalidRequestError("the edit changes nothing.", hint="name a field and its mapping.")
    mapping = dict(flow.mapping)
    if isinstance(mapper, Mapping):
        for path, node in mapper.items():
            mapping = with_node(mapping, schema, path, _node(node, path))
    else:
        for name, node in import_mapper(mapper, schema).items():
            mapping = with_node(mapping, schema, name, _merged(mapping.get(name), node))
    changed = changed_flow(flow, mapping=complete(mapping, schema))
    if isinstance(mapper, Mapping):
        named = [str(path) for path in mapper]
    else:
        named = [target_of(entry, place) for place, entry in enumerate(mapper)]
    return Edited("mapper", changed, ", ".join(named))


def _node(node: Any, path: str) -> Any:
    """A node of the flow file; a transformation of the older grammar becomes one."""
    if isinstance(node, Mapping) and is_transformation(node):
        return import_transformation(node, path)
    return node


def _merged(before: Any, after: Any) -> Any:
    """An object's mapping with the properties that are given; anything else is replaced."""
    if isinstance(before, Mapping) and isinstance(after, Mapping) and "each" not in after:
        inner = {name: _merged(before.get(name), node) for name, node in after.items()}
        return {**before, **inner}
    return after


def edit_sample(desk: Desk, sample: Mapping[str, Any]) -> Edited:
    """Teach by a record: ``index`` or ``source_record``, and ``mapped_record`` as it should be."""
    unknown = sample.keys() - {"index", "source_record", "mapped_record"}
    record = sample.get("mapped_record")
    if unknown or not isinstance(record, Mapping):
        what = f"{min(unknown)!r} means nothing here" if unknown else "there is no mapped_record"
        hint = "{index: 0, mapped_record: {field: value as it should come out}}."
        raise InvalidRequestError(f"the sample edit cannot be read: {what}.", hint=hint)
    rows, schema = desk.rows(), desk.flow.target_schema
    lesson = lesson_of(rows, schema, _index(rows, sample), dict(record))
    taught = with_lesson(desk.taught, lesson)
    found = learned(desk.place, desk.flow, desk.staged, taught, list(lesson.wanted))
    mapping: Mapping[str, Any] = desk.flow.mapping
    for path, expression in found.items():
        mapping = with_node(mapping, schema, path, expression)
    flow = changed_flow(desk.flow, mapping=complete(mapping, schema))
    return Edited("sample", flow, f"record {lesson.index}", taught)


def _index(rows: Rows, sample: Mapping[str, Any]) -> int:
    given = sample.get("index")
    if given is None and isinstance(sample.get("source_record"), Mapping):
        return index_of(rows, sample["source_record"])
    if not isinstance(given, int) or isinstance(given, bool):
        raise InvalidRequestError(
            "the sample edit names no record.", hint="give its index, or its source_record."
        )
    return given


def edit_target_schema(desk: Desk, target_schema: Mapping[str, Any]) -> Edited:
    """Change the target schema: fields that stay keep their mapping, new ones are generated."""
    parsed = parsed_schema(target_schema)
    kept = fitting(desk.flow.mapping, parsed)
    sections: dict[str, Any] = {"schema": dict(target_schema), "mapping": complete(kept, parsed)}
    flow = changed_flow(desk.flow, **sections)
    standing = expressions(kept, parsed)
    proposals = _NO_PROPOSALS
    if desk.place.tools.generate is not None and None in standing.values():
        keep = [path for path, expression in standing.items() if expression is not None]
        made = generate(desk.place, flow, desk.staged, keep)
        flow = made.flow
        proposals = {p: said for p, said in made.proposals.items() if standing.get(p) is None}
    taught = {path: t for path, t in desk.taught.items() if path in standing}
    return Edited("target_schema", flow, taught=taught, proposals=proposals)


def edit_prompt(desk: Desk, target_fields_to_prompt: Mapping[str, str]) -> Edited:
    """Say in a sentence how fields are made: a model reads it where there is one.

    Raises:
        InvalidRequestError: a sentence that is not understood; says which are.
    """
    flow, schema = desk.flow, desk.flow.target_schema
    fields = {f.path: f for f in schema.walk()}
    if not target_fields_to_prompt or not isinstance(target_fields_to_prompt, Mapping):
        raise InvalidRequestError(
            "there is no field with a sentence.", hint="give them so: {'name': 'upper case'}."
        )
    for path in target_fields_to_prompt:
        if path not in fields:
            hint = did_you_mean(path, fields)
            raise InvalidRequestError(f"there is no target field {path!r}.", hint=hint)
    sample = take_sample(desk.place.settings, desk.staged)
    standing = expressions(flow.mapping, schema)
    mapping: Mapping[str, Any] = flow.mapping
    for path, sentence in target_fields_to_prompt.items():
        expression = _understood(desk, sample, fields[path], sentence, standing.get(path))
        mapping = with_node(mapping, schema, path, expression)
    words = "; ".join(f"{path}: {sentence}" for path, sentence in target_fields_to_prompt.items())
    return Edited("prompt", changed_flow(flow, mapping=complete(mapping, schema)), words)


def edit_global(desk: Desk, global_edit: Mapping[str, str]) -> Edited:
    """Say something of the data as a whole: any field may change, but what people stand for.

    Raises:
        InvalidRequestError: a sentence that is not understood.
    """
    context = global_edit.get("source_context")
    if context is None or set(global_edit) != {"source_context"}:
        raise InvalidRequestError(
            "the global edit cannot be read.", hint="{source_context: a sentence on the data}."
        )
    made = edit_by_context(desk.place, desk.flow, desk.staged, context)
    proposals = {p: said for p, said in made.generated.proposals.items() if p in made.fields}
    return Edited("global", made.flow, context, proposals=proposals)


def _understood(
    desk: Desk, sample: Sample, target: SchemaField, sentence: str, current: str | None
) -> str:
    ask = desk.place.tools.ask
    if ask is not None:
        answer = ask(sample, target, sentence, current)
        if answer is not None:
            return answer
    return read_sentence(sentence, sample, target, current)


def edit_generate(desk: Desk, fields: Sequence[str] | None) -> Edited:
    """Generate fields anew, all of them or these; what people stand for is kept."""
    standing = expressions(desk.flow.mapping, desk.flow.target_schema)
    for path in fields or ():
        if path not in standing:
            hint = did_you_mean(path, standing)
            raise InvalidRequestError(f"there is no target field {path!r}.", hint=hint)
    keep = [] if fields is None else [path for path in standing if path not in fields]
    made = generate(desk.place, desk.flow, desk.staged, keep)
    if fields is None:
        return Edited("generate", made.flow, proposals=made.proposals)
    flow = desk.flow
    mapping: Mapping[str, Any] = flow.mapping
    for path in fields:
        node = node_at(made.flow.mapping, flow.target_schema, path)
        mapping = with_node(mapping, flow.target_schema, path, node)
    flow = changed_flow(flow, mapping=complete(mapping, flow.target_schema))
    proposals = {path: said for path, said in made.proposals.items() if path in fields}
    return Edited("generate", flow, ", ".join(fields), proposals=proposals)

"""What people have decided of the fields of a draft: kept beside it, and remembered by others.

``review.yaml`` stands in the flow's folder, and is no part of a version: it speaks of the mapping
but does not change what the mapping does. A decision is about an expression; where the field has
another one now, nobody has looked at it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field

from lume_dagster.errors import FlowError, InvalidRequestError, did_you_mean
from lume_dagster.flows.flow_file import read_bytes, read_model
from lume_dagster.flows.library import Library
from lume_dagster.flows.lock_file import Instant, exclusively, instant, write_atomically
from lume_dagster.flows.model import FlowName, Part
from lume_dagster.flows.schema import SchemaField, TargetSchema
from lume_dagster.flows.versions import FILE_NAME, draft_of
from lume_dagster.flows.yaml_text import write_yaml
from lume_dagster.mapper.nodes import leaves
from lume_dagster.mapper.proposal import Decision

REVIEW_NAME = "review.yaml"
_HEADER = "# What people have decided of the fields of flow.yaml beside it.\n"
#: What later generations keep.
KEPT = frozenset({Decision.PROPOSED, Decision.APPROVED})


class Reviewed(Part):
    """A decision on one field."""

    decision: Decision = Field(description="FLAGGED, PROPOSED or APPROVED.")
    expression: str | None = Field(None, description="What it is about; absent for no mapping.")
    author: str = Field(description="Who decided.")
    at: Instant = Field(description="When, in UTC.")
    note: str = Field("", description="Why.")


class Review(Part):
    """What stands in ``review.yaml``."""

    review: Literal[1] = Field(1, description="Version of the format of review files.")
    flow: FlowName = Field(description="Name of the flow.")
    fields: Mapping[str, Reviewed] = Field({}, description="By path of the target field.")
    learned: Mapping[str, Mapping[str, str]] = Field(
        {}, description="What codes mean in other flows too, by path of the target field."
    )

    def decision(self, path: str, expression: str | None) -> Decision:
        """What is decided of a field as it stands now."""
        given = self.fields.get(path)
        if given is None or given.expression != expression:
            return Decision.NOT_REVIEWED
        return given.decision


@dataclass(frozen=True, slots=True)
class Remembered:
    """How another flow makes the same target field, and that a person stands for it."""

    flow: str
    field: SchemaField
    expression: str
    decision: Decision


def read_review(folder: Path) -> Review:
    """The decisions on the draft in a flow's folder; none where there is no file."""
    path = folder / REVIEW_NAME
    if not path.exists():
        return Review.model_construct(flow=folder.name)
    review = read_model(read_bytes(path), Review, path, "review: 1, flow, fields")
    if review.flow != folder.name:
        message = f"{path}: it belongs to the flow {review.flow!r}, not to {folder.name!r}."
        raise FlowError(message, hint="restore it, for example from git.")
    return review


def decide(
    folder: Path,
    decisions: Mapping[str, Decision],
    expressions: Mapping[str, str | None],
    *,
    author: str,
    note: str = "",
    at: datetime | None = None,
) -> Review:
    """Keep decisions on fields, and forget those on fields that are no more.

    Args:
        folder: the flow's folder.
        decisions: by path; NOT_REVIEWED takes one back.
        expressions: what the draft says now, for every path of the schema.
        author: who decides.
        note: why.
        at: when, in place of now.

    Raises:
        InvalidRequestError: no such field.
    """
    for path in decisions:
        if path not in expressions:
            hint = did_you_mean(path, expressions)
            raise InvalidRequestError(f"there is no target field {path!r}.", hint=hint)
    with exclusively(folder):
        review = read_review(folder)
        fields = {path: r for path, r in review.fields.items() if path in expressions}
        for path, decision in decisions.items():
            fields.pop(path, None)
            if decision is not Decision.NOT_REVIEWED:
                fields[path] = Reviewed(
                    decision=decision,
                    expression=expressions[path],
                    author=author,
                    at=instant(at),
                    note=note,
                )
        kept = {path: fields[path] for path in expressions if path in fields}
        review = Review(flow=folder.name, fields=kept, learned=review.learned)
        write_atomically(folder / REVIEW_NAME, _text(review).encode())
        return review


def learn_codes(folder: Path, codes: Mapping[str, Mapping[str, str]]) -> Review:
    """Keep what codes mean, for the same fields of other flows; what is there of a field goes."""
    with exclusively(folder):
        before = read_review(folder)
        learned = {**before.learned, **codes}
        review = Review(flow=folder.name, fields=before.fields, learned=learned)
        write_atomically(folder / REVIEW_NAME, _text(review).encode())
        return review


def learned_codes(library: Library, schema: TargetSchema, *, but: str) -> dict[str, dict[str, str]]:
    """What other flows have learned of the fields of a schema: code to value, by field.

    A field is known by its name and its enum. Where flows differ on a code, it is not told.
    """
    wanted = [field for field in schema.walk() if field.enum is not None]
    told: dict[str, dict[str, set[str]]] = {}
    for name in library.flows():
        if name == but or not (library.folder / name / REVIEW_NAME).is_file():
            continue
        review = read_review(library.folder / name)
        for field in wanted:
            for path, pairs in review.learned.items():
                if path.rpartition(".")[2] == field.name and _allowed(field, pairs):
                    for code, value in pairs.items():
                        told.setdefault(field.path, {}).setdefault(code, set()).add(value)
    return {
        path: {code: next(iter(values)) for code, values in codes.items() if len(values) == 1}
        for path, codes in told.items()
    }


def _allowed(field: SchemaField, pairs: Mapping[str, str]) -> bool:
    allowed = {str(value) for value in field.enum or ()}
    return bool(pairs) and set(pairs.values()) <= allowed


def _text(review: Review) -> str:
    fields = {
        path: r.model_dump(mode="json", exclude_defaults=True) for path, r in review.fields.items()
    }
    value: dict[str, object] = {"review": 1, "flow": review.flow, "fields": fields}
    if review.learned:
        value["learned"] = {path: dict(pairs) for path, pairs in review.learned.items()}
    return _HEADER + write_yaml(value)


def kept_fields(review: Review, expressions: Mapping[str, str | None]) -> dict[str, str]:
    """The fields a later generation keeps as they are: proposed by a person, or approved."""
    return {
        path: expression
        for path, expression in expressions.items()
        if expression is not None and review.decision(path, expression) in KEPT
    }


def remembered(library: Library, schema: TargetSchema, *, but: str) -> tuple[Remembered, ...]:
    """What people stand for in other flows, of fields that are the same there.

    A field is the same when its path, type, format and choices are. A flow that cannot be read
    remembers nothing; ``lume validate`` says what is wrong with it.
    """
    wanted = {field.path: field for field in schema.walk()}
    names = (name for name in library.flows() if name != but)
    return tuple(
        found
        for name in names
        if (library.folder / name / REVIEW_NAME).is_file()
        for found in _of_flow(library, name, wanted)
    )


def _of_flow(
    library: Library, name: str, wanted: Mapping[str, SchemaField]
) -> Iterator[Remembered]:
    folder = library.folder / name
    if not (folder / FILE_NAME).is_file():
        return
    try:
        flow = draft_of(folder, library.lock(name)).flow
        review = read_review(folder)
    except FlowError:
        return
    theirs = {field.path: field for field in flow.target_schema.walk()}
    for leaf in leaves(flow.mapping, flow.target_schema):
        decision = review.decision(leaf.path, leaf.expression)
        same = leaf.path in wanted and _same(wanted[leaf.path], theirs[leaf.path])
        if same and decision in KEPT:
            yield Remembered(name, theirs[leaf.path], leaf.expression, decision)


def _same(one: SchemaField, other: SchemaField) -> bool:
    return (one.type, one.format, one.enum) == (other.type, other.format, other.enum)

"""A pipeline is a flow in the making: the draft in its folder of the library."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from lume_dagster.engines.batch import StagedBatch
from lume_dagster.errors import FlowError, InvalidRequestError
from lume_dagster.flows.drafts import create_draft, standing_of, write_draft
from lume_dagster.flows.flow_file import render
from lume_dagster.flows.json_schema import read_schema
from lume_dagster.flows.lock_file import exclusively, write_atomically
from lume_dagster.flows.model import Flow, FlowVersion
from lume_dagster.flows.schema import TargetSchema
from lume_dagster.flows.shape import shape_problems
from lume_dagster.flows.versions import FILE_NAME
from lume_dagster.mapper.infer import infer_schema
from lume_dagster.mapper.nodes import complete, fitting, leaves
from lume_dagster.mapper.review import REVIEW_NAME
from lume_dagster.mapper.sample import take_sample
from lume_dagster.mapper.shapes.kept import SHAPES_NAME
from lume_dagster.mapper.workshop.documents import JobDocument, listed
from lume_dagster.mapper.workshop.intake import batch_of
from lume_dagster.mapper.workshop.place import Place
from lume_dagster.mapper.workshop.running import changed_flow


def create_pipeline(
    place: Place,
    name: str,
    target_schema: Mapping[str, Any],
    description: str | None = None,
    *,
    source: str | Mapping[str, Any] = "landing",
    target: str | Mapping[str, Any] = "warehouse",
) -> Flow:
    """Begin a flow: its draft, in which every required field is still made from nothing.

    Args:
        place: where.
        name: of the pipeline, and of its flow.
        target_schema: JSON Schema of one row.
        description: what it is for.
        source: the source section of the flow file, or the name of a connector.
        target: the target section, or the name of a connector; the table is called as the flow.

    Raises:
        FlowError: the name or the schema will not do; every problem.
        InvalidRequestError: there is a flow of this name.
    """
    value = {
        "lume": 1,
        "flow": name,
        **({"description": description} if description else {}),
        "source": {"connector": source} if isinstance(source, str) else dict(source),
        "target": {"connector": target, "table": name} if isinstance(target, str) else dict(target),
        "schema": dict(target_schema),
        "mapping": complete({}, parsed_schema(target_schema)),
    }
    try:
        flow = Flow.model_validate(value)
    except ValidationError as error:
        raise FlowError.of(shape_problems(error, Flow, value)) from None
    create_draft(place.flows / name, render(flow))
    return flow


def parsed_schema(schema: Mapping[str, Any]) -> TargetSchema:
    """A target schema; its problems are those of a file's section ``schema``."""
    parsed, problems = read_schema(schema)
    if problems:
        raise FlowError.of(problems)
    return parsed


def draft(place: Place, name: str) -> FlowVersion:
    """The draft of a pipeline."""
    place.home(name)
    return place.library.resolve(f"{name}:draft")


def in_force(place: Place, name: str) -> FlowVersion:
    """What jobs of the pipeline run: the active version, or the draft where none is published."""
    place.home(name)
    active = place.library.active(name)
    return place.library.resolve(f"{name}:draft" if active is None else f"{name}:v{active}")


def has_mapper(flow: Flow) -> bool:
    """Whether any field is made from anything."""
    return any(True for _ in leaves(flow.mapping, flow.target_schema))


def pipelines(place: Place) -> tuple[str, ...]:
    """The names of the pipelines: flows with a draft."""
    if not place.flows.is_dir():
        return ()
    return tuple(n for n in place.library.flows() if (place.flows / n / FILE_NAME).is_file())


def update_pipeline(
    place: Place,
    name: str,
    *,
    new_name: str | None = None,
    description: str | None = None,
    target_schema: Mapping[str, Any] | None = None,
) -> str:
    """Change what a draft says of itself; gives the name it has then.

    Fields that stay in the target schema keep their mapping.
    """
    if new_name not in (None, name):
        _rename(place, name, str(new_name))
        name = str(new_name)
    home = place.home(name)
    base, flow = standing_of(home), draft(place, name).flow
    sections: dict[str, Any] = {}
    if description is not None:
        sections["description"] = description
    if target_schema is not None:
        parsed = parsed_schema(target_schema)
        sections["schema"] = dict(target_schema)
        sections["mapping"] = complete(fitting(flow.mapping, parsed), parsed)
    if sections:
        write_draft(home, changed_flow(flow, **sections), base)
    return name


def _rename(place: Place, name: str, new_name: str) -> None:
    home = place.home(name)
    _require_unpublished(place, name, "renamed")
    beside = any((home / beside).exists() for beside in (REVIEW_NAME, SHAPES_NAME))
    if listed(place, JobDocument, name) or beside:
        message = f"{name} has jobs, decisions or shapes, which know it by this name."
        raise InvalidRequestError(message, hint="delete its jobs, or begin a new pipeline.")
    flow = changed_flow(draft(place, name).flow, flow=new_name)
    if (place.flows / new_name).exists():
        raise InvalidRequestError(
            f"there is a flow {new_name!r} already.", hint="choose another name."
        )
    with exclusively(home):
        write_atomically(home / FILE_NAME, render(flow).encode())
        home.rename(place.flows / new_name)


def delete_pipeline(place: Place, name: str) -> None:
    """Delete a draft that was never published, its jobs, results and sessions."""
    home = place.home(name)
    _require_unpublished(place, name, "deleted")
    shutil.rmtree(home)
    shutil.rmtree(place.workshop / name, ignore_errors=True)


def _require_unpublished(place: Place, name: str, what: str) -> None:
    versions = place.library.versions(name)
    if versions:
        message = f"{name} has published versions, and cannot be {what} here."
        hint = f"runs refer to them by name; if it must be, move the folder {place.flows / name}."
        raise InvalidRequestError(message, hint=hint)


def source_schema(place: Place, name: str) -> dict[str, Any] | None:
    """JSON Schema of the source, inferred from the job that was attached last."""
    jobs = listed(place, JobDocument, name)
    return source_schema_of(place, batch_of(place, jobs[-1])) if jobs else None


def source_schema_of(place: Place, staged: StagedBatch) -> dict[str, Any]:
    """JSON Schema of a batch's records, inferred from a sample; no values stand in it."""
    return infer_schema(take_sample(place.settings, staged))

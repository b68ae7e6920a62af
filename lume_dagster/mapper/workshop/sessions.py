"""Editing sessions: nothing outside changes until one is deployed, and none overwrites another."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lume_dagster.errors import InvalidRequestError, LumeError
from lume_dagster.flows.drafts import Standing, deploy, standing_of
from lume_dagster.flows.flow_file import parse, render
from lume_dagster.flows.model import Flow, FlowVersion
from lume_dagster.mapper.nodes import expressions, unmade
from lume_dagster.mapper.proposal import Decision
from lume_dagster.mapper.review import decide, kept_fields, read_review
from lume_dagster.mapper.sample import take_sample
from lume_dagster.mapper.shapes.kept import keep_shapes_of
from lume_dagster.mapper.workshop.changes import field_changes
from lume_dagster.mapper.workshop.documents import (
    Edit,
    JobDocument,
    ResultDocument,
    SessionDocument,
    Status,
    create,
    held,
    listed,
    load,
    now,
    update,
)
from lume_dagster.mapper.workshop.edits import Desk, Edited
from lume_dagster.mapper.workshop.intake import batch_of
from lume_dagster.mapper.workshop.merging import Conflict, Side, merge
from lume_dagster.mapper.workshop.pages import Rows
from lume_dagster.mapper.workshop.pipelines import draft
from lume_dagster.mapper.workshop.place import Place
from lume_dagster.mapper.workshop.results import Asked, deployed_version, run_result
from lume_dagster.mapper.workshop.running import as_version, run_folder, run_on_job

Editing = Callable[[Desk], Edited]


def open_session(place: Place, job: JobDocument) -> SessionDocument:
    """Begin to edit the mapping of the job's pipeline, on the job's data."""
    home = place.home(job.pipeline)
    base = standing_of(home)
    text = render(draft(place, job.pipeline).flow)
    return create(
        place,
        SessionDocument,
        job.pipeline,
        job=job.id,
        digest=base.digest,
        newest=base.newest,
        active=base.active,
        base=text,
        draft=text,
    )


def edit(place: Place, id: str, editing: Editing) -> ResultDocument:  # noqa: A002
    """Make an edit and run what it gives on the job's data.

    An edit that cannot be made, or whose mapping cannot be run, leaves the session as it was.
    """
    with held(place, SessionDocument, id) as session:
        job = load(place, JobDocument, session.job)
        try:
            edited = editing(_desk(place, session, job))
            result = _run(place, session, job, edited)
        except LumeError:
            update(place, session, status=Status.FAILED)
            raise
        after = render(edited.flow)
        changed = field_changes(parse(session.draft), edited.flow)
        made = Edit(
            kind=edited.kind, at=now(), fields=tuple(c.path for c in changed), said=edited.said
        )
        taught = edited.taught
        if taught is None:  # what was said otherwise since is no longer what records teach
            taught = {p: t for p, t in session.taught.items() if p not in made.fields}
        update(
            place,
            session,
            draft=after,
            edits=(*session.edits, made),
            taught=dict(taught),
            proposals={**session.proposals, **edited.proposals},
            result=result.id,
            status=result.status,
        )
        return result


def _desk(place: Place, session: SessionDocument, job: JobDocument) -> Desk:
    flow, staged = parse(session.draft), batch_of(place, job)

    def rows() -> Rows:
        ran = run_on_job(place, as_version(place, flow, 1), job)
        return Rows(place.settings, staged, run_folder(place, job, ran.name), flow.target.key)

    return Desk(place, flow, staged, session.taught, rows)


def _run(
    place: Place, session: SessionDocument, job: JobDocument, edited: Edited
) -> ResultDocument:
    asked = Asked(
        version=as_version(place, edited.flow, (session.newest or 0) + 1),
        workshop=session.id,
        proposals=edited.proposals,
    )
    return run_result(place, job, asked, deployed_version(place, session.pipeline))


def deploy_session(
    place: Place,
    id: str,  # noqa: A002
    *,
    author: str | None = None,
    note: str = "",
) -> FlowVersion:
    """Publish what the session says as the next version, and make it active.

    Fields that the session changed are PROPOSED from then on.

    Raises:
        OutdatedError: somebody else deployed since the session began; says who, and what.
        InvalidRequestError: the active version says the same already, or no row could be mapped
            because a required field is made from nothing.
    """
    by = author or place.author
    with held(place, SessionDocument, id) as session:
        home, flow = place.home(session.pipeline), parse(session.draft)
        _require_made(flow)
        read_review(home)  # what cannot be read is said before anything is published
        base = Standing(session.digest, session.newest, session.active)
        version = deploy(home, flow, base, author=by, note=note)
        _propose(place, session, flow, by, note)
        _keep_shapes(place, session, flow)
        now_stands, text = standing_of(home), render(flow)
        update(
            place,
            session,
            digest=now_stands.digest,
            newest=now_stands.newest,
            active=now_stands.active,
            base=text,
            draft=text,
            status=Status.DEPLOYED,
            deployed=version.name,
        )
        return version


def _require_made(flow: Flow) -> None:
    missing = list(unmade(flow.mapping, flow.target_schema))
    if missing:
        raise InvalidRequestError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} required and made from "
            "nothing: every row would be rejected.",
            hint="map it, give it a default, or take it out of required.",
        )


def _propose(place: Place, session: SessionDocument, flow: Flow, author: str, note: str) -> None:
    """What a person has changed is theirs: later generations keep it."""
    home = place.flows / session.pipeline
    standing = expressions(flow.mapping, flow.target_schema)
    kept = kept_fields(read_review(home), standing)
    generated = {p for p in session.proposals if not _touched(session, p)}
    changed = {
        change.path: Decision.PROPOSED
        for change in field_changes(parse(session.base), flow)
        if change.after is not None and change.path not in kept and change.path not in generated
    }
    if changed:
        decide(home, changed, standing, author=author, note=note or "edited in a workshop")


def _keep_shapes(place: Place, session: SessionDocument, flow: Flow) -> None:
    """How the data looks that the version was made from, unless it was deleted since."""
    job = next((j for j in listed(place, JobDocument, flow.flow) if j.id == session.job), None)
    if job is not None:
        sample = take_sample(place.settings, batch_of(place, job))
        keep_shapes_of(place.flows / flow.flow, flow, sample)


def _touched(session: SessionDocument, path: str) -> bool:
    """Whether the last edit of the field was a person's, and not a generation's."""
    kinds = [made.kind for made in session.edits if path in made.fields]
    return bool(kinds) and kinds[-1] not in ("generate", "target_schema")


def rebase(place: Place, id: str, settle: Mapping[str, Side]) -> tuple[Conflict, ...]:  # noqa: A002
    """Put the session's changes on top of the flow as it stands now.

    Gives what both have changed and nobody has settled; then the session is left as it was.
    """
    with held(place, SessionDocument, id) as session:
        home = place.home(session.pipeline)
        stands, theirs = standing_of(home), draft(place, session.pipeline).flow
        merged, conflicts = merge(parse(session.base), parse(session.draft), theirs, settle)
        if merged is None:
            return conflicts
        update(
            place,
            session,
            digest=stands.digest,
            newest=stands.newest,
            active=stands.active,
            base=render(theirs),
            draft=render(merged),
        )
        return ()


def auto_deploy(place: Place, id: str, result: ResultDocument, note: str) -> None:  # noqa: A002
    """Deploy a session after a run of it that has rows."""
    if not result.mapped_rows:
        raise InvalidRequestError(
            f"{result.id} maps no row, and is not deployed.", hint="look at its failed mappings."
        )
    deploy_session(place, id, note=note)

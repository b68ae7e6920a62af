"""What is pruned of a workshop: what was deployed, and what no open session needs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from lume_dagster.client.pipelines import Job
from lume_dagster.client.results import Result
from lume_dagster.client.workshops import Workshop
from lume_dagster.errors import InvalidRequestError
from lume_dagster.mapper.workshop.leftovers import leftovers
from lume_dagster.orchestration.prune import of_the_workshop, remove
from lume_dagster_tests.mapper.workshop.shop import RECORDS

LATER = timedelta(minutes=1)


def names(place, when, **options):
    return {path.name for path in leftovers(place, datetime.now(UTC) + when, **options)}


@pytest.fixture
def edited(pipeline):
    """A job, a session on it that somebody is in the middle of, and the session's results."""
    job = pipeline.create_job(RECORDS)
    workshop = job.create_workshop()
    results = [workshop.run_mapper({"city": "trim(city)"}), workshop.run_mapper({"city": "city"})]
    return job, workshop, results


def test_an_open_session_stays_with_its_job_and_results(place, edited):
    job, workshop, results = edited
    assert not names(place, LATER) & {job.id, workshop.id, *(result.id for result in results)}


def test_what_was_deployed_goes_with_what_only_it_needed(place, edited):
    job, workshop, results = edited
    workshop.run_mapper({"name": "upper(name)"})
    workshop.deploy()
    assert names(place, LATER) >= {job.id, workshop.id, *(result.id for result in results)}


def test_a_job_that_an_open_session_needs_outlives_one_that_was_deployed(place, edited):
    job, workshop, _ = edited
    other = job.create_workshop()
    workshop.run_mapper({"name": "upper(name)"})
    workshop.deploy()
    gone = names(place, LATER)
    assert workshop.id in gone
    assert not gone & {job.id, other.id}


def test_everything_spares_no_session(place, edited):
    job, workshop, results = edited
    gone = names(place, LATER, everything=True)
    assert gone >= {job.id, workshop.id, *(result.id for result in results)}


def test_what_is_young_stays(place, edited):
    assert edited
    assert names(place, -timedelta(hours=1), everything=True) == set()


def test_what_is_pruned_is_gone(place, edited):
    job, workshop, results = edited
    before = datetime.now(UTC) + LATER
    found = of_the_workshop(place.flows, place.state, before, everything=True)
    assert {one.kind for one in found} == {"workshop"}
    assert all(one.bytes for one in found)
    with dg.DagsterInstance.ephemeral() as instance:
        remove(instance, found)
    for kind, one in ((Job, job), (Workshop, workshop), (Result, results[0])):
        by_id = getattr(kind, "get_by_id", None) or kind.get_job_by_id
        with pytest.raises(InvalidRequestError, match="there is no"):
            by_id(one.id, project=place)

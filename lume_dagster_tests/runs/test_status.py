"""A status follows from what Dagster recorded, and from nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dagster.runs.status import STEPS, RunFacts, Status, derive_status

DAGSTER = [
    "QUEUED",
    "NOT_STARTED",
    "MANAGED",
    "STARTING",
    "STARTED",
    "SUCCESS",
    "FAILURE",
    "CANCELING",
    "CANCELED",
]


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        (RunFacts("NOT_STARTED"), Status.CREATED),
        (RunFacts("QUEUED"), Status.QUEUED),
        (RunFacts("STARTING"), Status.QUEUED),
        (RunFacts("STARTED"), Status.SYNCING_SOURCE),
        (RunFacts("STARTED", last_done="source"), Status.TRANSFORMING),
        (RunFacts("STARTED", last_done="transform"), Status.SYNCING_TARGET),
        (RunFacts("STARTED", last_done="target"), Status.SYNCING_SOURCE),
        (RunFacts("STARTED", selected=("target",)), Status.SYNCING_TARGET),
        (RunFacts("CANCELING", last_done="source"), Status.TRANSFORMING),
        (RunFacts("SUCCESS"), Status.SUCCEEDED),
        (RunFacts("SUCCESS", rejected_rows=1), Status.PARTIAL_FAILED),
        (RunFacts("FAILURE", error_code="PlanError"), Status.FAILED),
        (RunFacts("FAILURE"), Status.CRASHED),
        (RunFacts("CANCELED"), Status.CANCELED),
    ],
    ids=str,
)
def test_a_status_is_derived_from_facts(facts, status):
    assert derive_status(facts) is status


@given(
    st.builds(
        RunFacts,
        dagster_status=st.sampled_from(DAGSTER),
        selected=st.lists(st.sampled_from(STEPS), unique=True).map(tuple),
        last_done=st.none() | st.sampled_from(STEPS),
        rejected_rows=st.integers(0, 3),
        error_code=st.none() | st.just("X"),
    )
)
def test_every_run_has_a_status_that_ends_when_dagsters_does(facts):
    ended = facts.dagster_status in ("SUCCESS", "FAILURE", "CANCELED")
    assert derive_status(facts).ended is ended

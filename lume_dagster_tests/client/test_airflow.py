"""The task that the page on the client shows for Airflow: it starts, waits, and fails on FAILED."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lume_dagster import client
from lume_dagster.client.access import Given, remember
from lume_dagster.errors import NotFoundError, RunError, RunFailedError
from lume_dagster_tests.servers.lume_serve import KEY
from lume_dagster_tests.test_docs import blocks
from lume_dagster_tests.waiting import wait_until

PAGE = Path(__file__).parents[2] / "docs" / "client.md"


def shown(title):
    return next(block.text for block in blocks(PAGE) if block.title == title)


@pytest.fixture
def map_batch(served):
    """The page's callable, in a process that knows the server."""
    remember(Given(KEY, served.url))
    names = {}
    exec(shown("dags/lume_task.py"), names)
    yield names["map_batch"]
    remember(Given())


def test_a_batch_with_rejects_fails_no_task(map_batch, batch):
    told = map_batch("contacts:v1", batch, triggered_by="airflow")
    assert (told["status"], told["rejects"]) == ("PARTIAL_FAILED", 3)
    metadata = client.run_status(told["run"]).metadata
    assert metadata["run"]["run_metadata"] == {"triggered_by": "airflow"}


def test_a_second_try_takes_up_the_run_of_the_first(map_batch, batch):
    going = client.run("contacts:v1", batch)
    assert map_batch("contacts:v1", batch)["run"] == going.id
    assert map_batch("contacts:v1", batch)["run"] == going.id  # it is done by now


def test_a_run_that_fails_fails_the_task(map_batch, served, batch):
    (served.project / "landing" / batch).write_text("id,email\n1,2\n")
    with pytest.raises(RunFailedError, match=r"ended FAILED: .*no column") as caught:
        map_batch("contacts:v1", batch)
    assert caught.value.run.status == "FAILED"
    assert caught.value.hint


def test_a_run_that_is_canceled_fails_the_task(map_batch, served, batch):
    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(map_batch, "contacts:v1", batch)
        (going,) = wait_until(lambda: client.runs(source_path=batch))
        going.cancel()
        with pytest.raises(RunError, match=f"Run {going.id} was canceled"):
            task.result()


def test_a_task_for_a_version_that_is_not_there_fails(map_batch):
    with pytest.raises(NotFoundError, match="has no version 'v9'"):
        map_batch("contacts:v9", "contacts.csv")


def test_the_dag_of_the_page_is_python():
    compile(shown("dags/contacts.py"), "contacts.py", "exec")

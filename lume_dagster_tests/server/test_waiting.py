"""Many who wait cost one question at a time, and hear of what goes wrong."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from lume_dagster.server.waiting import Waiting

RUNS = [f"run_00000000-0000-0000-0000-{number:012}" for number in range(5)]


class Instance:
    """An instance whose runs have ended after some questions, or that fails."""

    def __init__(self, ended_after: int, error: Exception | None = None) -> None:
        self.asked, self._after, self._error = [], ended_after, error

    def get_run_records(self, query):
        self.asked.append(sorted(query.run_ids))
        if self._error is not None:
            raise self._error
        ended = len(self.asked) > self._after
        runs = (SimpleNamespace(run_id=i, is_finished=ended, tags={}) for i in query.run_ids)
        return [SimpleNamespace(dagster_run=run) for run in runs]


def waited(waiting, runs, seconds=60.0):
    async def all_of_them():
        await asyncio.gather(*(waiting.wait(run, seconds) for run in runs))

    asyncio.run(all_of_them())


def test_all_who_wait_are_one_question_at_a_time():
    instance = Instance(ended_after=2)
    waited(Waiting(instance), RUNS * 20)
    assert len(instance.asked) == 3
    assert {len(ids) for ids in instance.asked} == {5}


def test_nobody_is_asked_for_once_nobody_waits():
    instance = Instance(ended_after=0)
    waiting = Waiting(instance)
    waited(waiting, RUNS[:1])
    waited(waiting, RUNS[1:2])
    assert [len(ids) for ids in instance.asked] == [1, 1]


def test_whoever_waits_hears_that_the_instance_failed():
    instance = Instance(ended_after=0, error=RuntimeError("the database is gone"))
    with pytest.raises(RuntimeError, match="the database is gone"):
        waited(Waiting(instance), RUNS)
    assert len(instance.asked) == 1


def test_waiting_ends_with_its_seconds():
    waited(Waiting(Instance(ended_after=1_000_000)), RUNS, seconds=0.3)


def test_a_stop_answers_all():
    waiting = Waiting(Instance(ended_after=1_000_000))

    async def stopped():
        tasks = [asyncio.create_task(waiting.wait(run, 60)) for run in RUNS]
        await asyncio.sleep(0.1)
        waiting.stop()
        await asyncio.wait_for(asyncio.gather(*tasks), 30)

    asyncio.run(stopped())

"""What a caller of the HTTP API waits for: to start a run, and to look at one while others wait."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.dagster.webhooks import make_runs
from benchmarks.figures import Goal, Result, Row
from benchmarks.rounds import say
from benchmarks.setting import Setting, write_small_files
from lume_dagster.client.calls import Call
from lume_dagster.client.remote import Server
from lume_dagster.client.site import Order, Pace, Which

_LOOKS = 100
_WAIT = 60  # seconds that a client asks the server to take


def measure(setting: Setting) -> Result:
    """A server in a process of its own; its clients are threads of this one."""
    from lume_dagster_tests.servers.lume_serve import serving

    callers = setting.sizes.callers
    files = write_small_files(setting.landing / "http", setting.sizes.runs, 100)
    project = setting.project("http", landing=str(setting.landing / "http"))
    with ThreadPoolExecutor(callers) as pool, serving(project) as server:
        client = server.site()
        starts = [_start(client, file) for file in files]
        (ended,) = client.runs(Which(limit=1))
        look = partial(client.summary, ended.id)
        alone = _timed(look)
        going = _never_ending(project)
        waits = [pool.submit(_wait, server.site(), going) for _ in range(callers)]
        time.sleep(1)  # until all of them are there
        beside = _timed(look)
        if any(wait.done() for wait in waits):
            raise RuntimeError("somebody did not wait for the run that never ends")
    return _result(starts, alone, beside, callers)


def _start(client: Server, file: str) -> float:
    begun = time.perf_counter()
    run = client.start(Order("invoices:v1", file))
    took = time.perf_counter() - begun
    say(f"  POST /v1/runs {took:6.3f} s")
    looks = client.looks(run.id, Pace(1, time.monotonic() + 600))
    next(look for look in looks if look.summary.status.ended)
    return took


def _timed(look: Callable[[], object]) -> list[float]:
    seconds = []
    for _ in range(_LOOKS):
        begun = time.perf_counter()
        look()
        seconds.append(time.perf_counter() - begun)
    return seconds


def _never_ending(project: Path) -> str:
    """The record of a run that nobody has begun."""
    import dagster as dg

    from lume_dagster.orchestration.instance import open_instance
    from lume_dagster.orchestration.names import public_id

    with open_instance(project / ".lume") as instance:
        make_runs(instance, 1, dg.DagsterRunStatus.NOT_STARTED)
        return public_id(instance.get_run_ids(limit=1)[0])


def _wait(client: Server, run_id: str) -> None:
    path, query = f"/v1/runs/{run_id}", [("wait", str(_WAIT))]
    client.line.call(Call("GET", path, query=query, patience=_WAIT, tries=1), lambda a: a.json())


def _result(
    starts: Sequence[float], alone: Sequence[float], beside: Sequence[float], callers: int
) -> Result:
    return Result(
        title="The HTTP API, server and clients on one machine",
        rows=[
            Row("start a run: POST /v1/runs", round(statistics.median(starts), 3)),
            Row("look at a run: GET /v1/runs/{id}", round(statistics.median(alone), 4)),
            Row(f"the same while {callers} clients wait", round(statistics.median(beside), 4)),
        ],
        goals=[
            Goal("each run is started within 1 s", round(max(starts), 3), 1),
            Goal(
                f"nineteen of twenty looks take under 50 ms while {callers} clients wait",
                round(1000 * statistics.quantiles(beside, n=20)[-1], 1),
                50,
            ),
        ],
        notes=["A run is started when the one before has ended."],
    )

"""Load a transformed batch into PostgreSQL: our connector against ADBC by hand."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from pathlib import Path

from benchmarks.figures import Goal, Result, rows_of
from benchmarks.process import run
from benchmarks.rounds import Contender, must_agree, ratio, take_turns
from benchmarks.setting import Setting, ours, python

_STAGED, _AGAIN = (
    "ADBC by hand: staging table, one transaction",
    "the same by hand, batch already there",
)
_OURS, _OURS_AGAIN = "lume_dagster", "lume_dagster, batch already there"
_BARE = "adbc_ingest alone (not atomic)"


def measure(setting: Setting) -> Result:
    """First into empty tables, then over a batch that is there."""
    from lume_dagster_tests.servers.postgres import postgres_server

    folder = setting.cache / "transformed"
    shutil.rmtree(folder, ignore_errors=True)
    project = setting.project()
    run([*ours("columns"), str(setting.staged()), str(folder), "--project", str(project)])
    running = setting.servers.get("postgres")
    served = postgres_server() if running is None else nullcontext(running)
    with served as server, server.new_database() as name:
        uri = server.uri(name)
        by_hand = [*python("benchmarks.baseline_postgres")]
        contenders = [
            _contender(_OURS, [*ours("load"), str(folder), "--uri", uri], uri),
            _contender(_STAGED, [*by_hand, "staged", str(folder), "--uri", uri], uri),
            _contender(_BARE, [*by_hand, "bare", str(folder), "--uri", uri], uri),
            _contender(_OURS_AGAIN, [*ours("load"), str(folder), "--uri", uri], uri, again=True),
            _contender(_AGAIN, [*by_hand, "staged", str(folder), "--uri", uri], uri, again=True),
        ]
        samples = take_turns(contenders, setting.rounds, setting.work)
    shared = must_agree(samples, ("mapped", "rejected"))
    first, again = ratio(samples, _OURS, _STAGED).median, ratio(samples, _OURS_AGAIN, _AGAIN).median
    return Result(
        title=f"Load {shared['mapped']:,} rows and {shared['rejected']:,} rejects into PostgreSQL",
        rows=rows_of(samples, _STAGED),
        goals=[
            Goal("within 1.2 of ADBC into a staging table and one transaction", first, 1.2),
            Goal("the same when the batch is there already", again, 1.2),
        ],
        notes=[
            "Whole processes on the same machine as the server, which runs with fsync off; CPU and memory are the "
            "client's. By hand means mapped rows and rejects, as ours.",
        ],
        samples=samples,
    )


def _contender(name: str, command: list[str], uri: str, *, again: bool = False) -> Contender:
    def prepared(_: Path) -> list[str]:
        run([*python("benchmarks.baseline_postgres"), "reset", ".", "--uri", uri])
        if again:
            run(command)
        return command

    return Contender(name, prepared)

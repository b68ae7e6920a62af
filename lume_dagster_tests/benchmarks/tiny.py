"""A scenario of the benchmarks on next to nothing, and whether it gave all the figures it promises."""

from __future__ import annotations

import importlib
import io
import json
import math
import re
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import figures, process, report
from benchmarks.connector_peers import TOOLS
from benchmarks.figures import Result, Row
from benchmarks.mapping.columns import BASELINES
from benchmarks.scenarios import SCENARIOS
from benchmarks.setting import Setting, Sizes

SIZES = Sizes(
    flows=2,
    versions=2,
    files=3,
    rows_a_file=4,
    sampled=2,
    runs=2,
    arrivals=9,
    arrived=2,
    partitions=4,
    completions=3,
    callers=3,
    cases=6,
    matchers=(),
    peers=False,
    least_rounds=False,
)

#: Programs that change the environment of their process.
_APART = ("benchmarks.dagster.backfill",)


def measured(name: str, cache: Path, **servers: Any) -> Result:
    """What the scenario finds; its programs run in this process, which has imported what they need."""
    setting = Setting(rows=200, rounds=1, cache=cache, sizes=SIZES, servers=servers)
    with _in_this_process():
        return SCENARIOS[name](setting)


@contextmanager
def _in_this_process() -> Iterator[None]:
    before = process.LAUNCHER.set(_here)
    try:
        yield
    finally:
        process.LAUNCHER.reset(before)


def _here(command: Sequence[str], settings: Mapping[str, str]) -> process.Sample:
    """A program of the benchmarks by its ``main``; any other command as ever."""
    python, flag, module, *arguments = [*command, "", ""]
    if (python, flag) != (sys.executable, "-m") or module in _APART or settings:
        return process._apart(command, settings)
    printed, argv = io.StringIO(), sys.argv
    sys.argv = [module, *arguments[:-2]]
    begun, cpu = time.perf_counter(), time.process_time()
    try:
        with redirect_stdout(printed):
            importlib.import_module(module).main()
    finally:
        sys.argv = argv
    return process.Sample(
        wall=time.perf_counter() - begun,
        cpu=time.process_time() - cpu,
        rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        outcome=process.outcome(printed.getvalue()),
    )


def missing(name: str, result: Result) -> list[str]:
    """What the figures that were published have and these have not, and figures that are none."""
    published = figures.load()[name]
    found, wanted = _parts(json.loads(json.dumps(asdict(result)))), _parts(published)
    empty = [row.name for row in result.rows if not _is_figure(*_figures(row))]
    undecided = [goal.text for goal in result.goals if not _is_figure(goal.reached)]
    shown = report.section(result)
    untold = [goal.text for goal in result.goals if f": {goal.text}; it is" not in shown]
    return [*(part for part in wanted if part not in found), *empty, *undecided, *untold]


def _parts(figures_: Mapping[str, Any]) -> list[str]:
    """Rows, goals and cells by name, but those of other tools; the numbers in a name may differ.

    So may what is in brackets: which script was the best, and what each is compared with.
    """
    rows = [f"row {row['name']}" for row in figures_["rows"] if row["name"] not in TOOLS]
    goals = [f"goal {goal['text']}" for goal in figures_["goals"]]
    cells = [
        f"cell {table['title']}, {row[0]}: {head}"
        for table in figures_.get("tables", ())
        for row in table["rows"]
        if not row[0].endswith(tuple(BASELINES.values()))
        for head, cell in zip(table["heads"], row, strict=True)
        if cell
    ]
    return [re.sub(r"[\d,.]+|\(.*\)", "#", part) for part in (*rows, *goals, *cells)]


def _figures(row: Row) -> tuple[float | None, ...]:
    ratios = (row.ratio, row.cpu_ratio)
    return (row.wall, row.cpu, row.rss_mb, *(ratio.median for ratio in ratios if ratio))


def _is_figure(*values: float | None) -> bool:
    return any(value is not None and math.isfinite(value) for value in values)

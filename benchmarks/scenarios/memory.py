"""Peak memory of a whole run, as the batch grows and as the limit shrinks."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.figures import Goal, Result, plain_row
from benchmarks.rounds import Contender, Samples, median, take_turns
from benchmarks.setting import Setting, ours

_ROOM = 400  # MB beside the engine: Python, Dagster, Arrow, the file being read


def measure(setting: Setting) -> Result:
    """One run each: memory hardly varies, and ten million rows take their time."""
    large = setting.rows * 10
    cases = ((setting.rows, "2GB"), (large, "2GB"), (large, "512MB"))
    samples: Samples = {}
    for rows, limit in cases:
        name = f"{rows:,} rows, memory_limit {limit}"
        samples |= take_turns(
            [_run(name, replace(setting, rows=rows, memory_limit=limit))], 1, setting.work
        )
    names = list(samples)
    growth = median(samples, names[1], "rss_mb") / median(samples, names[0], "rss_mb")
    rows_ = [plain_row(samples, name) for name in names]
    return Result(
        title="Peak memory of a whole run",
        rows=rows_,
        goals=[
            Goal(
                f"{large:,} rows stay within 2 GB and {_ROOM} MB",
                rows_[1].rss_mb or 0,
                2000 + _ROOM,
            ),
            Goal(
                f"{large:,} rows stay within 512 MB and {_ROOM} MB",
                rows_[2].rss_mb or 0,
                512 + _ROOM,
            ),
        ],
        notes=[f"Ten times the rows take {growth:.2f} times the memory under the same limit."],
        samples=samples,
    )


def _run(name: str, setting: Setting) -> Contender:
    source = setting.invoices()
    project = setting.project(f"project-{setting.rows}-{setting.memory_limit}")
    return Contender(
        name, lambda _: [*ours("run"), "--project", str(project), "--batches", source.name]
    )
